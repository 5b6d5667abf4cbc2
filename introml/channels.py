"""Several channels in a convolution: how they are mixed, and what that costs.

Letters: N examples, C input channels, O output channels, H × W cells down and across, kh × kw the
kernel, H' × W' the cells of an output channel.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from introml.convolution import Pair, as_pair, check_at_least, conv2d, correlate2d, output_size


def correlate_channels(x: Tensor, weight: Tensor) -> Tensor:
    """y[o] = Σ_c x[c] ⋆ weight[o, c]: each channel under its own kernel, and all of them added.

    `x` (C, H, W), `weight` (O, C, kh, kw) -> (O, H', W'). The loops are for reading;
    `introml.convolution.conv2d` is the fast one.
    Raises `ValueError` when the two have other numbers of axes or of input channels.
    Taught in {ref}`sec-channels`.
    """
    if x.ndim != 3 or weight.ndim != 4 or len(x) != weight.shape[1]:
        raise ValueError(
            f"x is {tuple(x.shape)} and weight {tuple(weight.shape)}; they must be (C, H, W) and "
            "(O, C, kh, kw), with the same C."
        )
    return torch.stack(
        [
            torch.stack([correlate2d(x[c], kernels[c]) for c in range(len(x))]).sum(0)
            for kernels in weight
        ]
    )


def pointwise(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A 1 × 1 convolution: the matrix `weight` times the channels of each pixel, plus `bias`.

    `x` (N, C, H, W), `weight` (O, C), `bias` (O,) -> (N, O, H, W).
    Raises `ValueError` when x has other than C channels.
    Source: Lin, Chen and Yan, Network In Network (2014), section 3.1.
    Taught in {ref}`sec-channels`.
    """
    if x.ndim != 4 or weight.ndim != 2 or x.shape[1] != weight.shape[1]:
        raise ValueError(
            f"x is {tuple(x.shape)} and weight {tuple(weight.shape)}; they must be (N, C, H, W) "
            "and (O, C), with the same C."
        )
    y = torch.einsum("oc,nchw->nohw", weight, x)
    return y if bias is None else y + bias[:, None, None]


def separable_conv2d(
    x: Tensor, depthwise: Tensor, pointwise_weight: Tensor, stride: Pair = 1, padding: Pair = 0
) -> Tensor:
    """Depthwise, then pointwise: a kernel for each channel alone, then a matrix at each pixel.

    `x` (N, C, H, W), `depthwise` (C, kh, kw), `pointwise_weight` (O, C) -> (N, O, H', W').
    Raises `ValueError` as `conv2d` and `pointwise` do.
    Source: Chollet, Xception (2017), section 1.
    Taught in {ref}`sec-channels`.
    """
    each = conv2d(x, depthwise[:, None], stride=stride, padding=padding, groups=len(depthwise))
    return pointwise(each, pointwise_weight)


def separable_as_full(depthwise: Tensor, pointwise_weight: Tensor) -> Tensor:
    """The weights of the ordinary convolution that equals `separable_conv2d`.

    `depthwise` (C, kh, kw), `pointwise_weight` (O, C) -> (O, C, kh, kw): for each input channel the
    same kernel at every output, times a number.
    Taught in {ref}`sec-channels`.
    """
    return pointwise_weight[:, :, None, None] * depthwise


@dataclass(frozen=True)
class ConvolutionCost:
    """What a layer of convolution has and does: weights, biases, and MACs for one example.

    Taught in {ref}`sec-channels`.
    """

    weights: int
    biases: int
    macs: int

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.weights + self.biases

    @property
    def flops(self) -> int:
        """Floating-point operations: a multiply–accumulate is two. Adding biases is left out."""
        return 2 * self.macs


def layer_cost(
    channels: int,
    outputs: int,
    kernel_size: Pair,
    input_size: Pair,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
    bias: bool = True,
) -> ConvolutionCost:
    """The cost of `nn.Conv2d` on one example of `input_size` (down, across).

    Each output channel has kh · kw weights for each of the C / groups channels that it reads, and
    every weight does one multiply–accumulate at each of the H' · W' places.
    Raises `ValueError` when groups do not divide both, and as `output_size` does.
    Taught in {ref}`sec-channels`.
    """
    for name, number in (("channels", channels), ("outputs", outputs), ("groups", groups)):
        check_at_least(name, number, 1)
    if channels % groups or outputs % groups:
        raise ValueError(
            f"groups is {groups}; it must divide channels = {channels} and outputs = {outputs}."
        )
    kernel_size, input_size = (
        as_pair("kernel_size", kernel_size, 1),
        as_pair("input_size", input_size, 1),
    )
    stride, padding = as_pair("stride", stride, 1), as_pair("padding", padding, 0)
    dilation = as_pair("dilation", dilation, 1)
    weights = outputs * (channels // groups) * kernel_size[0] * kernel_size[1]
    places = 1
    for axis in (0, 1):
        places *= output_size(
            input_size[axis], kernel_size[axis], stride[axis], padding[axis], dilation[axis]
        )
    return ConvolutionCost(weights, outputs if bias else 0, weights * places)
