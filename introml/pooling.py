"""Max and average pooling: a window slides as in convolution, and nothing is learned."""

import torch
from torch import Tensor

from introml.convolution import Pair, as_pair, check_at_least, windows


def pooled_size(
    n: int,
    kernel: int,
    stride: int,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """As `output_size`; in `ceil_mode`, ⌈ ⌉ for ⌊ ⌋, less a window that starts past the input.

    Raises `ValueError` when no window fits, and when the padding is over half of the kernel: such a
    window could lie on the border alone.
    Taught in {ref}`sec-pooling`.
    """
    check_at_least("kernel", kernel, 1)
    check_at_least("stride", stride, 1)
    check_at_least("padding", padding, 0)
    check_at_least("dilation", dilation, 1)
    span = dilation * (kernel - 1) + 1
    if padding > kernel // 2:
        raise ValueError(
            f"padding is {padding}; a kernel of {kernel} allows at most half of it, {kernel // 2}."
        )
    free = n + 2 * padding - span
    size = (-(-free // stride) if ceil_mode else free // stride) + 1
    if ceil_mode and (size - 1) * stride >= n + padding:
        size -= 1
    if size < 1:
        raise ValueError(
            f"A window that spans {span} cells does not fit in {n} + 2 · {padding} cells: "
            "use a smaller kernel or less dilation."
        )
    return size


def max_pool2d(
    x: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """The largest cell of each window; the border counts as −∞, so it never wins.

    (…, H, W) -> (…, H', W'), with the sizes of `pooled_size`. `stride` is the kernel's size unless
    given. The gradient goes to one of the largest cells, on a CPU to the first.
    Raises `ValueError` as `pooled_size` does.
    Taught in {ref}`sec-pooling`.
    """
    stride = kernel_size if stride is None else stride
    framed = _frame(x, -torch.inf, kernel_size, stride, padding, dilation, ceil_mode)
    # (…, H', W', kh, kw) -> (…, H', W', kh · kw) -> (…, H', W')
    return windows(framed, kernel_size, stride, dilation).flatten(-2).max(dim=-1).values


def average_pool2d(
    x: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window; the border's zeros count as cells, or not (`count_include_pad`).

    (…, H, W) -> (…, H', W'), with the sizes of `pooled_size`. `stride` is the kernel's size unless
    given. What `ceil_mode` adds beyond the padding is never counted.
    Raises `ValueError` as `pooled_size` does.
    Taught in {ref}`sec-pooling`.
    """
    stride = kernel_size if stride is None else stride
    settings = (kernel_size, stride, padding, 1, ceil_mode)
    sums = windows(_frame(x, 0.0, *settings), kernel_size, stride).sum((-2, -1))
    cells = torch.ones(x.shape[-2:], dtype=x.dtype, device=x.device)
    counted = _frame(cells, 1.0 if count_include_pad else 0.0, *settings)
    if count_include_pad:
        down, across = as_pair("padding", padding, 0)
        counted[x.shape[-2] + 2 * down :] = 0
        counted[:, x.shape[-1] + 2 * across :] = 0
    return sums / windows(counted, kernel_size, stride).sum((-2, -1))


def _frame(
    x: Tensor,
    value: float,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    ceil_mode: bool,
) -> Tensor:
    """`x` in a border of `value`, as wide as the windows need: (…, H, W) -> (…, H + …, W + …)."""
    if not x.is_floating_point():
        raise ValueError(f"x is {x.dtype}; pooling needs floating-point cells: use x.float().")
    kernel_size, stride = as_pair("kernel_size", kernel_size, 1), as_pair("stride", stride, 1)
    padding, dilation = as_pair("padding", padding, 0), as_pair("dilation", dilation, 1)
    sizes = []
    for axis, n in enumerate(x.shape[-2:]):
        span = dilation[axis] * (kernel_size[axis] - 1) + 1
        count = pooled_size(
            n, kernel_size[axis], stride[axis], padding[axis], dilation[axis], ceil_mode
        )
        # In ceil mode the last window may reach past the padding.
        sizes.append(max(n + 2 * padding[axis], (count - 1) * stride[axis] + span))
    framed = x.new_full((*x.shape[:-2], *sizes), value)
    (top, left), (height, width) = padding, x.shape[-2:]
    framed[..., top : top + height, left : left + width] = x
    return framed
