"""Is a gradient right? Nudge every number, and look by how much the loss moves."""

from collections.abc import Callable

import torch
from torch import Tensor


def nudged_gradient(loss: Callable[[Tensor], Tensor], at: Tensor, h: float) -> Tensor:
    """(L(θ + h eᵢ) − L(θ − h eᵢ)) / 2h for each number θᵢ of `at`, two runs of `loss` for each.

    The error is about h² times a third derivative, plus the rounding of L divided by h.
    `loss` maps a tensor of the shape of `at` (…) to one number () -> (…), in the dtype of `at`.
    Raises `ValueError` unless h > 0.
    Taught in {ref}`sec-backpropagation`.
    """
    if not h > 0:
        raise ValueError(f"h is {h}; it must be positive, the size of a nudge.")
    theta = at.detach()
    slopes = torch.empty_like(theta, memory_format=torch.contiguous_format)
    for place in range(theta.numel()):
        nudge = torch.zeros_like(slopes)
        nudge.view(-1)[place] = h
        slopes.view(-1)[place] = (loss(theta + nudge) - loss(theta - nudge)) / (2 * h)
    return slopes


def gradient_error(found: Tensor, expected: Tensor) -> float:
    """‖found − expected‖ / ‖expected‖, over all numbers: (…), (…) -> a number, 0 for equal ones.

    Raises `ValueError` for shapes that differ.
    Taught in {ref}`sec-backpropagation`.
    """
    if found.shape != expected.shape:
        raise ValueError(
            f"{tuple(found.shape)} and {tuple(expected.shape)} are compared; a gradient has the "
            "shape of what it belongs to."
        )
    difference = (found - expected).double().norm().item()
    return difference / expected.double().norm().item() if difference else 0.0
