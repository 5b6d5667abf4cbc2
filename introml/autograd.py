"""Reverse-mode differentiation of tensors: each input's slope is a vector–Jacobian product.

Data are PyTorch's tensors on any device; PyTorch's own autograd takes no part.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from introml.scalar_autograd import topological_order

Pull = Callable[[Tensor], Tensor]
"""From the upstream gradient to that of one input: the vector–Jacobian product of the two."""


def sum_to(u: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Undo broadcasting from `shape`: add up over every axis it used again.

    u (…), to which `shape` broadcasts -> `shape`.
    Taught in {ref}`sec-backpropagation`.
    """
    while u.dim() > len(shape):
        u = u.sum(0)
    for axis, size in enumerate(shape):
        if size == 1:
            u = u.sum(axis, keepdim=True)
    return u


def check_matrices(a: Tensor, b: Tensor) -> None:
    """Raises `ValueError` when one of the two has fewer than two axes."""
    if min(a.dim(), b.dim()) < 2:
        raise ValueError(
            f"{tuple(a.shape)} @ {tuple(b.shape)}: both need two axes or more; "
            "make a vector a matrix with one row or one column."
        )


class Array:
    """A tensor, and for each input of it: the input and its pull.

    A pull takes the upstream gradient, in the shape of the result, to the gradient of one input. It
    may leave it in a larger shape, to which the input broadcasts: `backward` adds up.
    Operators: + − · / @, exp, log, tanh, sigmoid, relu, sum, reshape, mT.
    Raises `TypeError` for numbers that are no fractions, and for dtypes that differ.
    Taught in {ref}`sec-backpropagation`.
    """

    def __init__(self, data: Tensor, *inputs: tuple[Array, Pull]) -> None:
        if not data.is_floating_point():
            raise TypeError(f"data is {data.dtype}; convert it first, as with .float().")
        for one, _ in inputs:
            if one.data.dtype != data.dtype:
                raise TypeError(f"{one.data.dtype} meets {data.dtype}; convert one to the other.")
        self.data: Tensor = data.detach()
        self.inputs = inputs
        self.grad: Tensor | None = None

    def __add__(self, b: Array) -> Array:
        """a + b."""
        return Array(
            self.data + b.data,
            (self, lambda u: u),
            (b, lambda u: u),
        )

    def __sub__(self, b: Array) -> Array:
        """a − b."""
        return Array(self.data - b.data, (self, lambda u: u), (b, lambda u: -u))

    def __mul__(self, b: Array) -> Array:
        """a ⊙ b."""
        return Array(self.data * b.data, (self, lambda u: u * b.data), (b, lambda u: u * self.data))

    def __truediv__(self, b: Array) -> Array:
        """a / b, element by element."""
        v = self.data / b.data
        return Array(v, (self, lambda u: u / b.data), (b, lambda u: -u * v / b.data))

    def __matmul__(self, b: Array) -> Array:
        """The matrix product: (…, n, k) @ (…, k, m) -> (…, n, m)."""
        check_matrices(self.data, b.data)
        return Array(
            self.data @ b.data,
            (self, lambda u: u @ b.data.mT),
            (b, lambda u: self.data.mT @ u),
        )

    def exp(self) -> Array:
        """eᵃ."""
        v = self.data.exp()
        return Array(v, (self, lambda u: u * v))

    def log(self) -> Array:
        """The natural logarithm."""
        return Array(self.data.log(), (self, lambda u: u / self.data))

    def tanh(self) -> Array:
        """The hyperbolic tangent."""
        v = self.data.tanh()
        return Array(v, (self, lambda u: u * (1 - v * v)))

    def sigmoid(self) -> Array:
        """1 / (1 + e⁻ᵃ)."""
        v = self.data.sigmoid()
        return Array(v, (self, lambda u: u * v * (1 - v)))

    def relu(self) -> Array:
        """max(a, 0), with the slope 0 at 0, as in PyTorch."""
        v = self.data.clamp(min=0)
        return Array(v, (self, lambda u: u * (v > 0)))

    def sum(self, axis: int | None = None, keepdim: bool = False) -> Array:
        """The sum of all elements, or along one axis."""
        v = self.data.sum() if axis is None else self.data.sum(axis, keepdim=keepdim)

        def pull(u: Tensor) -> Tensor:
            if axis is not None and not keepdim:
                u = u.unsqueeze(axis)
            return u.expand(self.data.shape)

        return Array(v, (self, pull))

    def reshape(self, *shape: int) -> Array:
        """The same numbers in another shape."""
        return Array(self.data.reshape(shape), (self, lambda u: u.reshape(self.data.shape)))

    @property
    def mT(self) -> Array:
        """The last two axes swapped: (…, n, m) -> (…, m, n)."""
        return Array(self.data.mT, (self, lambda u: u.mT))

    def backward(self) -> None:
        """Add to each leaf's grad the derivative of this number.

        Raises `ValueError` unless it is one number.
        """
        if self.data.numel() != 1:
            raise ValueError(f"a result of shape {tuple(self.data.shape)}; sum it first.")
        upstream = {self: torch.ones_like(self.data)}
        for box in reversed(topological_order(self)):
            for one, pull in box.inputs:
                share = sum_to(pull(upstream[box]), one.data.shape)
                upstream[one] = upstream[one] + share if one in upstream else share
            if not box.inputs:
                box.grad = upstream[box] if box.grad is None else box.grad + upstream[box]
