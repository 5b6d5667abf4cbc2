"""The command line: exit statuses, files, words for bad use, and a class graded for real."""

import csv
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tiny import FOLDER, SECRETS, code_cell, copy_of_tiny, notebook, written

from introml import command
from introml.grader import cli
from introml.grader.results.results import Verdict

TINY = str(FOLDER)


def run(*arguments, cwd=None):
    command = [sys.executable, "-m", "introml.command", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A class of six, graded by the real checker: folder of notebooks, results, the first run."""
    place = tmp_path_factory.mktemp("class")
    handed = place / "in"
    handed.mkdir()
    spinning = notebook()
    spinning["cells"].insert(0, code_cell("while True: pass"))
    ending = notebook()
    ending["cells"].insert(0, code_cell("import os; os._exit(0)"))
    for name, data in {
        "ada": written(notebook()),
        "bob": written(notebook(answered=False)),
        "carl": b"%PDF-1.4",
        "=cmd()": written(notebook()),
        "new\nline": written(ending),
        "spin": written(spinning),
    }.items():
        (handed / f"{name}.ipynb").write_bytes(data)
    out = place / "out"
    arguments = ["grade", TINY, handed, "--out", out, "--jobs", 2, "--time-limit", 16, "--report"]
    first = run(*arguments)
    return handed, out, arguments, first


def test_without_a_command_it_says_what_there_is(capsys):
    assert command.main([]) == cli.BAD_USE
    told = capsys.readouterr().out
    assert "introml fetch attention" in told
    assert "hand in" in told


def test_a_class_is_graded(graded):
    _, out, _, first = graded
    assert first.returncode == 0, first.stdout + first.stderr
    with (out / "grades.csv").open(newline="") as file:
        rows = {line["submission"]: line for line in csv.DictReader(file)}
    verdicts = {name: (line["verdict"], line["score"]) for name, line in rows.items()}
    strange = next(name for name in verdicts if name.startswith("new_line-"))
    assert verdicts == {
        "ada": ("graded", "10"),
        "bob": ("graded", "0"),
        "carl": ("invalid", "0"),
        "'=cmd()": ("graded", "10"),
        strange: ("graded", "10"),
        "spin": ("graded", "10"),
    }
    for folder in ("ada", "bob", "carl", "=cmd()", strange, "spin"):
        document = json.loads((out / folder / "results.json").read_text())
        assert 0 <= document["score"] <= 10
        for name in ("results.json", "feedback.html", "junit.xml"):
            text = (out / folder / name).read_text()
            assert not [one for one in SECRETS[:2] if one in text]


def test_the_run_tells_its_rate_and_the_report_follows(graded):
    first = graded[3].stdout
    assert "6/6" in first
    assert "/min" in first
    assert "6 submissions: 5 graded" in first
    assert "Scores, in % of the maximum" in first
    assert "In force: sandbox" in first
    assert "Grades: " in first


def test_again_it_finds_all_done_and_writes_the_same(graded):
    _, out, arguments, _ = graded
    before = (out / "grades.csv").read_bytes()
    stamps = {path: path.stat().st_mtime_ns for path in out.glob("*/results.json")}
    again = run(*arguments)
    assert again.returncode == 0
    assert again.stdout.count("done before") == 6
    assert (out / "grades.csv").read_bytes() == before
    assert stamps == {path: path.stat().st_mtime_ns for path in out.glob("*/results.json")}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["grade", TINY, "absent.ipynb", "--out", "out"], "absent.ipynb: there is no such"),
        (["grade", "no-lab", "absent.ipynb", "--out", "out"], "no-lab"),
        (["grade", TINY, ".", "--out", "out"], "no .ipynb file"),
        (["grade", TINY, "a.ipynb"], "--out"),
        (["grade", TINY, "a.ipynb", "--out", "out", "--seed", "-1"], "whole number"),
        (["grade", TINY, "a.ipynb", "--out", "out", "--jobs", "0"], "whole number"),
        (["grade", TINY, "a.ipynb", "--out", "out", "--time-limit", "nan"], "seconds"),
        (["grade", TINY, "a.ipynb", "--out", "out", "--memory-limit", "1"], "whole number"),
        (["grade", TINY, "a.ipynb", "--out", "out", "--hidden", "."], "hidden_checks.py"),
        (["lab", "release", "no-lab", "--out", "out"], "no-lab"),
        (["lab"], "required"),
    ],
)
def test_bad_use_is_status_2_and_says_what(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    try:
        status = command.main(arguments)
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert words in capsys.readouterr().err


def test_broken_hidden_checks_are_bad_use_and_grade_nothing(tmp_path):
    lab = copy_of_tiny(tmp_path, hidden_checks_py=lambda text: text + "\n1 / 0\n")
    (tmp_path / "a.ipynb").write_bytes(written(notebook()))
    ended = run("grade", lab, tmp_path / "a.ipynb", "--out", tmp_path / "out")
    assert ended.returncode == 2
    assert "ZeroDivisionError" in ended.stderr
    assert not (tmp_path / "out" / "a").exists()


def test_faults_are_status_1(tmp_path, monkeypatch, capsys):
    from introml.grader.run.checker_process import CheckerBroken, CheckerProcess

    def broken(*_, **__):
        raise CheckerBroken("it broke")

    monkeypatch.setattr(CheckerProcess, "grade", broken)
    monkeypatch.setattr(CheckerProcess, "start", lambda self: None)
    (tmp_path / "a.ipynb").write_bytes(b"{}")
    status = command.main(
        ["grade", TINY, str(tmp_path / "a.ipynb"), "--out", str(tmp_path / "out")]
    )
    assert status == 1
    assert "failed on 1" in capsys.readouterr().err
    document = json.loads((tmp_path / "out" / "a" / "results.json").read_text())
    assert document["extra_data"]["introml"]["verdict"] == Verdict.FAULT


def test_nothing_in_the_folder_where_it_is_started_takes_a_modules_place(tmp_path):
    for name in ("torch.py", "json.py", "sitecustomize.py", "checks.py", "jinja2.py"):
        (tmp_path / name).write_text("raise SystemExit('taken')")
    (tmp_path / "a.ipynb").write_bytes(written(notebook()))
    command = [Path(sys.executable).parent / "introml", "grade", TINY, "a.ipynb", "--out", "out"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert "graded  10/10" in ended.stdout


def test_a_folder_gives_its_notebooks_without_checkpoints_and_links(tmp_path):
    for place in ("a/hw.ipynb", "b/hw.ipynb", "a/.ipynb_checkpoints/hw-checkpoint.ipynb"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("{}")
    collected = cli._collected([tmp_path, tmp_path])
    assert [one.file for one in collected.handed] == ["a/hw.ipynb", "b/hw.ipynb"]
    (checkpoint,) = collected.left_out
    assert checkpoint.file == "a/.ipynb_checkpoints/hw-checkpoint.ipynb"


def test_a_platforms_archive_is_graded_with_its_students_and_what_is_left_out_is_told(tmp_path):
    class_ = tmp_path / "class.zip"
    moodle = "_assignsubmission_file_"
    with zipfile.ZipFile(class_, "w") as archive:
        archive.writestr(f"Ada Lovelace_7{moodle}/hw.ipynb", written(notebook()))
        archive.writestr(f"Ada Lovelace_7{moodle}/data.csv", "1,2")
        archive.writestr(f"Zoë 王_8{moodle}/scan.pdf", b"%PDF-1.7")
        archive.writestr("__MACOSX/._x", b"x")
    ended = run("grade", FOLDER, class_, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    with (tmp_path / "out" / "grades.csv").open() as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert {name: row["score"] for name, row in rows.items()} == {
        "Ada Lovelace": "10",
        "Zoë 王": "0",
    }
    assert rows["Ada Lovelace"]["file"] == f"Ada Lovelace_7{moodle}/hw.ipynb"
    assert rows["Zoë 王"]["notes"].startswith("This is a PDF.")
    with (tmp_path / "out" / "left_out.csv").open() as file:
        assert [row["file"] for row in csv.DictReader(file)] == [
            f"Ada Lovelace_7{moodle}/data.csv", "__MACOSX/._x",
        ]  # fmt: skip
    assert "2 files left out" in ended.stdout
    assert "data.csv: It is beside what Ada Lovelace_7 has a row for." in ended.stdout
    again = run("grade", FOLDER, class_, "--out", tmp_path / "out")
    assert "10/10" in again.stdout
    assert (tmp_path / "out" / "Ada Lovelace_7" / "feedback.html").is_file()


def test_labs_are_released_and_never_over_a_students_work(tmp_path, capsys):
    assert command.main(["lab", "release", TINY, "--out", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.ipynb", "tiny_checks.py"}
    (tmp_path / "tiny.ipynb").write_text("my work")
    assert command.main(["lab", "release", TINY, "--out", str(tmp_path)]) == 2
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "tiny.ipynb").read_text() == "my work"
    assert command.main(["lab", "list"]) == 0


def test_a_student_checks_a_notebook(tmp_path, capsys):
    for name, data, status, words in (
        ("right", written(notebook()), 0, "The loss is the mean"),
        ("starter", written(notebook(answered=False)), 1, "The loss is the mean"),
        ("none", b"no notebook", 2, "not a notebook"),
    ):
        (tmp_path / f"{name}.ipynb").write_bytes(data)
        assert command.main(["lab", "check", str(tmp_path / f"{name}.ipynb")]) == status, name
        assert words in capsys.readouterr().out


def test_help_shows_examples():
    ended = run("grade", "--help")
    assert ended.returncode == 0
    assert "introml grade attention submissions/*.ipynb --out results/" in ended.stdout
    assert "introml lab release attention --out" in run("--help").stdout


def test_the_command_starts_without_torch():
    code = "import sys, introml.command as c; c.parser(); import introml.grader.run.grade, "
    code += (
        "introml.grader.run.report, introml.grader.run.progress_bar; print('torch' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stdout.strip() == "False", ended.stderr


def test_it_is_installed():
    assert os.access(Path(sys.executable).parent / "introml", os.X_OK)


def test_a_umask_that_hides_everything_keeps_no_student_from_starting(tmp_path):
    (tmp_path / "in.ipynb").write_bytes(written(notebook()))
    arguments = [str(FOLDER), "in.ipynb", "--out", "out", "--jobs", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "introml.command", "grade", *arguments],
        cwd=tmp_path, umask=0o077, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out" / "grades.csv").open() as file:
        assert [row["verdict"] for row in csv.DictReader(file)] == ["graded"]
