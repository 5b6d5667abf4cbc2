"""As many processes as the machine bears, and the longest test file first."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from measured_seconds import FIRST, MEASURED, Seconds, known_seconds
from processes import free_gb, processes

HERE = Path(__file__).parent
MEMINFO = "MemTotal: 32000000 kB\nMemAvailable: 16000000 kB\n"


@pytest.mark.parametrize(
    ("cores", "gb", "number"),
    [(2, 16, 3), (16, 128, 17), (1, 16, 2), (16, 9, 4), (4, 1, 1), (2, 0.1, 1)],
)
def test_one_more_than_cores_if_the_memory_does(cores, gb, number):
    assert processes(cores, gb) == number


def test_the_memory_is_the_machines_or_what_a_containers_limit_leaves():
    assert free_gb(MEMINFO) == pytest.approx(16.384)
    assert free_gb(MEMINFO, "max\n", "0") == pytest.approx(16.384)
    assert free_gb(MEMINFO, "8000000000\n", "3000000000\n") == pytest.approx(5)
    assert free_gb(MEMINFO, "64000000000", "0") == pytest.approx(16.384)


def test_the_program_prints_a_number():
    done = subprocess.check_output([sys.executable, str(HERE / "processes.py")], text=True)
    assert int(done) >= 1


def items(root, *names):
    return [SimpleNamespace(path=root / name) for name in names]


def order(root, *names):
    found = items(root, *names)
    Seconds(root).pytest_collection_modifyitems(found)
    return [one.path.name for one in found]


def test_the_longest_file_is_first_and_an_unknown_one_before_it_may_be_long(tmp_path):
    assert order(tmp_path, "a.py", "b.py") == ["a.py", "b.py"]
    (tmp_path / FIRST).parent.mkdir(parents=True)
    (tmp_path / FIRST).write_text('{"a.py": 1, "b.py": 5, "c.py": 3}')
    assert order(tmp_path, "a.py", "b.py", "c.py") == ["b.py", "c.py", "a.py"]
    assert order(tmp_path, "a.py", "c.py", "new.py") == ["new.py", "c.py", "a.py"]
    (tmp_path / MEASURED).parent.mkdir()
    (tmp_path / MEASURED).write_text('{"a.py": 9}')
    assert order(tmp_path, "a.py", "b.py", "c.py") == ["a.py", "b.py", "c.py"]


def test_a_run_measures_its_files_and_keeps_what_others_measured(tmp_path):
    (tmp_path / "test_slow.py").write_text("import time\ndef test_a(): time.sleep(0.3)\n")
    (tmp_path / "test_fast.py").write_text("def test_a(): pass\n")
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(HERE)!r})\n"
        "from pathlib import Path\nfrom measured_seconds import Seconds\n"
        "def pytest_configure(config):\n"
        "    config.pluginmanager.register(Seconds(Path(__file__).parent))\n"
    )
    (tmp_path / MEASURED).parent.mkdir()
    (tmp_path / MEASURED).write_text('{"test_other.py": 4.0}')

    def run(*arguments):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
        return json.loads((tmp_path / MEASURED).read_text())

    assert run("-k", "test_slow", ".") == {"test_other.py": 4.0}, "a part of a file is not the file"
    assert run("test_slow.py::test_a") == {"test_other.py": 4.0}
    measured = run("-n", "2", ".")
    assert measured.keys() == {"test_other.py", "test_slow.py", "test_fast.py"}
    assert measured["test_slow.py"] >= 0.3 > measured["test_fast.py"]
    assert measured["test_other.py"] == 4.0


def test_a_fresh_checkout_has_start_values():
    root = HERE.parents[1]
    first = json.loads((root / FIRST).read_text())
    assert len(first) > 50
    assert all(seconds >= 0 for seconds in first.values())
    assert known_seconds(root).keys() >= first.keys()
