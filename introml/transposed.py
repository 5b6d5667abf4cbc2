"""Transposed convolution: each input cell, times the kernel, is added into a larger output.

Letters: N examples, C input channels, O output channels, H × W cells down and across, kh × kw the
kernel, H' × W' the output. A setting is one whole number for both directions, or a pair (down,
across).
"""

import torch
from torch import Tensor

from introml.convolution import Pair, as_pair, check_at_least


def transposed_size(
    n: int,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> int:
    """(n − 1) · stride − 2 · padding + dilation · (kernel − 1) + output_padding + 1.

    It is the size before a convolution of the same settings; `output_padding` says which of the
    sizes that the convolution's floor makes equal.
    Raises `ValueError` when the output padding is neither under the stride nor under the dilation,
    and when nothing is left.
    Source: Dumoulin and Visin, A Guide to Convolution Arithmetic (2016), relationship 14.
    Taught in {ref}`sec-pooling`.
    """
    check_at_least("n", n, 1)
    check_at_least("kernel", kernel, 1)
    check_at_least("stride", stride, 1)
    check_at_least("padding", padding, 0)
    check_at_least("output_padding", output_padding, 0)
    check_at_least("dilation", dilation, 1)
    if output_padding >= max(stride, dilation):
        raise ValueError(
            f"output_padding is {output_padding}; it must be under the stride, {stride}, or under "
            f"the dilation, {dilation}."
        )
    size = (n - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1
    if size < 1:
        raise ValueError(
            f"A padding of {padding} takes {2 * padding} cells away, and there are only "
            f"{size + 2 * padding}: use less padding or a larger kernel."
        )
    return size


def conv_transpose2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    output_padding: Pair = 0,
    dilation: Pair = 1,
) -> Tensor:
    """y[n, o] = bias[o] + Σ_c x[n, c, i, j] · weight[c, o], laid at (i, j) · stride and added up.

    `x` (N, C, H, W), `weight` (C, O, kh, kw), `bias` (O,) -> (N, O, H', W'), with the sizes of
    `transposed_size`.
    Raises `ValueError` when the two have other numbers of axes or of input channels, and as
    `transposed_size` does.
    Taught in {ref}`sec-pooling`.
    """
    if x.ndim != 4 or weight.ndim != 4 or x.shape[1] != weight.shape[0]:
        raise ValueError(
            f"x is {tuple(x.shape)} and weight {tuple(weight.shape)}; they must be (N, C, H, W) "
            "and (C, O, kh, kw), with the same C."
        )
    (N, _, H, W), (_, O, kh, kw) = x.shape, weight.shape
    down, across = as_pair("stride", stride, 1)
    top, left = as_pair("padding", padding, 0)
    more_down, more_across = as_pair("output_padding", output_padding, 0)
    d_down, d_across = as_pair("dilation", dilation, 1)
    height = transposed_size(H, kh, down, top, more_down, d_down)
    width = transposed_size(W, kw, across, left, more_across, d_across)
    whole = torch.zeros(
        N,
        O,
        height + 2 * top,
        width + 2 * left,
        dtype=torch.result_type(x, weight),
        device=x.device,
    )
    for a in range(kh):
        for b in range(kw):
            rows = slice(a * d_down, a * d_down + (H - 1) * down + 1, down)
            columns = slice(b * d_across, b * d_across + (W - 1) * across + 1, across)
            # (N, C, H, W), (C, O) -> (N, O, H, W)
            whole[:, :, rows, columns] += torch.einsum("nchw,co->nohw", x, weight[:, :, a, b])
    y = whole[:, :, top : top + height, left : left + width]
    return y if bias is None else y + bias[:, None, None]
