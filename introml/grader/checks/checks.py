"""What the author of a lab writes checks with: `@check`, `assert_close`, `require`, random inputs.

A check is a function of the submission and of a generator of random numbers:

    @check(points=2, title="Masked positions get no weight")
    def masked_positions_get_no_weight(submission, rng):
        q, k, v = (randn(rng, 5, 8) for _ in range(3))
        ...
        assert_close(weights[~mask], 0, hint="A masked score must become -inf before the softmax.")
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from introml.grader.families import FAMILIES

TIERS = ("cpu", "cuda")
_MAX_POINTS = 1000.0
#: Checks in the order of their making: a second function of one name hides the first in its module.
_made: list[Check] = []


class CheckFailed(Exception):
    """The student's answer lacks the property. `hint` is the teacher's sentence, always shown.

    `detail` says what was seen (shapes, how many entries differ); it is shown for public checks
    only, since it may tell something about the expected value.
    """

    def __init__(self, hint: str, detail: str = "") -> None:
        super().__init__(hint)
        self.hint = hint
        self.detail = detail


class NotMeasured(Exception):
    """What the check is about could not be measured here: it counts neither for nor against.

    The message says why, to the teacher.
    """


class ChecksError(Exception):
    """A checks file cannot be used: says which file, and what is wrong with it."""


@dataclass(frozen=True)
class Check:
    """One graded property. `run(submission, rng)` raises when the answer lacks it."""

    name: str
    title: str
    points: float
    run: Callable[..., object]
    tier: str = "cpu"
    time_s: float | None = None
    hint: str = ""
    hidden: bool = False
    allows: tuple[str, ...] = ()

    def __call__(self, submission: Any, rng: np.random.Generator) -> object:
        return self.run(submission, rng)


def check(
    *,
    points: float,
    title: str,
    tier: str = "cpu",
    time_s: float | None = None,
    hint: str | None = None,
    allows: Sequence[str] = (),
) -> Callable[[Callable[..., object]], Check]:
    """Make a function of `(submission, rng)` a check worth `points`.

    `title` names the property; students see it for hidden checks too, with `hint` if no other hint
    applies. `tier` is "cpu" or "cuda": a cuda check is not run without a GPU, and then counts
    neither in the score nor in the maximum. `time_s` replaces the lab's time limit for one check.
    `allows` names families of operators that the lab withholds, and that the student's code has in
    this check nevertheless: a training needs a loss. Such checks run in a second process.
    Raises `ValueError` for points that are not finite and above 0, an empty title, another tier,
    or a family that does not exist.
    """
    if isinstance(points, bool) or not isinstance(points, int | float):
        raise ValueError(f"points is {points!r}; it must be a number above 0")
    if not (math.isfinite(points) and 0 < points <= _MAX_POINTS):
        raise ValueError(f"points is {points}; it must be above 0 and at most {_MAX_POINTS:g}")
    if not (isinstance(title, str) and title.strip()):
        raise ValueError("a check needs a title that says what is checked")
    if tier not in TIERS:
        raise ValueError(f"tier is {tier!r}; it must be one of {', '.join(map(repr, TIERS))}")
    if time_s is not None and not 0 < time_s < math.inf:
        raise ValueError(f"time_s is {time_s}; it must be a number of seconds above 0")

    if isinstance(allows, str) or not all(one in FAMILIES for one in allows):
        known = ", ".join(FAMILIES)
        raise ValueError(f"allows is {allows!r}; it must be a list of families: {known}")

    def make(function: Callable[..., object]) -> Check:
        made = Check(
            function.__name__, title.strip(), float(points), function, tier, time_s, hint or "",
            allows=tuple(dict.fromkeys(allows)),
        )  # fmt: skip
        _made.append(made)
        return made

    return make


def require(condition: object, hint: str, detail: str = "") -> None:
    """Fail the check with `hint` unless `condition` is true."""
    if not bool(condition):
        raise CheckFailed(hint, detail)


def rng_for(seed: int, name: str) -> np.random.Generator:
    """The generator of one check: its numbers depend on the seed and the check's name alone."""
    digest = hashlib.sha256(f"{seed}\n{name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def randn(
    rng: np.random.Generator, *shape: int, dtype: torch.dtype = torch.float32, scale: float = 1.0
) -> torch.Tensor:
    """Normal numbers of the given shape, drawn in float64 and then rounded to `dtype`."""
    return (torch.from_numpy(rng.standard_normal(shape)) * scale).to(dtype)


def randint(rng: np.random.Generator, low: int, high: int, *shape: int) -> torch.Tensor:
    """Integers low ≤ n < high of the given shape, as int64."""
    return torch.from_numpy(rng.integers(low, high, size=shape, dtype=np.int64))


