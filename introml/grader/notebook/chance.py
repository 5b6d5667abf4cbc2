"""Signs that code may depend on chance that no seed governs: a clock, the machine, addresses.

A sign costs nobody anything: it only has the submission run again, to see whether it comes to the
same. So the list is wide. Code that gets at chance without any of these names is not seen.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from introml.grader.lab import parse

#: Modules and functions by which clocks, random numbers without a seed, other processes and
#: threads, addresses, or memory that nobody has written to are reached …
_NAMES = {
    "time", "time_ns", "clock", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns",
    "process_time", "datetime", "now", "today", "timeit",
    "urandom", "getrandom", "secrets", "uuid", "uuid1", "uuid4", "SystemRandom", "default_rng",
    "RandomState", "SeedSequence", "Random", "Generator", "initial_seed", "seed",
    "threading", "Thread", "Lock", "multiprocessing", "concurrent", "futures", "asyncio",
    "num_workers", "fork",
    "id", "hash", "data_ptr", "__hash__", "__repr__", "gc", "weakref",
    "empty", "empty_like", "new_empty", "empty_strided", "resize_", "ndarray",
    "os", "sys", "platform", "resource", "psutil", "socket", "subprocess", "signal", "select",
    "tempfile", "pathlib", "mmap", "open",
    # … and by which any of them can be reached under a name that is not written down.
    "ctypes", "cffi", "getattr", "exec", "eval", "compile", "importlib", "import_module",
    "__import__", "globals", "locals", "vars", "__dict__", "__builtins__", "builtins", "attrgetter",
    "methodcaller", "inspect", "sysconfig", "pickle",
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z_]\w*")


def depends_on_chance(sources: Iterable[str]) -> bool:
    """Whether Python code has any sign that it may come to another end the next time."""
    return any(
        not _NAMES.isdisjoint(_WORD.findall(source)) and _names_one(source) for source in sources
    )


def _names_one(source: str) -> bool:
    """Whether a word of the list is a name there, and not just a word of a comment or a text."""
    tree = parse(source)
    return tree is None or any(
        part in _NAMES
        for node in ast.walk(tree)
        for name in _written(node)
        for part in name.split(".")
    )


def _written(node: ast.AST) -> list[str]:
    """The names that are written down in this node itself."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.Import | ast.ImportFrom):
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        return [module, *(alias.name for alias in node.names)]
    if isinstance(node, ast.keyword):
        return [node.arg or ""]
    return []
