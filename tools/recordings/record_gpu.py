"""Record how fast the book's kernels and PyTorch's are on a GPU: `gpu.json`.

    python tools/recordings/record_gpu.py

Run it where PyTorch sees a GPU and `triton==3.7.1` is installed; without them it says so, writes
nothing and ends with status 1. Each time is one of `TIMES` after a few that aren't counted, taken
by the GPU's own clock; all of them are kept in sorted order, so that the spread can be shown.
Matrices are float32 throughout. PyTorch multiplies them at its highest precision, and the kernels
in full float32 too: TF32 would be another computation, and is recorded beside them by itself.
"""

import json
import os
import sys
from collections.abc import Callable

import torch

from introml.book.paths import ROOT
from introml.kernels import in_triton
from introml.kernels.softmax import UNFUSED_STEPS

DEVICE = "cuda"
OUT = ROOT / "assets" / "recordings" / "gpu.json"
TIMES = 21
LENGTHS = [2**k for k in (16, 20, 24, 26)]
SIDES = [256, 1024, 4096]
TILES = [16, 32, 64]
ROWS, WIDTHS = 4096, [256, 1024, 8192]


def refusal() -> str | None:
    """Why nothing can be recorded here, in one sentence; None if it can."""
    if not torch.cuda.is_available():
        return "record_gpu.py measures a GPU, and PyTorch finds none on this machine."
    if in_triton.triton is None:
        return in_triton.MISSING
    if os.environ.get("TRITON_INTERPRET") == "1":
        return "record_gpu.py measures compiled kernels; unset TRITON_INTERPRET."
    return None


def seconds(run: Callable[[], object]) -> list[float]:
    """How long each of `TIMES` calls took on the GPU, in seconds, the shortest first."""
    for _ in range(3):
        run()
    took = []
    for _ in range(TIMES):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        run()
        end.record()
        torch.cuda.synchronize()
        took.append(begin.elapsed_time(end) / 1e3)
    return sorted(took)


def measured(name: str, run: Callable[[], object], flops: int, moved: int, **what: int) -> dict:
    """One row: its times, and from their median FLOP/s, B/s and FLOPs a byte.

    `moved` are the bytes that must cross the memory's border at least once.
    """
    took = seconds(run)
    median = took[TIMES // 2]
    return what | {
        "run": name,
        "seconds": [float(f"{one:.3g}") for one in took],
        "flops_a_second": float(f"{flops / median:.3g}"),
        "bytes_a_second": float(f"{moved / median:.3g}"),
        "flops_a_byte": float(f"{flops / moved:.3g}"),
    }


def additions() -> list[dict]:
    """x + y: 12 bytes cross for each addition."""
    rows = []
    for n in LENGTHS:
        x, y, out = torch.randn(3, n, device=DEVICE)
        in_triton.add(x, y, out)
        torch.testing.assert_close(out, x + y)
        runs = {
            "triton": lambda x=x, y=y, out=out: in_triton.add(x, y, out),
            "torch": lambda x=x, y=y, out=out: torch.add(x, y, out=out),
        }
        rows += [measured(name, run, n, 12 * n, n=n) for name, run in runs.items()]
    return rows


def products() -> list[dict]:
    """A B: the kernel at each tile, by one result a lane, and the library's, TF32 apart."""
    rows = []
    for n in SIDES:
        A, B, C = torch.randn(3, n, n, device=DEVICE)
        torch.set_float32_matmul_precision("highest")
        expected = A @ B
        in_triton.matmul(A, B, C, tile=32)
        torch.testing.assert_close(C, expected, rtol=1e-3, atol=1e-2)

        def row(name: str, run: Callable[[], object], n: int = n, **what: int) -> dict:
            return measured(name, run, 2 * n**3, 12 * n * n, n=n, **what)

        in_triton.naive_matmul(A, B, C)
        torch.testing.assert_close(C, expected, rtol=1e-3, atol=1e-2)
        rows.append(row("naive", lambda A=A, B=B, C=C: in_triton.naive_matmul(A, B, C)))
        for tile in TILES:

            def tiled(A=A, B=B, C=C, tile=tile) -> None:
                in_triton.matmul(A, B, C, tile=tile)

            rows.append(row("tiled", tiled, tile=tile))
        rows.append(row("library", lambda A=A, B=B, C=C: torch.matmul(A, B, out=C)))
        torch.set_float32_matmul_precision("high")
        rows.append(row("library, TF32", lambda A=A, B=B, C=C: torch.matmul(A, B, out=C)))
        torch.set_float32_matmul_precision("highest")
    return rows


def softmaxes() -> list[dict]:
    """The softmax of each row: fused, PyTorch's own, and five operations one after another."""
    rows = []
    for n in WIDTHS:
        x = torch.randn(ROWS, n, device=DEVICE)
        out = torch.empty_like(x)
        in_triton.softmax(x, out)
        torch.testing.assert_close(out, torch.softmax(x, dim=1))

        def unfused(x=x) -> torch.Tensor:
            e = (x - x.amax(dim=1, keepdim=True)).exp()
            return e / e.sum(dim=1, keepdim=True)

        runs = {
            "triton": lambda x=x, out=out: in_triton.softmax(x, out),
            "torch": lambda x=x, out=out: torch.softmax(x, dim=1, out=out),
            "unfused": unfused,
        }
        rows += [
            measured(name, run, UNFUSED_STEPS * ROWS * n, 8 * ROWS * n, m=ROWS, n=n)
            for name, run in runs.items()
        ]
    return rows


def recording() -> dict:
    """All that `gpu.json` holds; `assets/recordings/README.md` says what each part means."""
    torch.manual_seed(0)
    return {
        "provenance": {
            "script": "tools/recordings/record_gpu.py",
            "gpu": torch.cuda.get_device_name(),
            "torch": torch.__version__,
            "triton": in_triton.triton.__version__,
            "cuda": torch.version.cuda or torch.version.hip,
            "measure": f"{TIMES} runs each, by the GPU's clock; rates are of the median",
        },
        "add": additions(),
        "matmul": products(),
        "softmax": softmaxes(),
    }


if __name__ == "__main__":
    why_not = refusal()
    if why_not is not None:
        sys.exit(why_not)
    OUT.write_text(json.dumps(recording(), indent=1) + "\n", encoding="utf-8")