def assert_close(
    actual: object,
    expected: object,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    hint: str,
    nonfinite: bool = False,
) -> None:
    """Fail with `hint` unless `actual` has the type, dtype, shape and values of `expected`.

    A number as `expected` is compared with each entry of a tensor or array. Lists, tuples and
    dicts are compared part by part. Infinite values and NaN fail, unless `nonfinite` allows them;
    then they must stand in the same places. Tolerances are torch.testing's for the dtype when
    neither is given. Comparing nothing (no entries) with a number fails: it would prove nothing.
    After the hint stands what is no secret: that a tensor is missing, its dtype or shape is wrong,
    or it is not finite.
    """
    if (rtol is None) != (atol is None):
        rtol, atol = rtol or 0.0, atol or 0.0
    _compare(actual, expected, rtol, atol, hint, nonfinite)


def assert_like(actual: object, like: torch.Tensor, *, hint: str, nonfinite: bool = False) -> None:
    """Fail with `hint` unless `actual` is a finite tensor with the dtype and shape of `like`."""
    if type(actual) is not torch.Tensor:
        raise _no_tensor(actual, hint)
    _same_form(actual.dtype, like.dtype, tuple(actual.shape), tuple(like.shape), hint)
    assert_finite(actual, hint=hint, nonfinite=nonfinite)


def assert_finite(actual: object, *, hint: str, nonfinite: bool = False) -> None:
    """Fail with `hint` unless `actual` is a tensor without NaN and, as a rule, without infinity."""
    if type(actual) is not torch.Tensor:
        raise _no_tensor(actual, hint)
    odd = int((~torch.isfinite(actual)).sum())
    if odd and not nonfinite:
        words = f"{odd} of {actual.numel()} entries are."
        raise CheckFailed(f"{hint} Some entries are infinite or NaN.", words)


def _compare(
    actual: object,
    expected: object,
    rtol: float | None,
    atol: float | None,
    hint: str,
    nonfinite: bool,
) -> None:
    if isinstance(expected, torch.Tensor):
        _compare_tensors(actual, expected.detach(), rtol, atol, hint, nonfinite)
    elif isinstance(expected, np.ndarray):
        if type(actual) is not np.ndarray:
            raise CheckFailed(hint, f"A numpy array is expected, not {_kind(actual)}.")
        _same_form(actual.dtype, expected.dtype, actual.shape, expected.shape, hint)
        pair = torch.from_numpy(actual.copy()), torch.from_numpy(expected.copy())
        _compare_tensors(*pair, rtol, atol, hint, nonfinite)
    elif isinstance(expected, bool | str) or expected is None:
        if type(actual) is not type(expected) or actual != expected:
            raise CheckFailed(hint)
    elif isinstance(expected, int | float | np.number):
        _compare_with_number(actual, expected, rtol, atol, hint, nonfinite)
    elif isinstance(expected, list | tuple):
        if type(actual) is not type(expected) or len(actual) != len(expected):
            raise CheckFailed(hint, f"{_kind(expected)} is expected, not {_kind(actual)}.")
        for one, other in zip(actual, expected, strict=True):
            _compare(one, other, rtol, atol, hint, nonfinite)
    elif isinstance(expected, dict):
        if type(actual) is not dict or actual.keys() != expected.keys():
            raise CheckFailed(hint, "A dict with other keys is expected.")
        for key, value in expected.items():
            _compare(actual[key], value, rtol, atol, hint, nonfinite)
    else:
        raise TypeError(f"assert_close cannot compare with a {type(expected).__name__}")


def _compare_with_number(
    actual: object,
    expected: Any,
    rtol: float | None,
    atol: float | None,
    hint: str,
    nonfinite: bool,
) -> None:
    if isinstance(actual, int | float) and type(actual) in (int, float):
        # Python's floats are 64 bits wide; a student's number often comes out of float32, though.
        own, wanted = (torch.tensor(float(x), dtype=torch.float64) for x in (actual, expected))
        if rtol is None:
            rtol, atol = 1.3e-6, 1e-5
        _compare_tensors(own, wanted, rtol, atol, hint, nonfinite)
        return
    if type(actual) is np.ndarray:
        actual = torch.from_numpy(actual.copy())
    if type(actual) is not torch.Tensor:
        raise CheckFailed(hint, f"A number or a tensor is expected, not {_kind(actual)}.")
    if actual.numel() == 0:
        raise CheckFailed(hint, "There are no entries to compare.")
    whole = isinstance(expected, int | np.integer)
    if not whole and not (actual.is_floating_point() or actual.is_complex()):
        raise CheckFailed(hint, f"Floating-point numbers are expected, not {actual.dtype}.")
    wanted = torch.full_like(actual, expected)
    _compare_tensors(actual, wanted, rtol, atol, hint, nonfinite)


