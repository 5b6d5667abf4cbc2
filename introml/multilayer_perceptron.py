"""A multilayer perceptron from scratch: layers of weighted sums with a ReLU between them.

A layer is a pair (W, b): W (outputs, inputs) has a row of weights for each neuron, b (outputs,) a
bias. A network is a list of layers, the first one first.
"""

import itertools
from collections.abc import Sequence

from torch import Tensor, nn

Layer = tuple[Tensor, Tensor]


def forward(layers: Sequence[Layer], X: Tensor) -> Tensor:
    """relu(X Wᵀ + b) through all layers but the last, which has no ReLU: (n, d) -> (n, outputs).

    Raises `ValueError` when there are no layers, or one does not fit what comes in.
    Taught in {ref}`sec-multilayer-perceptrons`.
    """
    if not layers:
        raise ValueError("layers is empty; give at least one pair (W, b).")
    for at, (W, b) in enumerate(layers):
        if X.shape[-1] != W.shape[1]:
            raise ValueError(
                f"layer {at} takes {W.shape[1]} numbers, W being {tuple(W.shape)}, but gets "
                f"{X.shape[-1]}; W must be (outputs, inputs)."
            )
        X = X @ W.T + b  # (n, inputs) -> (n, outputs)
        if at < len(layers) - 1:
            X = X.relu()
    return X


def without_activation(layers: Sequence[Layer]) -> Layer:
    """The one layer (W, b) that does what all the layers do when no ReLU stands between them.

    W₂(W₁x + b₁) + b₂ = (W₂W₁)x + (W₂b₁ + b₂), from the first layer to the last.
    Taught in {ref}`sec-multilayer-perceptrons`.
    """
    W, b = layers[0]
    for W_next, b_next in layers[1:]:
        W, b = W_next @ W, W_next @ b + b_next
    return W, b


def parameter_count(widths: Sequence[int]) -> int:
    """Weights and biases of layers with these widths, inputs first: m · (n + 1) for n -> m.

    Taught in {ref}`sec-multilayer-perceptrons`.
    """
    return sum(m * (n + 1) for n, m in itertools.pairwise(widths))


def sequential(widths: Sequence[int], activation: bool = True) -> nn.Sequential:
    """`nn.Linear` layers of these widths with `nn.ReLU` between them, or with nothing between them.

    Taught in {ref}`sec-multilayer-perceptrons`.
    """
    modules: list[nn.Module] = []
    for n, m in itertools.pairwise(widths):
        modules += [nn.Linear(n, m), nn.ReLU()] if activation else [nn.Linear(n, m)]
    return nn.Sequential(*(modules[:-1] if activation else modules))
