"""Properties that hold for all inputs: permutations, causality, linearity, inputs left alone.

Each function calls the student's `f` on an input and on a changed one. A constant function has some
of these properties, so put a check of values beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from introml.grader.checks.checks import assert_close, assert_finite, randn, require
from introml.grader.wire import run_beside_answers

Function = Callable[[Tensor], Tensor]
"""The student's function of one tensor, the others held fixed."""


def assert_permutation_equivariant(
    f: Function, x: Tensor, rng: np.random.Generator, *, hint: str, dim: int = -2, **tolerances: Any
) -> None:
    """Shuffling the input along `dim` shuffles the output alike."""
    order = _shuffle(rng, x.shape[dim])
    value, moved = _value(f, x, hint), _value(f, x.index_select(dim, order), hint)
    require(value.shape == moved.shape, hint)
    require(value.ndim >= -dim and value.shape[dim] == len(order), hint)
    assert_close(moved, value.index_select(dim, order), hint=hint, **tolerances)


def assert_permutation_invariant(
    f: Function, x: Tensor, rng: np.random.Generator, *, hint: str, dim: int = -2, **tolerances: Any
) -> None:
    """Shuffling the input along `dim` leaves the output as it is."""
    order = _shuffle(rng, x.shape[dim])
    value = _value(f, x, hint)
    assert_close(_value(f, x.index_select(dim, order), hint), value, hint=hint, **tolerances)


def assert_causal(
    f: Function, x: Tensor, rng: np.random.Generator, *, hint: str, dim: int = -2, **tolerances: Any
) -> None:
    """The output at position t depends on the input at positions ≤ t, and on no later one.

    Changes the input after a random t: outputs up to t must stay, and the last must change.
    `dim` numbers the positions, in the input and in the output.
    """
    length = x.shape[dim]
    if length < 2:
        raise ValueError(f"causality needs at least 2 positions; dimension {dim} has {length}")
    last = int(rng.integers(0, length - 1))
    later = x.clone()
    tail = later.narrow(dim, last + 1, length - last - 1)
    tail.copy_(randn(rng, *tail.shape, dtype=x.dtype, scale=3.0))
    value, changed = _value(f, x, hint), _value(f, later, hint)
    require(value.shape == changed.shape and value.ndim >= -dim, hint)
    require(value.shape[dim] == length, hint)
    past = changed.narrow(dim, 0, last + 1), value.narrow(dim, 0, last + 1)
    assert_close(*past, hint=hint, **tolerances)
    end = changed.narrow(dim, length - 1, 1), value.narrow(dim, length - 1, 1)
    require(not torch.equal(*end), hint, "The last position does not depend on the later inputs.")


def assert_linear(
    f: Function, x: Tensor, y: Tensor, rng: np.random.Generator, *, hint: str, **tolerances: Any
) -> None:
    """f(ax + by) = a f(x) + b f(y) for random a and b. `x` and `y` have one shape and dtype."""
    a, b = (float(number) for number in rng.uniform(0.5, 2.0, size=2) * rng.choice([-1, 1], size=2))
    left, right = _value(f, x, hint), _value(f, y, hint)
    require(left.shape == right.shape, hint)
    assert_close(_value(f, a * x + b * y, hint), a * left + b * right, hint=hint, **tolerances)


def assert_inputs_kept(submission: Any, target: Any, *args: Any, hint: str, **kwargs: Any) -> None:
    """The arguments of a call are the same after it as before.

    `target` is the name of a function, or a handle. A copy of the arguments goes to the student's
    process; what they are there after the call is sent back.
    """
    run_beside_answers(submission, "assert_inputs_kept", _GIVES_BACK)
    given = (args, kwargs)
    back = submission.call("_introml_gives_back", target, args, kwargs)
    require(_same(given, back), hint)


#: Beside the answers: makes the call, and gives back what was given to it.
_GIVES_BACK = """
def _introml_gives_back(target, args, kwargs):
    function = globals()[target] if isinstance(target, str) else target
    function(*args, **kwargs)
    return args, kwargs
"""


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal, NaN included, but for rounding: 0.1 may come and go."""
    if isinstance(one, Tensor):
        alike = isinstance(other, Tensor) and one.dtype == other.dtype and one.shape == other.shape
        return alike and torch.allclose(one, other, rtol=1e-5, atol=1e-6, equal_nan=True)
    if isinstance(one, np.ndarray):
        alike = isinstance(other, np.ndarray) and one.dtype == other.dtype
        if not alike or one.dtype.kind not in "fc":
            return alike and np.array_equal(one, other)
        near = one.shape == other.shape
        return near and np.allclose(one, other, rtol=1e-5, atol=1e-6, equal_nan=True)
    if isinstance(one, dict):
        return isinstance(other, dict) and _same(list(one.items()), list(other.items()))
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and one == other


def _value(f: Function, x: Tensor, hint: str) -> Tensor:
    value = f(x)
    assert_finite(value, hint=hint)
    return value


def _shuffle(rng: np.random.Generator, length: int) -> Tensor:
    """A permutation that moves something."""
    if length < 2:
        raise ValueError(f"there is nothing to permute: the dimension has {length} entries")
    while True:
        order = rng.permutation(length)
        if (order != np.arange(length)).any():
            return torch.from_numpy(order)
