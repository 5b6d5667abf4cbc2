"""Two-dimensional convolution from its definition: sizes, padding, windows, channels, groups.

Letters: N examples, C input channels, O output channels, H × W cells down and across, kh × kw the
kernel. A setting is one whole number for both directions, or a pair (down, across).
"""

from operator import index

import torch
from torch import Tensor

Pair = int | tuple[int, int]
"""One number for both directions, or (down, across)."""

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
"""What a border may be filled with, as torch's layers name it."""


def as_pair(name: str, value: Pair, minimum: int) -> tuple[int, int]:
    """`value` as (down, across). Raises `ValueError` when either is under `minimum`."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"{name} is {value}; it must be a number or a pair (down, across).")
    for number in pair:
        check_at_least(name, number, minimum)
    return pair


def check_at_least(name: str, number: int, minimum: int) -> None:
    """Raises `ValueError` when `number` is under `minimum`, `TypeError` when it is not whole."""
    if index(number) < minimum:
        raise ValueError(f"{name} is {number}; it must be at least {minimum}.")


def output_size(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """⌊(n + 2 · padding − dilation · (kernel − 1) − 1) / stride⌋ + 1, in one direction.

    The floor means that a stride need not divide: cells at the far end are left unread.
    Raises `ValueError` when the spread-out kernel is longer than the padded input.
    Source: Dumoulin and Visin, A Guide to Convolution Arithmetic (2016), relationships 6 and 15.
    Taught in {ref}`sec-padding-and-stride`.
    """
    check_at_least("kernel", kernel, 1)
    check_at_least("stride", stride, 1)
    check_at_least("padding", padding, 0)
    check_at_least("dilation", dilation, 1)
    span = dilation * (kernel - 1) + 1
    if span > n + 2 * padding:
        raise ValueError(
            f"A kernel of {kernel} with dilation {dilation} spans {span} cells, but the padded "
            f"input has {n} + 2 · {padding} = {n + 2 * padding}: "
            "use more padding, a smaller kernel or less dilation."
        )
    return (n + 2 * padding - span) // stride + 1


def source_cells(n: int, padding: int, mode: str = "zeros") -> Tensor:
    """For each cell of a padded line, the input cell that it copies; −1 where it is a zero.

    With n = 3 and padding 2: zeros −1 −1 0 1 2 −1 −1; reflect 2 1 0 1 2 1 0;
    replicate 0 0 0 1 2 2 2; circular 1 2 0 1 2 0 1.

    Returns (n + 2 · padding,).
    Raises `ValueError` where torch refuses: reflect needs padding < n, since the edge cell is not
    repeated; circular needs padding ≤ n, once around.
    Taught in {ref}`sec-padding-and-stride`.
    """
    if mode not in PADDING_MODES:
        raise ValueError(f"padding_mode is {mode!r}; it must be one of {', '.join(PADDING_MODES)}.")
    if mode == "reflect" and padding >= n:
        raise ValueError(f"reflect padding is {padding}; with {n} cells it must be under {n}.")
    if mode == "circular" and padding > n:
        raise ValueError(f"circular padding is {padding}; with {n} cells it must be at most {n}.")
    position = torch.arange(-padding, n + padding)
    if mode == "zeros":
        return position.where((position >= 0) & (position < n), -1)
    if mode == "reflect":
        return (n - 1) - ((n - 1) - position.abs()).abs()
    if mode == "replicate":
        return position.clamp(0, n - 1)
    return position % n


def pad(x: Tensor, padding: Pair, mode: str = "zeros") -> Tensor:
    """`x` with a border of `padding` cells on each side.

    (…, H, W) -> (…, H + 2 · down, W + 2 · across). `mode` is one of zeros, reflect, replicate,
    circular; `torch.nn.functional.pad` calls the first "constant", and counts the last dimension
    first.
    Raises `ValueError` for a negative padding and as `source_cells` does.
    Taught in {ref}`sec-padding-and-stride`.
    """
    down, across = as_pair("padding", padding, minimum=0)
    rows = source_cells(x.shape[-2], down, mode).to(x.device)
    columns = source_cells(x.shape[-1], across, mode).to(x.device)
    copied = x[..., rows.clamp(min=0), :][..., columns.clamp(min=0)]
    return copied.masked_fill((rows < 0)[:, None] | (columns < 0), 0)


def receptive_cells(
    i: int,
    j: int,
    input_size: Pair,
    kernel_size: Pair,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    padding_mode: str = "zeros",
) -> list[tuple[int, int]]:
    """The input cells (row, column) that output cell (i, j) reads, in the kernel's order.

    Zeros of the border are no cells and are left out; under the other modes of padding a cell may
    come more than once.
    Raises `IndexError` when there is no output cell (i, j).
    Taught in {ref}`sec-padding-and-stride`.
    """
    stride, dilation = as_pair("stride", stride, 1), as_pair("dilation", dilation, 1)
    kernel_size, padding = as_pair("kernel_size", kernel_size, 1), as_pair("padding", padding, 0)
    lines = []
    for axis, (position, n) in enumerate(
        zip((i, j), as_pair("input_size", input_size, 1), strict=True)
    ):
        size = output_size(n, kernel_size[axis], stride[axis], padding[axis], dilation[axis])
        if not 0 <= position < size:
            raise IndexError(
                f"There is no output cell ({i}, {j}): along axis {axis} they count 0 to {size - 1}."
            )
        first = position * stride[axis]
        taps = range(first, first + dilation[axis] * kernel_size[axis], dilation[axis])
        lines.append(source_cells(n, padding[axis], padding_mode)[list(taps)].tolist())
    return [(row, column) for row in lines[0] for column in lines[1] if min(row, column) >= 0]


def correlate2d(
    x: Tensor,
    kernel: Tensor,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    padding_mode: str = "zeros",
) -> Tensor:
    """y[i, j] = Σₐ Σ_b x[i · stride + a · dilation, j · stride + b · dilation] · kernel[a, b].

    Deep-learning libraries call this convolution. `x` (H, W), `kernel` (kh, kw) -> (H', W'), with
    the sizes of `output_size`. The loops are for reading; `conv2d` is the fast one.
    Raises `ValueError` as `output_size` and `pad` do.
    Taught in {ref}`sec-convolution`.
    """
    if x.ndim != 2 or kernel.ndim != 2:
        raise ValueError(
            f"x has shape {tuple(x.shape)} and kernel {tuple(kernel.shape)}; both must be matrices."
        )
    down, across = as_pair("stride", stride, 1)
    dilation_down, dilation_across = as_pair("dilation", dilation, 1)
    padding = as_pair("padding", padding, 0)
    height = output_size(x.shape[0], kernel.shape[0], down, padding[0], dilation_down)
    width = output_size(x.shape[1], kernel.shape[1], across, padding[1], dilation_across)
    padded = pad(x, padding, padding_mode)
    y = torch.zeros(height, width, dtype=torch.result_type(x, kernel), device=x.device)
    for i in range(height):
        for j in range(width):
            for a in range(kernel.shape[0]):
                for b in range(kernel.shape[1]):
                    row, column = i * down + a * dilation_down, j * across + b * dilation_across
                    y[i, j] += padded[row, column] * kernel[a, b]
    return y


def true_convolve2d(
    x: Tensor,
    kernel: Tensor,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    padding_mode: str = "zeros",
) -> Tensor:
    """y[i, j] = Σₐ Σ_b x[i + a, j + b] · kernel[kh − 1 − a, kw − 1 − b]: the kernel turned by 180°.

    This is the convolution of mathematics, the one that commutes; where the kernel is learned the
    turn makes no difference. Shapes, settings and errors are those of `correlate2d`.
    Taught in {ref}`sec-convolution`.
    """
    return correlate2d(x, kernel.flip(0, 1), stride, padding, dilation, padding_mode)


def windows(x: Tensor, kernel_size: Pair, stride: Pair = 1, dilation: Pair = 1) -> Tensor:
    """Every window that the kernel sees, as a view of `x`: strides instead of copies.

    (…, H, W) -> (…, H', W', kh, kw).
    Taught in {ref}`sec-convolution`.
    """
    (kh, kw), (down, across) = as_pair("kernel_size", kernel_size, 1), as_pair("stride", stride, 1)
    dilation_down, dilation_across = as_pair("dilation", dilation, 1)
    output_size(x.shape[-2], kh, down, 0, dilation_down)
    output_size(x.shape[-1], kw, across, 0, dilation_across)
    # (…, H, W) -> (…, H', W, span) -> (…, H', W', span, span) -> (…, H', W', kh, kw)
    spans = x.unfold(-2, dilation_down * (kh - 1) + 1, down)
    spans = spans.unfold(-2, dilation_across * (kw - 1) + 1, across)
    return spans[..., ::dilation_down, ::dilation_across]


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Tensor:
    """y[n, o] = bias[o] + Σ_c x[n, c] ⋆ weight[o, c], over the input channels c of the group of o.

    `x` (N, C, H, W), `weight` (O, C / groups, kh, kw), `bias` (O,) -> (N, O, H', W').
    Raises `ValueError` when `groups` does not divide C and O, when the weight has other than C /
    groups channels, and as `output_size` and `pad` do.
    Taught in {ref}`sec-padding-and-stride`.
    """
    _check_channels(x, weight, bias, groups)
    (O, _, kh, kw), (N, C, _, _) = weight.shape, x.shape
    seen = windows(pad(x, padding, padding_mode), (kh, kw), stride, dilation)
    # (N, C, H', W', kh, kw) -> (N, groups, C / groups, H', W', kh, kw)
    seen = seen.reshape(N, groups, C // groups, *seen.shape[2:])
    # (O, C / groups, kh, kw) -> (groups, O / groups, C / groups, kh, kw)
    kernels = weight.reshape(groups, O // groups, C // groups, kh, kw)
    y = torch.einsum("ngcijab,gocab->ngoij", seen, kernels).flatten(1, 2)  # (N, O, H', W')
    return y if bias is None else y + bias[:, None, None]


def _check_channels(x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> None:
    given = f"x {tuple(x.shape)}, weight {tuple(weight.shape)}, groups={groups}"
    if x.ndim != 4 or weight.ndim != 4:
        raise ValueError(f"Given {given}; x must be (N, C, H, W), weight (O, C / groups, kh, kw).")
    C, O = x.shape[1], weight.shape[0]
    if groups < 1 or C % groups or O % groups:
        raise ValueError(f"Given {given}; groups must divide C = {C} and O = {O}.")
    if weight.shape[1] != C // groups:
        raise ValueError(
            f"Given {given}; weight has {weight.shape[1]} input channels and must have "
            f"C / groups = {C // groups}."
        )
    if bias is not None and bias.shape != (O,):
        raise ValueError(
            f"bias has shape {tuple(bias.shape)}; with {O} output channels it is ({O},)."
        )
