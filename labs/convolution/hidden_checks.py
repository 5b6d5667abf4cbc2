"""Hidden checks of the lab on convolution: other sizes, ties, other networks, and real digits.

None of them asks for more than the text of a task says.
"""

import torch
from checks import (
    FIRST,
    ORDER,
    columns_of,
    drawn,
    drawn_lenet,
    same_columns,
    same_convolution,
    same_gradients,
    same_lenet,
    same_picture,
    same_pooling,
    same_size,
    same_way_back,
)

from introml.data import mnist
from introml.grader.checks import assert_learns, check, randint, randn, require

CANARY = "introml-canary-3d97b0c25e8146fa"
DTYPES = (torch.float32, torch.float64)


def whole(rng, low: int, high: int) -> int:
    """low ≤ n ≤ high."""
    return int(rng.integers(low, high + 1))


def settings(rng, count: int) -> list[dict]:
    """Random settings, and the smallest: one place, one cell, a padding larger than the kernel."""
    found = [
        {"size": (3, 4), "kernel": (3, 4), "stride": 1, "padding": 0},
        {"size": (1, 1), "kernel": (1, 1), "stride": 2, "padding": 0},
        {"size": (1, 3), "kernel": (2, 1), "stride": 1, "padding": 3},
        {"size": (9, 8), "kernel": (2, 2), "stride": 4, "padding": 0},
    ]
    while len(found) < count:
        kernel, padding = (whole(rng, 1, 5), whole(rng, 1, 5)), whole(rng, 0, 3)
        size = tuple(max(1, k - 2 * padding) + whole(rng, 0, 6) for k in kernel)
        one = {"size": size, "kernel": kernel, "stride": whole(rng, 1, 4), "padding": padding}
        found.append(one)
    return found


def few(rng) -> tuple[int, int, int]:
    """Examples, channels in, channels out."""
    return whole(rng, 1, 3), whole(rng, 1, 4), whole(rng, 1, 5)


@check(points=1, title="The number of places in other settings")
def sizes_in_other_settings(submission, rng):
    for _ in range(30):
        k, padding = whole(rng, 1, 9), whole(rng, 0, 4)
        n = max(1, k - 2 * padding) + whole(rng, 0, 40)
        same_size(submission, n, k, whole(rng, 1, 6), padding)


@check(points=2, title="Columns at other sizes")
def columns_at_other_sizes(submission, rng):
    for dtype in DTYPES:
        for one in settings(rng, 10):
            N, C, _ = few(rng)
            x = randn(rng, N, C, *one["size"], dtype=dtype)
            hint = f"At other sizes im2col differs. {ORDER}"
            same_columns(submission, x, one["kernel"], one["stride"], one["padding"], hint)


@check(points=3, title="Convolutions at other sizes")
def convolutions_at_other_sizes(submission, rng):
    hint = "At other sizes the convolution differs."
    for dtype in DTYPES:
        for one in settings(rng, 10):
            tensors = drawn(rng, one, dtype, *few(rng))
            same_convolution(submission, tensors, one["stride"], one["padding"], hint)


@check(points=2, title="Columns added back at other sizes")
def columns_back_at_other_sizes(submission, rng):
    hint = "At other sizes col2im differs. Cells that no window has read get 0."
    for dtype in DTYPES:
        for one in settings(rng, 10):
            columns, shape = columns_of(rng, one, dtype, *few(rng)[:2])
            setting = one["kernel"], one["stride"], one["padding"]
            same_picture(submission, columns, shape, *setting, hint)


@check(points=3, title="Gradients at other sizes")
def gradients_at_other_sizes(submission, rng):
    for dtype in DTYPES:
        for one in settings(rng, 10):
            tensors = drawn(rng, one, dtype, *few(rng))
            hint = "It is so at other sizes."
            same_gradients(submission, tensors, one["stride"], one["padding"], rng, hint)


def pooled(rng) -> tuple[tuple[int, ...], int, int]:
    """A shape, a window and a stride."""
    k = whole(rng, 1, 4)
    N, C, _ = few(rng)
    return (N, C, k + whole(rng, 0, 5), k + whole(rng, 0, 5)), k, whole(rng, 1, 5)


@check(points=2, title="Pooling at other sizes, with ties")
def pooling_at_other_sizes(submission, rng):
    hint = f"It is so at other sizes. {FIRST}"
    for dtype in DTYPES:
        for _ in range(8):
            shape, k, stride = pooled(rng)
            same_pooling(submission, randn(rng, *shape, dtype=dtype) - 3, k, stride, hint)
            few_values = randint(rng, -1, 1, *shape).to(dtype)
            same_pooling(submission, few_values, k, stride, hint)


@check(points=2, title="The way back of pooling at other sizes")
def pooling_back_at_other_sizes(submission, rng):
    hint = "At other sizes the gradient of pooling differs. Who wins several times gets the sum."
    for dtype in DTYPES:
        for _ in range(8):
            shape, k, stride = pooled(rng)
            x = randint(rng, -1, 2, *shape).to(dtype)
            same_way_back(submission, x, k, stride, rng, hint)


@check(points=3, title="Networks of other sizes")
def lenets_of_other_sizes(submission, rng):
    for _ in range(3):
        channels = whole(rng, 1, 4), whole(rng, 2, 5)
        widths = whole(rng, 5, 9), whole(rng, 3, 8), whole(rng, 2, 6)
        size = 12 + whole(rng, 0, 8), 12 + whole(rng, 0, 8)
        parameters, X = drawn_lenet(rng, channels, widths, size, N=whole(rng, 1, 4))
        u = randn(rng, len(X), widths[2], dtype=torch.float64)
        same_lenet(submission, parameters, X, u)


@check(points=4, title="LeNet learns to read digits", time_s=120)
def learns_to_read_digits(submission, rng):
    parts = [mnist.load(split) for split in ("train", "test")]
    X, y = (torch.cat(part) for part in zip(*parts, strict=True))

    hint = (
        "After the training that is given, less than 97% of new digits are read correctly. Are the "
        "gradients of all ten parameters right, for batches too?"
    )

    def accuracy(seed: int, count: int = 8000) -> float:
        order, names = torch.from_numpy(rng.permutation(len(X))), rng.permutation(10)
        known, new = order[:count], order[8000:]
        # Digits under other names: parameters that a notebook brings along know nothing of them.
        classes = torch.from_numpy(names)[y]
        scores = submission.learn_digits(X[known, None], classes[known], X[new, None])
        require(
            type(scores) is torch.Tensor and scores.shape == (len(new), 10),
            "lenet returns one row for each picture, and one score for each class.",
        )
        return (scores.argmax(1) == classes[new]).double().mean().item()

    # A network that reads not half of them after a thousand digits needs no long training. In 20
    # trials of the solution the lowest accuracy there was 0.91.
    require(accuracy(0, count=1000) >= 0.5, hint)
    # In 40 trials of the solution the lowest accuracy was 0.972 and the mean 0.979, so that the
    # chance of one below 0.97 is at most 0.08 (95% confidence). Of three trials one must succeed:
    # a right answer fails at most once in 1,900.
    assert_learns(
        accuracy,
        rng,
        threshold=0.97,
        miss=0.08,
        hint=hint,
    )