def _compare_tensors(
    actual: object,
    expected: torch.Tensor,
    rtol: float | None,
    atol: float | None,
    hint: str,
    nonfinite: bool,
) -> None:
    if type(actual) is not torch.Tensor:
        raise _no_tensor(actual, hint)
    _same_form(actual.dtype, expected.dtype, tuple(actual.shape), tuple(expected.shape), hint)
    actual = actual.detach().to(expected.device)
    if not (actual.is_floating_point() or actual.is_complex()):
        differing = int((actual != expected).sum())
        if differing:
            raise CheckFailed(hint, f"{differing} of {actual.numel()} entries differ.")
        return
    if rtol is None or atol is None:
        rtol, atol = _TOLERANCES.get(actual.dtype, (0.0, 0.0))
    wide = torch.complex128 if actual.is_complex() else torch.float64
    actual, expected = actual.to(wide), expected.to(wide)
    if not nonfinite:
        if not torch.isfinite(expected).all():
            raise ValueError(
                "the expected value is not finite; say nonfinite=True if that is meant"
            )
        assert_finite(actual, hint=hint)
    far = ~torch.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=nonfinite)
    if far.any():
        raise CheckFailed(hint, _difference(actual, expected, far))


def _difference(actual: torch.Tensor, expected: torch.Tensor, far: torch.Tensor) -> str:
    words = f"{int(far.sum())} of {actual.numel()} entries differ"
    gaps = (actual - expected).abs()[far]
    gaps = gaps[torch.isfinite(gaps)]
    return f"{words}, by up to {gaps.max().item():.2g}." if gaps.numel() else f"{words}."


def _no_tensor(actual: object, hint: str) -> CheckFailed:
    return CheckFailed(f"{hint} A tensor is expected.", f"It is {_kind(actual)}.")


def _same_form(
    dtype: object, wanted_dtype: object, shape: tuple, wanted_shape: tuple, hint: str
) -> None:
    """Which of the two is wrong stands in the hint, for hidden checks too: it is no secret.

    What the student's code chose, and sizes, which a hidden check draws, stay in the detail.
    """
    if dtype != wanted_dtype:
        raise CheckFailed(f"{hint} The dtype should be {wanted_dtype}.", f"The dtype is {dtype}.")
    if shape != wanted_shape:
        words = f"The shape is {shape}; {wanted_shape} is expected."
        raise CheckFailed(f"{hint} The shape is wrong.", words)


def _kind(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    if value is None:
        return "None"
    return {torch.Tensor: "a tensor", np.ndarray: "a numpy array", int: "an int"}.get(
        type(value), f"a {type(value).__name__}"
    )


#: (rtol, atol) by dtype, as torch.testing.assert_close documents them.
_TOLERANCES = {
    torch.float16: (1e-3, 1e-5),
    torch.bfloat16: (1.6e-2, 1e-5),
    torch.float32: (1.3e-6, 1e-5),
    torch.float64: (1e-7, 1e-7),
    torch.complex64: (1.3e-6, 1e-5),
    torch.complex128: (1e-7, 1e-7),
}


def load_checks(path: Path, *, hidden: bool = False, beside: Sequence[Path] = ()) -> list[Check]:
    """The checks of one file, in the order in which they are written.

    The file may import modules that lie beside it, or in the folders `beside`. Checks that it
    imports from another file are not its own, and are left out.
    Raises `ChecksError` when the file cannot be run, has no checks, or names one twice.
    """
    name = f"introml_lab_{'hidden' if hidden else 'public'}_{path.parent.name}".replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ChecksError(f"{path}: there is no such checks file")
    module = importlib.util.module_from_spec(spec)
    folders = [str(path.parent.resolve()), *(str(folder.resolve()) for folder in beside)]
    before = set(sys.modules)
    sys.path[:0] = folders
    _made.clear()
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        raise ChecksError(
            f"{path}: cannot be run: {type(problem).__name__}: {problem}"
        ) from problem
    finally:
        del sys.path[: len(folders)]
        # A sibling module of this lab must not answer another lab's import of the same name.
        for other in set(sys.modules) - before:
            origin = getattr(sys.modules[other], "__file__", None)
            if origin and str(Path(origin).resolve().parent) in folders:
                del sys.modules[other]
    found = [replace(one, hidden=hidden) for one in _made if one.run.__module__ == name]
    _made.clear()
    if not found:
        raise ChecksError(f"{path}: has no checks; write at least one function under @check(…)")
    names = [one.name for one in found]
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise ChecksError(f"{path}: check {twice[0]} is there twice; give each its own name")
    return found
