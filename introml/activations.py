"""Activation functions and their derivatives from scratch, each element by element."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Activation(NamedTuple):
    """A function and its derivative; both take and return a tensor of any shape."""

    function: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]


def sigmoid(x: Tensor) -> Tensor:
    """σ(x) = 1 / (1 + e⁻ˣ), between 0 and 1. Any shape, element by element.

    Written with e^−|x|, which cannot overflow: for a negative x it is eˣ / (1 + eˣ).
    Taught in {ref}`sec-activations`.
    """
    small = torch.exp(-x.abs())
    return torch.where(x >= 0, 1.0, small) / (1 + small)


def sigmoid_derivative(x: Tensor) -> Tensor:
    """σ′(x) = σ(x) (1 − σ(x)), at most ¼, at 0. Any shape.

    1 − σ(x) is taken as σ(−x): for a large x the difference would round to 0 too soon.
    Taught in {ref}`sec-activations`.
    """
    return sigmoid(x) * sigmoid(-x)


def tanh(x: Tensor) -> Tensor:
    """tanh(x) = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ), between −1 and 1. Any shape.

    It is 2σ(2x) − 1; written with e^−2|x| − 1 as one function, it keeps its digits near 0.
    Taught in {ref}`sec-activations`.
    """
    below = torch.expm1(-2 * x.abs())  # e^−2|x| − 1
    return torch.sign(x) * -below / (2 + below)


def tanh_derivative(x: Tensor) -> Tensor:
    """tanh′(x) = 1 − tanh²(x), at most 1, at 0. Any shape.

    Written as 4 σ(2x) σ(−2x), which keeps its digits where tanh is nearly 1.
    Taught in {ref}`sec-activations`.
    """
    return 4 * sigmoid_derivative(2 * x)


def relu(x: Tensor) -> Tensor:
    """max(x, 0). Any shape.

    Source: Nair and Hinton, Rectified Linear Units Improve Restricted Boltzmann Machines (2010).
    Taught in {ref}`sec-activations`.
    """
    return torch.where(x > 0, x, 0.0)


def relu_derivative(x: Tensor) -> Tensor:
    """1 where x > 0, else 0; at 0 itself, where there is a kink, 0 as in PyTorch. Any shape.

    Taught in {ref}`sec-activations`.
    """
    return (x > 0).to(x.dtype)


def leaky_relu(x: Tensor, slope: float = 0.01) -> Tensor:
    """x where it is positive, else `slope` times x. Any shape.

    Source: Maas, Hannun and Ng, Rectifier Nonlinearities Improve Neural Network Acoustic Models
    (2013).
    Taught in {ref}`sec-activations`.
    """
    return torch.where(x > 0, x, slope * x)


def leaky_relu_derivative(x: Tensor, slope: float = 0.01) -> Tensor:
    """1 where x > 0, else `slope`. Any shape.

    Taught in {ref}`sec-activations`.
    """
    return torch.where(x > 0, torch.ones_like(x), slope)


def gelu(x: Tensor) -> Tensor:
    """x Φ(x), where Φ is the probability that a standard normal number lies below x. Any shape.

    Source: Hendrycks and Gimpel, Gaussian Error Linear Units (2016), equation 1.
    Taught in {ref}`sec-activations`.
    """
    return x * _normal_below(x)


def gelu_derivative(x: Tensor) -> Tensor:
    """Φ(x) + x φ(x), where φ is the standard normal density. Any shape.

    Taught in {ref}`sec-activations`.
    """
    return _normal_below(x) + x * torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def gelu_tanh(x: Tensor) -> Tensor:
    """The approximation ½x (1 + tanh(√(2/π) (x + 0.044715x³))) of `gelu`. Any shape.

    It is off by up to 5 · 10⁻⁴; GPT-2 was trained with it, so its weights want it.
    Source: Hendrycks and Gimpel, Gaussian Error Linear Units (2016), section 2.
    Taught in {ref}`sec-activations`.
    """
    return 0.5 * x * (1 + tanh(_gelu_argument(x)))


def gelu_tanh_derivative(x: Tensor) -> Tensor:
    """½(1 + tanh u) + ½x tanh′(u) u′, with u = √(2/π) (x + 0.044715x³). Any shape.

    Taught in {ref}`sec-activations`.
    """
    u = _gelu_argument(x)
    inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
    return 0.5 * (1 + tanh(u)) + 0.5 * x * tanh_derivative(u) * inner


def silu(x: Tensor) -> Tensor:
    """x σ(x), also called swish. Any shape.

    Source: Hendrycks and Gimpel (2016), section 2; Ramachandran, Zoph and Le (2017).
    Taught in {ref}`sec-activations`.
    """
    return x * sigmoid(x)


def silu_derivative(x: Tensor) -> Tensor:
    """σ(x) + x σ′(x). Any shape.

    Taught in {ref}`sec-activations`.
    """
    return sigmoid(x) + x * sigmoid_derivative(x)


def _normal_below(x: Tensor) -> Tensor:
    # erfc, not 1 + erf: far to the left the sum would round to 0.
    return 0.5 * torch.erfc(-x / math.sqrt(2))


def _gelu_argument(x: Tensor) -> Tensor:
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


ACTIVATIONS = {
    "sigmoid": Activation(sigmoid, sigmoid_derivative),
    "tanh": Activation(tanh, tanh_derivative),
    "ReLU": Activation(relu, relu_derivative),
    "leaky ReLU": Activation(leaky_relu, leaky_relu_derivative),
    "GELU": Activation(gelu, gelu_derivative),
    "GELU, tanh form": Activation(gelu_tanh, gelu_tanh_derivative),
    "SiLU": Activation(silu, silu_derivative),
}
"""Each function with its derivative, by the name that it goes under."""
