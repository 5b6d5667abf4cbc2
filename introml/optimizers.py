"""Optimizers from scratch: what a gradient becomes before it is subtracted.

Each class keeps what it remembers of one tensor of parameters θ. `step(theta, grad)` returns the
new θ and changes nothing in place. The learning rate may be a tensor that broadcasts against θ, so
that many runs can step at once, each at a rate of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

Rate = float | Tensor
"""A learning rate, or one a run: a tensor that broadcasts against the parameters."""


class Optimizer(Protocol):
    """What all optimizers of this module share.

    Taught in {ref}`sec-optimizers`.
    """

    def step(self, theta: Tensor, grad: Tensor) -> Tensor:
        """The parameters after a step, of the shape of `theta` and `grad`."""
        ...


@dataclass
class SGD:
    """θ ← θ − ηg, where g has the L2 penalty's gradient in it: g ← ∇L + λθ.

    torch's `SGD(lr, weight_decay=λ)`.
    Taught in {ref}`sec-optimizers`.
    """

    lr: Rate
    weight_decay: float = 0.0

    def step(self, theta: Tensor, grad: Tensor) -> Tensor:
        """The parameters after a step, of the shape of `theta` and `grad`."""
        return theta - self.lr * (grad + self.weight_decay * theta)


@dataclass
class Momentum:
    """v ← ρv + g, then θ ← θ − ηv. The velocity v begins at 0.

    torch's `SGD(lr, momentum=ρ, weight_decay=λ)`; v is a sum of gradients, not their mean.
    Source: Polyak, Some methods of speeding up the convergence of iteration methods (1964).
    Taught in {ref}`sec-optimizers`.
    """

    lr: Rate
    rho: float = 0.9
    weight_decay: float = 0.0
    v: Tensor | float = field(default=0.0, init=False)

    def step(self, theta: Tensor, grad: Tensor) -> Tensor:
        """The parameters after a step, of the shape of `theta` and `grad`."""
        self.v = self.rho * self.v + grad + self.weight_decay * theta
        return theta - self.lr * self.v


@dataclass
class Nesterov:
    """v ← ρv + g, then θ ← θ − η(g + ρv): the step that momentum would take next is in it already.

    torch's `SGD(lr, momentum=ρ, nesterov=True, weight_decay=λ)`.
    Source: Sutskever et al., On the importance of initialization and momentum (2013), section 2.
    Taught in {ref}`sec-optimizers`.
    """

    lr: Rate
    rho: float = 0.9
    weight_decay: float = 0.0
    v: Tensor | float = field(default=0.0, init=False)

    def step(self, theta: Tensor, grad: Tensor) -> Tensor:
        """The parameters after a step, of the shape of `theta` and `grad`."""
        g = grad + self.weight_decay * theta
        self.v = self.rho * self.v + g
        return theta - self.lr * (g + self.rho * self.v)


@dataclass
class AdaGrad:
    """s ← s + g², then θ ← θ − ηg / (√s + ε), element by element.

    torch's `Adagrad(lr, weight_decay=λ)`.
    Source: Duchi, Hazan and Singer, Adaptive Subgradient Methods (2011).
    Taught in {ref}`sec-optimizers`.
    """

    lr: Rate
    eps: float = 1e-10
    weight_decay: float = 0.0
    s: Tensor | float = field(default=0.0, init=False)

    def step(self, theta: Tensor, grad: Tensor) -> Tensor:
        """The parameters after a step, of the shape of `theta` and `grad`."""
        g = grad + self.weight_decay * theta
        self.s = self.s + g**2
        return theta - self.lr * g / (self.s**0.5 + self.eps)


@dataclass
class RMSProp:
    """s ← βs + (1 − β)g², then θ ← θ − ηg / (√s + ε), element by element.

    torch's `RMSprop(lr, alpha=β, weight_decay=λ)`.
    Source: Tieleman and Hinton, Neural Networks for Machine Learning, lecture 6.5 (2012).
    Taught in {ref}`sec-optimizers`.
    """

    lr: Rate
    beta: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    s: Tensor | float = field(default=0.0, init=False)

    def step(self, theta: Tensor, grad: Tensor) -> Tensor:
        """The parameters after a step, of the shape of `theta` and `grad`."""
        g = grad + self.weight_decay * theta
        self.s = self.beta * self.s + (1 - self.beta) * g**2
        return theta - self.lr * g / (self.s**0.5 + self.eps)


@dataclass
class Adam:
    """v ← β₁v + (1 − β₁)g, s ← β₂s + (1 − β₂)g², then θ ← θ − ηv̂ / (√ŝ + ε).

    In step t = 1, 2, … the correction is v̂ = v / (1 − β₁ᵗ) and ŝ = s / (1 − β₂ᵗ); ε is added
    after it. `corrected=False` leaves it out, to show what it is good for. The weight decay of this
    class is an L2 penalty, λθ in the gradient, as in torch's `Adam(lr, betas, weight_decay=λ)`.
    Source: Kingma and Ba, Adam (2015), algorithm 1.
    Taught in {ref}`sec-optimizers`.
    """

    lr: Rate
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    corrected: bool = True
    t: int = field(default=0, init=False)
    v: Tensor | float = field(default=0.0, init=False)
    s: Tensor | float = field(default=0.0, init=False)

    def step(self, theta: Tensor, grad: Tensor) -> Tensor:
        """The parameters after a step, of the shape of `theta` and `grad`."""
        g = grad + self.weight_decay * theta
        self.t += 1
        self.v = self.beta1 * self.v + (1 - self.beta1) * g
        self.s = self.beta2 * self.s + (1 - self.beta2) * g**2
        first = 1 - self.beta1**self.t if self.corrected else 1.0
        second = 1 - self.beta2**self.t if self.corrected else 1.0
        return theta - self.lr * (self.v / first) / ((self.s / second) ** 0.5 + self.eps)


@dataclass
class AdamW:
    """Adam on the loss alone, and apart from it θ ← θ − ηλθ with the θ from before the step.

    torch's `AdamW(lr, betas, weight_decay=λ)`.
    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization (2019), algorithm 2.
    Taught in {ref}`sec-optimizers`.
    """

    lr: Rate
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.01
    adam: Adam = field(init=False)

    def __post_init__(self) -> None:
        self.adam = Adam(self.lr, self.beta1, self.beta2, self.eps)

    def step(self, theta: Tensor, grad: Tensor) -> Tensor:
        """The parameters after a step, of the shape of `theta` and `grad`."""
        return self.adam.step(theta, grad) - self.lr * self.weight_decay * theta


def walk(
    optimizer: Optimizer, gradient: Callable[[Tensor], Tensor], start: Tensor, steps: int
) -> Tensor:
    """The whole path of an optimizer, (steps + 1, …), `start` first.

    `gradient` maps a point to the loss's gradient there, both of the shape of `start`.
    Raises `ValueError` for negative `steps`.
    Taught in {ref}`sec-optimizers`.
    """
    if steps < 0:
        raise ValueError(f"steps is {steps}; it must be 0 or more.")
    path = [start]
    for _ in range(steps):
        path.append(optimizer.step(path[-1], gradient(path[-1])))
    return torch.stack(path)
