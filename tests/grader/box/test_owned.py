"""What a killed process left is told from what a living one uses."""

import subprocess
import sys

from introml.grader.box import owned

MAKE = """
import sys
from pathlib import Path
from introml.grader.box import owned
(Path(sys.argv[1]) / owned.new_name("introml-test-")).mkdir()
"""


def test_only_what_an_ended_process_left_is_found(tmp_path):
    subprocess.run([sys.executable, "-c", MAKE, str(tmp_path)], check=True)
    (left,) = tmp_path.iterdir()
    for _ in range(2):
        (tmp_path / owned.new_name("introml-test-")).mkdir()
    for name in ("introml-test-", "introml-test-x-1-1", "introml-other-1-1-1"):
        (tmp_path / name).mkdir()
    assert owned.left_behind(tmp_path, "introml-test-") == [left]


def test_a_process_that_got_the_number_of_an_ended_one_is_another(tmp_path):
    name = owned.new_name("introml-test-")
    pid, start, count = name.removeprefix("introml-test-").split("-")
    other = tmp_path / f"introml-test-{pid}-{int(start) - 1}-{count}"
    other.mkdir()
    assert owned.left_behind(tmp_path, "introml-test-") == [other]
