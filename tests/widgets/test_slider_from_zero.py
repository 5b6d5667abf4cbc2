"""The positions of the kit's slider whose left end is zero."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import introml.widgets

KIT = Path(introml.widgets.__file__).parent / "kit" / "slider_from_zero.js"
SCRIPT = """
const { zeroOrRatio } = await import(process.argv[1]);
const at = zeroOrRatio(1e-6, 10);
const values = Array.from({ length: 101 }, (_, i) => at.toValue(String(i)));
const back = [...values, 5e-7, 1e-9].map((value) => at.toPosition(value));
process.stdout.write(JSON.stringify({ values, back }));
"""


def test_zero_then_equal_ratios_and_back():
    node = shutil.which("node")
    assert node, "node is not on PATH; run the tests with `make test`"
    command = [node, "--input-type=module", "-e", SCRIPT, KIT.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(done.stdout)
    assert found["values"][0] == 0
    assert found["values"][1:] == pytest.approx(np.geomspace(1e-6, 10, 100), rel=6e-3)
    # A value below the least that a position stands for is shown at that position, not at zero.
    assert found["back"] == [*range(101), 1, 1]
