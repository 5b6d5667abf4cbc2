"""Normalization: subtract a mean, divide by a spread; the kinds differ in which numbers share them.

Letters: N examples in a batch, C channels (numbers that describe one place), and after them any
number of positions: a table has none, a sequence one axis, a picture two. `weight` γ and `bias` β
are learned, one number a channel or one a normalized place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def normalize(x: Tensor, axes: Sequence[int], eps: float = 1e-5) -> Tensor:
    """(x − mean) / √(variance + eps), both over `axes`; the variance divides by n, not by n − 1.

    Any shape; returns the same one. `eps` keeps a constant group from dividing by zero.
    Source: Ioffe and Szegedy, Batch Normalization (2015), algorithm 1.
    Taught in {ref}`sec-normalization`.
    """
    axes = tuple(axes)
    mean = x.mean(axes, keepdim=True)
    variance = (x - mean).square().mean(axes, keepdim=True)
    return (x - mean) / torch.sqrt(variance + eps)


def _per_channel(parameter: Tensor, x: Tensor) -> Tensor:
    """(C,) -> (C, 1, …), so that it is broadcast over the positions of x (N, C, …)."""
    return parameter.view(-1, *[1] * (x.ndim - 2))


def _scale_and_shift(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, *, channels: bool
) -> Tensor:
    if weight is not None:
        x = x * (_per_channel(weight, x) if channels else weight)
    if bias is not None:
        x = x + (_per_channel(bias, x) if channels else bias)
    return x


def batch_norm(
    x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Each channel over the batch and all positions: x (N, C, …), weight (C,), bias (C,).

    Raises `ValueError` when a channel has one number alone: it would become 0 whatever it is.
    Source: Ioffe and Szegedy, Batch Normalization (2015), algorithm 1.
    Taught in {ref}`sec-normalization`.
    """
    _several_numbers("batch_norm", "channel", x.numel() // x.shape[1])
    axes = [0, *range(2, x.ndim)]
    return _scale_and_shift(normalize(x, axes, eps), weight, bias, channels=True)


def layer_norm(
    x: Tensor,
    shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Over the last axes, which have the sizes `shape`: x (…, *shape), weight and bias of `shape`.

    The whole example: `layer_norm(x, x.shape[1:])`. Each word of (N, T, D): `layer_norm(x, (D,))`.
    Raises `ValueError` unless x ends in `shape`.
    Source: Ba, Kiros and Hinton, Layer Normalization (2016), section 3.
    Taught in {ref}`sec-normalization`.
    """
    axes = _last_axes(x, shape)
    return _scale_and_shift(normalize(x, axes, eps), weight, bias, channels=False)


def instance_norm(
    x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Each channel of each example over its positions: x (N, C, …), weight (C,), bias (C,).

    Raises `ValueError` when there is one position alone.
    Source: Ulyanov, Vedaldi and Lempitsky, Instance Normalization (2016), equation 3.
    Taught in {ref}`sec-normalization`.
    """
    _several_numbers("instance_norm", "channel of an example", math.prod(x.shape[2:]))
    return _scale_and_shift(normalize(x, range(2, x.ndim), eps), weight, bias, channels=True)


def group_norm(
    x: Tensor,
    groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each group of neighbouring channels of an example: x (N, C, …), weight (C,), bias (C,).

    One group is layer norm over the example, C groups are instance norm.
    Raises `ValueError` unless `groups` divides C.
    Source: Wu and He, Group Normalization (2018), section 3.1.
    Taught in {ref}`sec-normalization`.
    """
    if groups < 1 or x.shape[1] % groups:
        raise ValueError(f"{groups} groups of {x.shape[1]} channels; the groups must divide them.")
    split = x.unflatten(1, (groups, -1))  # (N, groups, C / groups, …)
    normalized = normalize(split, range(2, split.ndim), eps).flatten(1, 2)
    return _scale_and_shift(normalized, weight, bias, channels=True)


def rms_norm(
    x: Tensor, shape: Sequence[int], weight: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """x / √(mean of x² + eps) over the last axes: no mean is subtracted. x (…, *shape).

    Raises `ValueError` unless x ends in `shape`.
    Source: Zhang and Sennrich, Root Mean Square Layer Normalization (2019), equation 4.
    Taught in {ref}`sec-normalization`.
    """
    axes = _last_axes(x, shape)
    divided = x / torch.sqrt(x.square().mean(axes, keepdim=True) + eps)
    return _scale_and_shift(divided, weight, None, channels=False)


class BatchStatistics:
    """Batch norm's memory: the batch's statistics in training, running averages of them in use.

    `shape` is that of one set of statistics, with 1 along the averaged axes; `momentum` m is the
    share of the newest batch: new = (1 − m) · old + m · batch. The batch is normalized with the
    variance that divides by n; the running one follows that which divides by n − 1.
    Source: torch.nn.BatchNorm1d, whose averages these are.
    Taught in {ref}`sec-normalization`.
    """

    def __init__(self, shape: Sequence[int], momentum: float = 0.1, eps: float = 1e-5):
        self.momentum, self.eps = momentum, eps
        self.mean, self.variance = torch.zeros(*shape), torch.ones(*shape)

    def __call__(self, x: Tensor, axes: Sequence[int], training: bool) -> Tensor:
        """x normalized over `axes` by its own statistics in training, else by the running ones.

        Raises `ValueError` in training where only one number shares the statistics.
        Taught in {ref}`sec-normalization`.
        """
        if not training:
            return (x - self.mean) / torch.sqrt(self.variance + self.eps)
        n = math.prod(x.shape[axis] for axis in axes)
        _several_numbers("Batch norm", "channel", n)
        mean = x.mean(tuple(axes), keepdim=True)
        centred = x - mean
        variance = centred.square().mean(tuple(axes), keepdim=True)
        unbiased = variance.detach() * (n / (n - 1))
        self.mean.lerp_(mean.detach().to(self.mean), self.momentum)
        self.variance.lerp_(unbiased.to(self.variance), self.momentum)
        return centred * (variance + self.eps).rsqrt()


def _last_axes(x: Tensor, shape: Sequence[int]) -> list[int]:
    """The last axes of x. Raises `ValueError` unless their sizes are `shape`."""
    shape = tuple(shape)
    if not shape or tuple(x.shape[-len(shape) :]) != shape:
        raise ValueError(
            f"the shape to normalize is {shape}, and x has shape {tuple(x.shape)}; "
            "x must end in it."
        )
    return list(range(x.ndim - len(shape), x.ndim))


def _several_numbers(what: str, of: str, n: int) -> None:
    if n < 2:
        raise ValueError(
            f"{what} got {n} number for each {of}; less its own mean it is 0 whatever it was. "
            "Give more examples or positions, or use layer norm."
        )
