"""A product of matrices in C++, compiled when it is first asked for, and called through ctypes."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

SOURCE = Path(__file__).with_name("matmul.cpp")
WAYS = ("by_formula", "by_rows", "by_tiles")
"""The functions of matmul.cpp, which differ in the order of their loops."""


class NoCompiler(RuntimeError):
    """There is no C++ compiler, or it refused; the message says what to do."""


def matmul(A: Tensor, B: Tensor, way: str = "by_rows", out: Tensor | None = None) -> Tensor:
    """A B on one core: (m, k), (k, n) -> (m, n), all of them float32 and contiguous.

    Raises `ValueError` for other dtypes, shapes that do not fit and unknown ways, and `NoCompiler`.
    Taught in {ref}`sec-programming-gpus`.
    """
    if way not in WAYS:
        raise ValueError(f"way is {way!r}; it must be one of {', '.join(WAYS)}.")
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[0]:
        raise ValueError(f"shapes {tuple(A.shape)} and {tuple(B.shape)}; (m, k) and (k, n) fit.")
    (m, k), n = A.shape, B.shape[1]
    C = A.new_empty(m, n) if out is None else out
    for one in (A, B, C):
        if one.dtype != torch.float32 or one.device.type != "cpu" or not one.is_contiguous():
            raise ValueError("matrices must be float32, on the CPU and contiguous.")
    if C.shape != (m, n):
        raise ValueError(f"out has the shape {tuple(C.shape)}; the product is ({m}, {n}).")
    pointers = [ctypes.c_void_p(one.data_ptr()) for one in (A, B, C)]
    getattr(_library(), way)(*pointers, *(ctypes.c_size_t(size) for size in (m, k, n)))
    return C


@cache
def _library() -> ctypes.CDLL:
    """matmul.cpp, compiled into a folder that is gone once it is loaded."""
    compiler = os.environ.get("CXX") or next(filter(shutil.which, ("g++", "clang++", "c++")), None)
    if compiler is None:
        raise NoCompiler("no C++ compiler; Debian or Ubuntu: sudo apt install g++")
    with tempfile.TemporaryDirectory(prefix="introml-native-") as folder:
        library = Path(folder) / "matmul.so"
        command = [compiler, "-O3", "-march=native", "-shared", "-fPIC", str(SOURCE)]
        try:
            done = subprocess.run(
                [*command, "-o", str(library)], capture_output=True, text=True, check=False
            )
        except OSError as problem:
            raise NoCompiler(f"{compiler} could not be started: {problem}") from problem
        if done.returncode:
            raise NoCompiler(f"{compiler} refused matmul.cpp:\n{done.stderr.strip()}")
        return ctypes.CDLL(str(library))
