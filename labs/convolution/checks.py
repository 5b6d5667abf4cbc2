"""Public checks of the lab on convolution: what a student can run while working.

Expected values come from PyTorch's own operators and from sums on paper, never from the lab's
solution.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from introml.grader.checks import (
    assert_close,
    assert_inputs_kept,
    check,
    randint,
    randn,
    require,
)

# What the lab's text states.
NEAR = {
    torch.float32: {"rtol": 1e-3, "atol": 1e-4},
    torch.float64: {"rtol": 1e-8, "atol": 1e-9},
}
#: The picture of the text, and its kernel.
PICTURE = torch.arange(9.0).reshape(1, 1, 3, 3)
KERNEL = torch.arange(4.0).reshape(1, 1, 2, 2)
#: Nothing is square here, and a stride leaves cells over.
SETTINGS = [
    {"size": (5, 7), "kernel": (2, 3), "stride": 1, "padding": 0},
    {"size": (6, 5), "kernel": (3, 2), "stride": 2, "padding": 0},
    {"size": (4, 6), "kernel": (3, 1), "stride": 3, "padding": 2},
]


def places(size: int, kernel: int, stride: int, padding: int) -> int:
    """How often a window fits, by counting where it starts."""
    return len(range(-padding, size + padding - kernel + 1, stride))


def same_size(submission, *setting: int) -> None:
    answer = submission.output_size(*setting)
    n, k, stride, padding = (*setting, *(1, 0)[len(setting) - 2 :])
    require(type(answer) is int, "output_size returns a Python int.")
    words = f"n = {n}, k = {k}, stride {stride}, padding {padding}: another number of places fits."
    require(answer == places(n, k, stride, padding), words)


@check(points=1, title="A window has as many places as fit")
def sizes_of_outputs(submission, rng):
    for setting in ((28, 5), (28, 5, 1, 2), (5, 2, 2), (5, 5), (4, 3, 2, 1), (1, 3, 2, 1)):
        same_size(submission, *setting)


def same_columns(submission, x: Tensor, kernel, stride: int, padding: int, hint: str) -> None:
    expected = F.unfold(x, kernel, stride=stride, padding=padding)
    answer = submission.im2col(x, *kernel, stride, padding)
    assert_close(answer, expected, **NEAR[x.dtype], hint=hint)


ORDER = (
    "Each window is a column, channel by channel and row by row; windows too are counted row by "
    "row."
)


@check(points=2, title="Windows become columns")
def windows_as_columns(submission, rng):
    hint = f"The picture of the text has other columns. {ORDER}"
    same_columns(submission, PICTURE, (2, 2), 1, 0, hint)
    hint = "Without stride and padding im2col moves by 1 and puts no border."
    assert_close(submission.im2col(PICTURE, 2, 2), F.unfold(PICTURE, 2), hint=hint)
    for dtype in (torch.float32, torch.float64):
        for one in SETTINGS:
            x = randn(rng, 2, 3, *one["size"], dtype=dtype)
            hint = f"{in_words(one)}: the columns differ. {ORDER}"
            same_columns(submission, x, one["kernel"], one["stride"], one["padding"], hint)
    hint = "im2col changes the picture that it is given."
    assert_inputs_kept(submission, "im2col", randn(rng, 1, 2, 4, 4), 2, 3, 1, 1, hint=hint)


def in_words(one: dict) -> str:
    """A setting for a hint of a public check."""
    (H, W), (kh, kw) = one["size"], one["kernel"]
    return (
        f"A picture of {H} × {W}, a kernel of {kh} × {kw}, stride {one['stride']}, padding "
        f"{one['padding']}"
    )


def drawn(rng, one: dict, dtype: torch.dtype, N: int = 2, C: int = 3, O: int = 4) -> list[Tensor]:
    """A picture, kernels and a bias of a setting."""
    x = randn(rng, N, C, *one["size"], dtype=dtype)
    return [x, randn(rng, O, C, *one["kernel"], dtype=dtype), randn(rng, O, dtype=dtype)]


def same_convolution(submission, tensors: list[Tensor], stride: int, padding: int, hint: str):
    answer = submission.conv(*tensors, stride, padding)
    expected = F.conv2d(*tensors, stride=stride, padding=padding)
    assert_close(answer, expected, **NEAR[expected.dtype], hint=hint)


@check(points=2, title="The convolution equals PyTorch's")
def convolution_equals_torch(submission, rng):
    for bias in (torch.zeros(1), torch.ones(1)):
        hint = f"The picture and the kernel of the text, with a bias of {bias.item():.0f}, differ."
        same_convolution(submission, [PICTURE, KERNEL, bias], 1, 0, hint)
    hint = "Without stride and padding conv moves by 1 and puts no border."
    assert_close(
        submission.conv(PICTURE, KERNEL, torch.ones(1)),
        F.conv2d(PICTURE, KERNEL, torch.ones(1)),
        hint=hint,
    )
    for dtype in (torch.float32, torch.float64):
        for one in SETTINGS:
            hint = f"{in_words(one)}: the convolution differs. Channels are added up."
            tensors = drawn(rng, one, dtype)
            same_convolution(submission, tensors, one["stride"], one["padding"], hint)
    hint = "conv changes a tensor that it is given."
    assert_inputs_kept(submission, "conv", *drawn(rng, SETTINGS[0], torch.float32), hint=hint)


def columns_of(rng, one: dict, dtype: torch.dtype, N: int = 2, C: int = 3) -> tuple[Tensor, tuple]:
    """Random columns of a setting, and the shape of the pictures."""
    kh, kw = one["kernel"]
    count = 1
    for size, kernel in zip(one["size"], one["kernel"], strict=True):
        count *= places(size, kernel, one["stride"], one["padding"])
    return randn(rng, N, C * kh * kw, count, dtype=dtype), (N, C, *one["size"])


def same_picture(submission, columns: Tensor, shape, kernel, stride, padding, hint: str) -> None:
    expected = F.fold(columns, shape[2:], kernel, stride=stride, padding=padding)
    answer = submission.col2im(columns, shape, *kernel, stride, padding)
    assert_close(answer, expected, **NEAR[columns.dtype], hint=hint)


@check(points=2, title="Columns are added back to the picture")
def columns_added_back(submission, rng):
    columns = F.unfold(PICTURE, 2)
    hint = "The columns of the text, added back, give another picture. Add up, don't overwrite."
    same_picture(submission, columns, (1, 1, 3, 3), (2, 2), 1, 0, hint)
    hint = "Without stride and padding col2im moves by 1 and puts no border."
    answer = submission.col2im(columns, (1, 1, 3, 3), 2, 2)
    assert_close(answer, F.fold(columns, (3, 3), 2), hint=hint)
    for dtype in (torch.float32, torch.float64):
        for one in SETTINGS:
            columns, shape = columns_of(rng, one, dtype)
            hint = f"{in_words(one)}: what is added back differs. Each entry belongs to one cell."
            setting = one["kernel"], one["stride"], one["padding"]
            same_picture(submission, columns, shape, *setting, hint)
    hint = "col2im changes the columns that it is given."
    columns, shape = columns_of(rng, SETTINGS[1], torch.float32)
    assert_inputs_kept(submission, "col2im", columns, shape, 3, 2, 2, hint=hint)


def same_gradients(submission, tensors: list[Tensor], stride, padding, rng, hint: str, u=None):
    leaves = [one.clone().requires_grad_() for one in tensors]
    y = F.conv2d(*leaves, stride=stride, padding=padding)
    u = randn(rng, *y.shape, dtype=y.dtype) if u is None else u
    expected = torch.autograd.grad(y, leaves, u)
    answer = submission.conv_backward(u, *tensors[:2], stride, padding)
    require(
        type(answer) is tuple and len(answer) == 3,
        "conv_backward returns three gradients: of x, of weight, of bias.",
    )
    for name, one, wanted in zip(("x", "weight", "bias"), answer, expected, strict=True):
        assert_close(one, wanted, **NEAR[y.dtype], hint=f"The gradient of {name} differs. {hint}")


@check(points=3, title="The gradients of a convolution equal PyTorch's")
def gradients_of_convolution(submission, rng):
    u = torch.tensor([[[[1.0, 2], [3, 4]]]])
    text = "It is the example of the text."
    same_gradients(submission, [PICTURE, KERNEL, torch.zeros(1)], 1, 0, rng, text, u)
    for dtype in (torch.float32, torch.float64):
        for one in SETTINGS:
            tensors = drawn(rng, one, dtype)
            setting = one["stride"], one["padding"]
            same_gradients(submission, tensors, *setting, rng, f"{in_words(one)}.")
    x, weight, _ = drawn(rng, SETTINGS[0], torch.float32)
    u = randn(rng, 2, 4, 4, 5)
    answer = submission.conv_backward(u, x, weight)
    require(type(answer) is tuple and len(answer) == 3, "conv_backward returns three gradients.")
    hint = "Without stride and padding conv_backward moves by 1 and puts no border."
    x.requires_grad_()
    (expected,) = torch.autograd.grad(F.conv2d(x, weight), x, u)
    assert_close(answer[0], expected, **NEAR[torch.float32], hint=hint)
    x.requires_grad_(False)
    hint = "conv_backward changes a tensor that it is given."
    assert_inputs_kept(submission, "conv_backward", u, x, weight, hint=hint)


TEXT_POOLING = torch.tensor([[1.0, 3, 2, 1], [4, 6, 5, 0], [7, 2, 9, 8], [1, 0, 3, 4]])[None, None]


def same_pooling(submission, x: Tensor, k: int, stride: int, hint: str) -> None:
    y, winners = F.max_pool2d(x, k, stride, return_indices=True)
    answer = submission.max_pool(x, k, stride)
    require(
        type(answer) is tuple and len(answer) == 2,
        "max_pool returns two tensors: the largest cells, and their places.",
    )
    assert_close(answer[0], y, **NEAR[x.dtype], hint=f"The largest cells differ. {hint}")
    assert_close(answer[1], winners, hint=f"The winners' places differ. {hint}")


FIRST = "Of several largest cells the first one has won; its place is row · W + column."


@check(points=2, title="Max pooling has the largest cells and their places")
def largest_and_winners(submission, rng):
    same_pooling(submission, TEXT_POOLING, 2, 2, "It is the example of the text.")
    same_pooling(submission, torch.zeros(1, 1, 4, 4), 2, 2, f"The picture is all zeros. {FIRST}")
    for dtype in (torch.float32, torch.float64):
        for size, k, stride in (((5, 7), 2, 2), ((6, 4), 3, 1), ((7, 8), 2, 3)):
            H, W = size
            words = f"A picture of {H} × {W}, windows of {k}, stride {stride}"
            same_pooling(submission, randn(rng, 2, 3, H, W, dtype=dtype), k, stride, f"{words}.")
            few = randint(rng, -1, 2, 2, 3, H, W).to(dtype)
            same_pooling(submission, few, k, stride, f"{words}, with ties. {FIRST}")
    hint = "max_pool changes the picture that it is given."
    assert_inputs_kept(submission, "max_pool", randn(rng, 1, 2, 4, 5), 2, 2, hint=hint)


def same_way_back(submission, x: Tensor, k: int, stride: int, rng, hint: str, u=None) -> None:
    x = x.clone().requires_grad_()
    y, winners = F.max_pool2d(x, k, stride, return_indices=True)
    u = randn(rng, *y.shape, dtype=x.dtype) if u is None else u
    (expected,) = torch.autograd.grad(y, x, u)
    answer = submission.max_pool_backward(u, winners, tuple(x.shape))
    assert_close(answer, expected, **NEAR[x.dtype], hint=hint)


@check(points=2, title="Gradients go back to the winners")
def gradients_to_winners(submission, rng):
    u = torch.tensor([[[[4.0, 8], [12, 16]]]])
    hint = "In the example of the text, the winners get other gradients."
    same_way_back(submission, TEXT_POOLING, 2, 2, rng, hint, u)
    hint = "Windows that overlap: a cell that wins several times gets the sum."
    same_way_back(submission, TEXT_POOLING, 2, 1, rng, hint, torch.ones(1, 1, 3, 3))
    for dtype in (torch.float32, torch.float64):
        for size, k, stride in (((5, 7), 2, 2), ((6, 4), 3, 1), ((7, 8), 2, 3)):
            x = randn(rng, 2, 3, *size, dtype=dtype)
            words = f"A picture of {size[0]} × {size[1]}, windows of {k}, stride {stride}"
            hint = f"{words}: the gradient differs. Each example and channel has its own winners."
            same_way_back(submission, x, k, stride, rng, hint)
    u, winners = randn(rng, 1, 2, 2, 2), randint(rng, 0, 16, 1, 2, 2, 2)
    hint = "max_pool_backward changes a tensor that it is given."
    shape = (1, 2, 4, 4)
    assert_inputs_kept(submission, "max_pool_backward", u, winners, shape, hint=hint)


def lenet_by_torch(parameters: list[Tensor], X: Tensor) -> Tensor:
    """The scores, by PyTorch's operators."""
    K1, b1, K2, b2, W3, b3, W4, b4, W5, b5 = parameters
    h = F.max_pool2d(F.conv2d(X, K1, b1, padding=2).relu(), 2)
    h = F.max_pool2d(F.conv2d(h, K2, b2).relu(), 2).flatten(1)
    h = (h @ W3 + b3).relu()
    return (h @ W4 + b4).relu() @ W5 + b5


