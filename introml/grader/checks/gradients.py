"""Gradients checked against central differences along random directions, in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from introml.grader.checks.checks import assert_close, assert_finite, assert_like, randn

_DIRECTIONS = 3


def check_gradient(
    submission: Any,
    target: Any,
    inputs: Sequence[Tensor],
    rng: np.random.Generator,
    *,
    hint: str,
    step: float = 1e-5,
    rtol: float = 1e-4,
    atol: float = 1e-6,
    **kwargs: Any,
) -> None:
    """Autograd's derivative of the student's function is the one that its values have.

    `target` is the name of a function, or a handle; it maps the float64 tensors `inputs` to one
    tensor. For a random cotangent c and random directions v, cᵀ(f(x + hv) − f(x − hv)) / 2h must be
    ∇(cᵀf)·v. A wrong but differentiable function passes: check its values too.
    """
    call = getattr(submission, target) if isinstance(target, str) else target
    _float64(inputs)
    value = call(*inputs, **kwargs)
    assert_finite(value, hint=hint)
    cotangent = randn(rng, *value.shape, dtype=value.dtype)
    _, gradients = submission.vjp(target, list(inputs), cotangent, **kwargs)
    for number, (point, gradient) in enumerate(zip(inputs, gradients, strict=True)):

        def along(moved: Tensor, number: int = number) -> Tensor:
            arguments = [*inputs[:number], moved, *inputs[number + 1 :]]
            moved_value = call(*arguments, **kwargs)
            assert_like(moved_value, value, hint=hint)
            return (cotangent * moved_value).sum()

        assert_like(gradient, point, hint=hint)
        _same_slope(gradient, along, point, rng, step, rtol, atol, hint)


def assert_gradient_of(
    gradient: Tensor,
    value: Callable[[Tensor], Tensor],
    point: Tensor,
    rng: np.random.Generator,
    *,
    hint: str,
    step: float = 1e-5,
    rtol: float = 1e-4,
    atol: float = 1e-6,
) -> None:
    """A gradient that the student wrote by hand is that of `value`, the check's own function.

    `gradient` is what the student's function returned at `point` (float64); `value` maps a tensor
    like `point` to one number.
    """
    _float64([point])
    assert_like(gradient, point, hint=hint)
    _same_slope(gradient, value, point, rng, step, rtol, atol, hint)


def _same_slope(
    gradient: Tensor,
    value: Callable[[Tensor], Tensor],
    point: Tensor,
    rng: np.random.Generator,
    step: float,
    rtol: float,
    atol: float,
    hint: str,
) -> None:
    for _ in range(_DIRECTIONS):
        direction = randn(rng, *point.shape, dtype=torch.float64)
        direction /= direction.norm().clamp_min(1e-12)
        rise = value(point + step * direction) - value(point - step * direction)
        slope = (gradient * direction).sum()
        assert_close(slope, rise.detach() / (2 * step), rtol=rtol, atol=atol, hint=hint)


def _float64(tensors: Sequence[Tensor]) -> None:
    for one in tensors:
        if one.dtype != torch.float64:
            raise ValueError(f"central differences need float64; an input has dtype {one.dtype}")
