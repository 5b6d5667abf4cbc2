"""tools/recordings/record_gpu.py measures a GPU, or refuses and leaves the recordings alone."""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch

from introml.book.paths import ROOT
from introml.kernels import in_triton

SCRIPT = ROOT / "tools" / "recordings" / "record_gpu.py"


@pytest.fixture
def recorder():
    spec = importlib.util.spec_from_file_location("record_gpu", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
def test_it_refuses_without_triton_and_when_interpreted(
    monkeypatch, recorder, triton, interpret, why
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("introml.kernels.in_triton.triton", triton)
    monkeypatch.setenv("TRITON_INTERPRET", interpret)
    assert recorder.refusal() is None if why is None else why in recorder.refusal()


def test_rates_are_of_the_median_and_bytes_are_those_that_must_move(monkeypatch, recorder):
    took = sorted(1e-3 * (1 + at) for at in range(recorder.TIMES))
    monkeypatch.setattr(recorder, "seconds", lambda run: took)
    row = recorder.measured("sum", lambda: None, flops=22_000, moved=264_000, n=22_000)
    assert row["seconds"][recorder.TIMES // 2] == 0.011
    assert (row["n"], row["run"]) == (22_000, "sum")
    assert row["flops_a_second"] == 2e6
    assert row["bytes_a_second"] == 2.4e7
    assert row["flops_a_byte"] == 0.0833


@pytest.mark.skipif(
    in_triton.triton is None or os.environ.get("TRITON_INTERPRET") != "1",
    reason="needs Triton and TRITON_INTERPRET=1 (see introml/kernels/in_triton.py)",
)
def test_every_row_is_measured_after_its_result_was_compared(monkeypatch, recorder):
    """The whole recording at small sizes, interpreted on the CPU; only the clock is made up."""
    monkeypatch.setattr(recorder, "DEVICE", "cpu")
    monkeypatch.setattr(recorder, "LENGTHS", [3000])
    monkeypatch.setattr(recorder, "SIDES", [33])
    monkeypatch.setattr(recorder, "TILES", [16, 32])
    monkeypatch.setattr(recorder, "ROWS", 5)
    monkeypatch.setattr(recorder, "WIDTHS", [40])

    def clock(run):
        run()
        return [1e-3] * recorder.TIMES

    monkeypatch.setattr(recorder, "seconds", clock)
    before = torch.get_float32_matmul_precision()
    runs = {
        "add": [row["run"] for row in recorder.additions()],
        "matmul": [row["run"] for row in recorder.products()],
        "softmax": [row["run"] for row in recorder.softmaxes()],
    }
    assert torch.get_float32_matmul_precision() == before
    assert runs == {
        "add": ["triton", "torch"],
        "matmul": ["naive", "tiled", "tiled", "library", "library, TF32"],
        "softmax": ["triton", "torch", "unfused"],
    }
    monkeypatch.setattr(in_triton, "softmax", lambda x, out: out.zero_())
    with pytest.raises(AssertionError):
        recorder.softmaxes()