def drawn_lenet(rng, channels, widths, size, N: int, dtype=torch.float64) -> tuple:
    """Parameters of a LeNet, and pictures; the numbers of a layer stay about as large as before."""
    flat = channels[1] * ((size[0] // 2 - 4) // 2) * ((size[1] // 2 - 4) // 2)
    shapes = [(channels[0], 1, 5, 5), (channels[1], channels[0], 5, 5)]
    shapes += [(flat, widths[0]), (widths[0], widths[1]), (widths[1], widths[2])]
    parameters = []
    for shape in shapes:
        inputs = shape[0] if len(shape) == 2 else shape[1] * 25
        outputs = shape[1] if len(shape) == 2 else shape[0]
        parameters += [randn(rng, *shape, dtype=dtype, scale=(2 / inputs) ** 0.5)]
        parameters += [randn(rng, outputs, dtype=dtype, scale=0.3)]
    return parameters, randn(rng, N, 1, *size, dtype=dtype)


NAMES = (
    "the first kernels", "the first convolution's bias", "the second kernels",
    "the second convolution's bias", "the first dense weight", "the first dense bias",
    "the second dense weight", "the second dense bias", "the last weight", "the last bias",
)  # fmt: skip


def same_lenet(submission, parameters: list[Tensor], X: Tensor, u: Tensor) -> None:
    leaves = [one.clone().requires_grad_() for one in parameters]
    scores = lenet_by_torch(leaves, X)
    expected = torch.autograd.grad(scores, leaves, u)
    answer = submission.lenet_gradients(parameters, X, u)
    require(type(answer) is tuple and len(answer) == 2, "lenet_gradients is given.")
    hint = "The scores differ. Is each layer there, with its ReLU, and none after the last?"
    assert_close(answer[0], scores.detach(), **NEAR[X.dtype], hint=hint)
    form = "lenet_backward returns a list of ten gradients."
    require(type(answer[1]) is list and len(answer[1]) == 10, form)
    for name, one, wanted in zip(NAMES, answer[1], expected, strict=True):
        hint = f"The gradient of {name} differs."
        assert_close(one, wanted, **NEAR[X.dtype], hint=hint)


@check(points=3, title="LeNet's scores and gradients equal PyTorch's")
def lenet_equals_torch(submission, rng):
    parameters, X = drawn_lenet(rng, (6, 16), (120, 84, 10), (28, 28), N=3)
    u = randn(rng, 3, 10, dtype=torch.float64)
    same_lenet(submission, [0 * one for one in parameters[:-1]] + parameters[-1:], X, u)
    same_lenet(submission, parameters, X, u)
    # In float32 the network's numbers, of which a rounding may choose another winner or ReLU, are
    # compared up to the scores; of the gradients the form.
    single, x = [one.float() for one in parameters], X.float()
    answer = submission.lenet_gradients(single, x, u.float())
    require(type(answer) is tuple and len(answer) == 2, "lenet_gradients is given.")
    hint = "In float32 the scores differ, or their dtype."
    assert_close(answer[0], lenet_by_torch(single, x), **NEAR[torch.float32], hint=hint)
    right = type(answer[1]) is list and all(
        type(one) is Tensor and one.dtype == torch.float32 for one in answer[1]
    )
    require(right, "In float32 lenet_backward returns gradients of another dtype.")
    hint = "lenet or lenet_backward changes a tensor that it is given."
    assert_inputs_kept(submission, "lenet_gradients", parameters, X, u, hint=hint)
