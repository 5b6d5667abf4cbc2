"""The widget kit's own tests, which run under node: one test here for each of theirs."""

import re
import subprocess
from pathlib import Path

import pytest

from introml.site.node import node_path

HERE = Path(__file__).parent
TESTS = HERE / "kit.test.mjs"
GROUPS = re.findall(r'^describe\("([^"]+)"', TESTS.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def report():
    """Node's report as TAP: a line `ok n - group` or `not ok n - group` for each group."""
    command = [node_path(), "--test", "--test-reporter=tap", str(TESTS)]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=120, cwd=HERE
    )
    assert "# tests" in done.stdout, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("group", GROUPS)
def test_kit(group, report):
    begin = report.index(f"# Subtest: {group}\n")
    end = re.compile(rf"^ *(not )?ok \d+ - {re.escape(group)}$", re.MULTILINE).search(report, begin)
    assert end, report
    assert not end.group(1), report[begin : end.start()]


def test_every_group_ran(report):
    assert re.search(r"^# fail 0$", report, re.MULTILINE), report
    assert len(GROUPS) == len(set(GROUPS)) > 10
