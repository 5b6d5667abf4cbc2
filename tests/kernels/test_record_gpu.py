"""tools/recordings/record_gpu.py measures a GPU, or refuses and leaves the recordings alone."""

import os
import runpy
import subprocess
import sys

import pytest
import torch

from introml.book.paths import ROOT

SCRIPT = ROOT / "tools" / "recordings" / "record_gpu.py"


def test_without_a_gpu_it_says_so_in_one_sentence_and_fails():
    recordings = ROOT / "assets" / "recordings"
    before = {path: path.stat().st_mtime_ns for path in recordings.iterdir()}
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.strip().splitlines() == [
        "record_gpu.py measures a GPU, and PyTorch finds none on this machine."
    ]
    assert {path: path.stat().st_mtime_ns for path in recordings.iterdir()} == before


@pytest.mark.parametrize(
    ("triton", "interpret", "why"),
    [(None, "0", "pip install triton"), (object(), "1", "TRITON_INTERPRET"), (object(), "0", None)],
)
def test_it_refuses_without_triton_and_when_interpreted(monkeypatch, triton, interpret, why):
    refusal = runpy.run_path(str(SCRIPT))["refusal"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("introml.kernels.in_triton.triton", triton)
    monkeypatch.setenv("TRITON_INTERPRET", interpret)
    assert refusal() is None if why is None else why in refusal()
