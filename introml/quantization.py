"""Networks in whole numbers of a few bits: weights and inputs are rounded to multiples of a scale.

Letters: n examples, d inputs of a layer, m outputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def scale_of(largest: float, bits: int) -> float:
    """The step for which 2^(bits−1) − 1 steps reach the largest absolute value.

    Raises `ValueError` for fewer than 2 bits, or if the largest value is not above 0.
    Taught in {ref}`sec-fpga`.
    """
    if bits < 2 or not largest > 0:
        raise ValueError(
            f"bits is {bits} and the largest value {largest}; bits must be at least 2, and the "
            "value above 0."
        )
    return largest / (2 ** (bits - 1) - 1)


def quantize(values: Tensor, scale: float, bits: int) -> Tensor:
    """The nearest multiples of the scale, as whole numbers from −(2^(bits−1) − 1) to as much above.

    Any shape -> int32 of that shape. What is beyond the ends is set to them.
    Taught in {ref}`sec-fpga`.
    """
    most = 2 ** (bits - 1) - 1
    return torch.round(values / scale).clamp(-most, most).to(torch.int32)


class QuantizedLayers:
    """A multilayer perceptron with ReLUs whose products are of whole numbers.

    `weights` are its matrices (d, m) and biases (m,) in turn, as in [W, b, W, b]. `examples` (n, d)
    say how large the inputs of each layer get; the largest decides its scale.
    Raises `ValueError` as `scale_of` does.
    Taught in {ref}`sec-fpga`.
    """

    def __init__(self, weights: Sequence[Tensor], examples: Tensor, bits: int):
        self.bits = bits
        self.layers: list[tuple[Tensor, Tensor, float, float]] = []
        hidden = examples
        for W, b in zip(weights[::2], weights[1::2], strict=True):
            by_input = scale_of(hidden.abs().max().item(), bits)
            by_weight = scale_of(W.abs().max().item(), bits)
            self.layers.append((quantize(W, by_weight, bits), b, by_input, by_weight))
            hidden = (hidden @ W + b).relu()

    def __call__(self, X: Tensor) -> Tensor:
        """The scores (n, m) of inputs (n, d). Sums of products are whole numbers until the end."""
        hidden = X
        for at, (W, b, by_input, by_weight) in enumerate(self.layers):
            if at:
                hidden = hidden.relu()
            sums = quantize(hidden, by_input, self.bits).long() @ W.long()
            hidden = sums.to(X.dtype) * (by_input * by_weight) + b
        return hidden
