"""The kernels in Triton against torch, interpreted on a CPU; with cells around that must stay."""

import os

import pytest
import torch

from introml.kernels import in_triton

INTERPRETED = in_triton.triton is not None and os.environ.get("TRITON_INTERPRET") == "1"
RUNS = INTERPRETED or (in_triton.triton is not None and torch.cuda.is_available())
needs_triton = pytest.mark.skipif(
    not RUNS, reason="needs Triton, and a GPU or TRITON_INTERPRET=1 (see introml/kernels)"
)
DEVICE = "cpu" if INTERPRETED else "cuda"
WATCHED = 128


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def guarded(*shape):
    """Room for a result between cells that hold 7, and all of it."""
    count = torch.Size(shape).numel()
    cells = torch.full((count + 2 * WATCHED,), 7.0, device=DEVICE)
    return cells[WATCHED : WATCHED + count].view(shape), cells


def untouched(cells):
    return bool((cells[:WATCHED] == 7).all() and (cells[-WATCHED:] == 7).all())


@needs_triton
@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000])
def test_the_sum_is_torchs(n):
    x, y = numbers(n), numbers(n, seed=1)
    out, cells = guarded(n)
    in_triton.add(x, y, out, block=64)
    assert torch.equal(out, x + y)
    assert untouched(cells)


@needs_triton
@pytest.mark.parametrize("sizes", [(16, 16, 16), (17, 33, 5), (1, 1, 1), (40, 7, 50)])
def test_the_product_is_torchs(sizes):
    m, k, n = sizes
    A, B = numbers(m, k), numbers(k, n, seed=1)
    out, cells = guarded(m, n)
    in_triton.matmul(A, B, out, tile=16)
    torch.testing.assert_close(out, A @ B, rtol=1e-5, atol=1e-5)
    assert untouched(cells)


@needs_triton
@pytest.mark.parametrize("sizes", [(16, 16, 16), (17, 33, 5), (1, 1, 1), (40, 7, 50)])
def test_the_product_by_one_lane_a_result_is_torchs(sizes):
    m, k, n = sizes
    A, B = numbers(m, k), numbers(k, n, seed=1)
    out, cells = guarded(m, n)
    in_triton.naive_matmul(A, B, out, block=64)
    torch.testing.assert_close(out, A @ B, rtol=1e-5, atol=1e-5)
    assert untouched(cells)


@needs_triton
@pytest.mark.parametrize("n", [1, 5, 64, 100])
def test_the_softmax_is_torchs(n):
    x = numbers(6, n) * 5
    out, cells = guarded(6, n)
    in_triton.softmax(x, out)
    torch.testing.assert_close(out, torch.softmax(x, dim=1))
    assert untouched(cells)


def test_without_triton_each_kernel_says_what_to_install(monkeypatch):
    monkeypatch.setattr(in_triton, "triton", None)
    in_triton._compiled.cache_clear()
    x = torch.zeros(2, 2)
    for call in (
        lambda: in_triton.add(x[0], x[0]),
        lambda: in_triton.matmul(x, x),
        lambda: in_triton.naive_matmul(x, x),
        lambda: in_triton.softmax(x),
    ):
        with pytest.raises(ImportError, match="pip install triton"):
            call()


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: in_triton.add(torch.zeros(4), torch.zeros(5)), r"y has the shape \(5,\)"),
        (lambda: in_triton.add(torch.zeros(8)[::2], torch.zeros(4)), "contiguous"),
        (lambda: in_triton.matmul(torch.zeros(2, 3), torch.zeros(2, 3)), r"\(3, 3\) fits"),
        (lambda: in_triton.softmax(torch.zeros(2, 3).bfloat16()), "bfloat16"),
    ],
)
def test_what_pointers_would_misread_is_refused(call, why):
    with pytest.raises(ValueError, match=why):
        call()
