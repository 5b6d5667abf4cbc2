"""Public checks of the lab on gradient descent: what a student can run while working.

Expected values come from autograd and from `torch.optim`, never from the lab's own solution.
"""

import math

import numpy as np
import torch
from torch import Tensor

from introml.grader.checks import assert_close, check, randn, require

NEAR = {"rtol": 1e-4, "atol": 1e-5}  # float32 sums of up to some hundred terms, in any order


def draw_problem(
    rng: np.random.Generator, n: int, d: int, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """X (n, d), y (n,), w (d,) and b (): nothing is zero, and no column is like another."""
    offset = randn(rng, d)
    X = (randn(rng, n, d) + offset).to(dtype)
    return X, randn(rng, n, dtype=dtype, scale=2.0), randn(rng, d, dtype=dtype), _number(rng, dtype)


def _number(rng: np.random.Generator, dtype: torch.dtype) -> Tensor:
    return torch.tensor(float(rng.uniform(0.5, 1.5)), dtype=dtype)


def reference_loss(X: Tensor, y: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return torch.nn.functional.mse_loss(torch.addmv(b.expand(len(X)), X, w), y) / 2


def reference_path(X, y, w, b, rates: list[float]) -> Tensor:
    """The path of `torch.optim.SGD` on the whole data: (len(rates) + 1, d + 1), w then b."""
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    optimizer = torch.optim.SGD([w, b], lr=0.0)
    path = [torch.cat([w, b[None]]).detach()]
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        reference_loss(X, y, w, b).backward()
        optimizer.step()
        path.append(torch.cat([w, b[None]]).detach())
    return torch.stack(path)


def stable_rate(X: Tensor) -> float:
    """2/λmax of the mean loss's Hessian: below it, descent on the whole data converges."""
    A = torch.cat([X, X.new_ones(len(X), 1)], dim=1).double()
    return 2 * len(X) / torch.linalg.eigvalsh(A.T @ A)[-1].item()


def batches_of(answer: object, n: int, epochs: int) -> list[list[Tensor]]:
    """What `shuffled_batches` returned, once it has the promised form."""
    form = "shuffled_batches returns a list of epochs, and each epoch is a list of index tensors."
    require(type(answer) is list and all(type(epoch) is list for epoch in answer), form)
    require(len(answer) == epochs, "There is one inner list for each epoch.")
    for epoch in answer:
        require(epoch, "An epoch has at least one batch.")
        for batch in epoch:
            require(type(batch) is Tensor and batch.dtype == torch.int64, form)
            require(batch.ndim == 1 and len(batch) > 0, "A batch is a non-empty vector of indices.")
            inside = int(batch.min()) >= 0 and int(batch.max()) < n
            require(inside, "An index is at least 0 and below n.")
    return answer


@check(points=1, title="Predictions and the mean loss")
def predictions_and_loss(submission, rng):
    X, y, w, b = draw_problem(rng, int(rng.integers(5, 40)), int(rng.integers(2, 7)))
    assert_close(
        submission.predict(X, w, b),
        torch.addmv(b.expand(len(X)), X, w),
        **NEAR,
        hint="predict returns one number for each row of X: the row times w, plus b. Shape (n,).",
    )
    assert_close(
        submission.mean_loss(X, y, w, b),
        reference_loss(X, y, w, b),
        **NEAR,
        hint="The loss is the mean over the examples of half the squared error. Look for the ½, "
        "for a sum in place of the mean, and for shapes (n,) and (n, 1) that broadcast.",
    )


@check(points=2, title="The gradient is that of the mean loss")
def gradient_of_the_mean_loss(submission, rng):
    X, y, w, b = draw_problem(rng, int(rng.integers(5, 40)), int(rng.integers(2, 7)))
    expected = torch.func.grad(reference_loss, argnums=(2, 3))(X, y, w, b)
    answer = submission.gradient(X, y, w, b)
    require(
        type(answer) is tuple and len(answer) == 2,
        "gradient returns two things: the gradient for w and the gradient for b.",
    )
    assert_close(
        answer[0],
        expected[0],
        **NEAR,
        hint="The gradient for w is wrong. Raise one weight a little and watch the loss: does "
        "your gradient have the right sign and the right size? Which factors does the "
        "derivative of the mean of ½(ŷ − y)² have?",
    )
    assert_close(
        answer[1],
        expected[1],
        **NEAR,
        hint="The gradient for b is wrong. b acts like the weight of a feature that is always 1.",
    )


@check(points=2, title="One update, both parameters at once")
def one_update(submission, rng):
    X, y, w, b = draw_problem(rng, int(rng.integers(5, 40)), int(rng.integers(2, 7)))
    lr = float(rng.uniform(0.2, 0.6))
    expected = reference_path(X, y, w, b, [lr])[-1]
    answer = submission.update(X, y, w, b, lr)
    require(
        type(answer) is tuple and len(answer) == 2, "update returns two things: the new w and b."
    )
    assert_close(
        answer[0],
        expected[:-1],
        **NEAR,
        hint="The new w is w minus the learning rate times its gradient.",
    )
    assert_close(
        answer[1],
        expected[-1],
        **NEAR,
        hint="The new w is right, the new b is not. Both gradients belong to the same point: "
        "the old w and the old b.",
    )


@check(points=2, title="The descent returns its path")
def path_of_the_descent(submission, rng):
    X, y, w, b = draw_problem(rng, int(rng.integers(5, 40)), int(rng.integers(2, 7)))
    steps, lr = int(rng.integers(4, 9)), 0.3 * stable_rate(X)
    expected = reference_path(X, y, w, b, [lr] * steps)
    path = submission.descend(X, y, w, b, lr, steps)
    form = "The path has steps + 1 rows of d + 1 numbers, w and then b. The first row is the start."
    require(type(path) is Tensor and path.shape == expected.shape, form)
    moved = not torch.equal(path[0], path[-1])
    require(
        moved,
        "The first and the last row of the path are equal. Either nothing moves, or all rows "
        "share the memory of one tensor that was changed in place.",
    )
    assert_close(path[0], expected[0], **NEAR, hint=form)
    assert_close(path, expected, **NEAR, hint="Each row follows from the row before by one update.")


@check(points=2, title="Each epoch uses every example once")
def every_example_once(submission, rng):
    n, batch_size = _sizes(rng)
    epochs = int(rng.integers(2, 5))
    answer = batches_of(submission.shuffled_batches(n, batch_size, epochs), n, epochs)
    for epoch in answer:
        seen = torch.cat(epoch).bincount(minlength=n)
        require(
            bool((seen <= 1).all()),
            "Some example comes twice in an epoch. Shuffle once and cut; do not draw each batch "
            "anew.",
        )
        require(
            bool((seen == 1).all()),
            "Some example is left out of an epoch. What happens to the last examples when "
            "batch_size does not divide n?",
        )
        sizes = [len(batch) for batch in epoch]
        require(
            sizes[:-1] == [batch_size] * (len(sizes) - 1) and sizes[-1] <= batch_size,
            "All batches but the last have batch_size examples; the last has what is left.",
        )
    in_order = torch.equal(torch.cat(answer[0]), torch.arange(n))
    require(not in_order, "The examples come in the order of the data: shuffle them.")


def _sizes(rng: np.random.Generator) -> tuple[int, int]:
    """n and a batch size that does not divide it."""
    batch_size = int(rng.integers(4, 12))
    return batch_size * int(rng.integers(3, 8)) + int(rng.integers(1, batch_size)), batch_size


@check(points=2, title="The rate climbs, then falls")
def climbs_then_falls(submission, rng):
    warmup, decay = int(rng.integers(3, 9)), int(rng.integers(10, 20))
    peak, total = float(rng.uniform(0.1, 2.0)), warmup + decay
    first = submission.learning_rate(0, peak, warmup, total)
    assert_close(
        first,
        peak / (warmup + 1),
        hint="The first update already moves: with W steps of warm-up its rate is peak/(W + 1).",
    )
    assert_close(
        submission.learning_rate(warmup, peak, warmup, total),
        peak,
        hint="The rate reaches its peak at step t = W, the first step after the warm-up.",
    )
    half = warmup + decay // 2
    assert_close(
        submission.learning_rate(half, peak, warmup, total),
        peak * (1 - (decay // 2) / decay),
        hint="After the warm-up the rate falls on a straight line from the peak, at t = W, to "
        "zero, at t = total.",
    )


@check(points=2, title="Minibatch training finds the line")
def training_finds_the_line(submission, rng):
    d = int(rng.integers(2, 6))
    n = 16 * int(rng.integers(11, 16)) + int(rng.integers(1, 16))  # 16 does not divide it
    X = randn(rng, n, d)
    w, b = randn(rng, d) + 1.0, _number(rng, torch.float32)
    answer = submission.train(X, X @ w + b, 16, 20, 0.2, 20)
    require(
        type(answer) is tuple and len(answer) == 3,
        "train returns three things: w, b and the losses.",
    )
    found_w, found_b, losses = answer
    require(
        type(losses) is Tensor and losses.ndim == 1 and len(losses) == 20 * math.ceil(n / 16),
        "losses has one number for each update, and there are epochs · ⌈n / batch_size⌉ of them.",
    )
    exact = "These data lie on a line exactly, so training should end very near its w and b."
    assert_close(found_w, w, rtol=0.02, atol=0.02, hint=exact)
    assert_close(found_b, b, rtol=0.02, atol=0.02, hint=exact)
