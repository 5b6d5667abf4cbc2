"""The product in C++ against torch, with cells around it that must stay."""

import shutil

import pytest
import torch

from introml.kernels import native
from introml.kernels.native import WAYS, NoCompiler, matmul

compiled = pytest.mark.skipif(
    not any(map(shutil.which, ("g++", "clang++", "c++"))), reason="needs a C++ compiler"
)


@compiled
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 5, 7), (64, 64, 64), (65, 130, 300), (2, 0, 3)])
def test_every_way_gives_torchs_product_and_writes_nowhere_else(way, sizes):
    m, k, n = sizes
    generator = torch.Generator().manual_seed(0)
    A, B = torch.randn(m, k, generator=generator), torch.randn(k, n, generator=generator)
    cells = torch.full((m * n + 128,), 7.0)
    out = cells[64 : 64 + m * n].view(m, n)
    assert matmul(A, B, way, out) is out
    torch.testing.assert_close(out, A @ B, rtol=1e-4, atol=1e-4)
    assert (cells[:64] == 7).all()
    assert (cells[64 + m * n :] == 7).all()


@pytest.mark.parametrize(
    ("A", "B", "why"),
    [
        (torch.zeros(2, 3), torch.zeros(2, 3), "fit"),
        (torch.zeros(2), torch.zeros(2, 3), "fit"),
        (torch.zeros(2, 3).double(), torch.zeros(3, 2), "float32"),
        (torch.zeros(3, 2).T, torch.zeros(3, 2), "contiguous"),
    ],
)
def test_what_the_pointers_would_misread_is_refused(A, B, why):
    with pytest.raises(ValueError, match=why):
        matmul(A, B)


def test_an_unknown_way_and_a_result_of_another_shape_are_refused():
    x = torch.zeros(2, 2)
    with pytest.raises(ValueError, match="by_formula, by_rows, by_tiles"):
        matmul(x, x, "fast")
    with pytest.raises(ValueError, match="the product is"):
        matmul(x, x, out=torch.zeros(3, 3))


def test_without_a_compiler_it_says_what_to_install(monkeypatch):
    native._library.cache_clear()
    monkeypatch.setattr(native.shutil, "which", lambda name: None)
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(NoCompiler, match="apt install"):
        matmul(torch.zeros(1, 1), torch.zeros(1, 1))
    native._library.cache_clear()


def test_a_compiler_that_refuses_is_quoted(monkeypatch, tmp_path):
    native._library.cache_clear()
    torn = tmp_path / "cc"
    torn.write_text("#!/bin/sh\necho torn >&2\nexit 1\n")
    torn.chmod(0o755)
    monkeypatch.setenv("CXX", str(torn))
    with pytest.raises(NoCompiler, match="torn"):
        matmul(torch.zeros(1, 1), torch.zeros(1, 1))
    native._library.cache_clear()
