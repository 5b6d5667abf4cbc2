"""Public checks of the lab on gradient descent: what a student can run while working.

Expected values come from autograd, never from the lab's own solution.
"""

import math

import numpy as np
import torch
from torch import Tensor

from introml.grader.checks import (
    CheckFailed,
    assert_close,
    assert_inputs_kept,
    check,
    randint,
    randn,
    require,
)

# What the lab's text states. Sums of up to some hundred terms, in any order, stay far within it.
NEAR = {"rtol": 1e-4, "atol": 1e-5}  # in float32
TIGHT = {"rtol": 1e-8, "atol": 1e-9}  # in float64
KEPT = "{} changes a tensor that it is given. Work on new tensors: a line like w -= … is in place."


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


def reference_gradient(X: Tensor, y: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Autograd's gradient of the mean loss. (torch.func.grad loads 800 modules, for a second.)"""
    w, b = w.detach().requires_grad_(), b.detach().requires_grad_()
    return torch.autograd.grad(reference_loss(X, y, w, b), (w, b))


def reference_path(X, y, w, b, rates: list[float], batches: list | None = None) -> Tensor:
    """The path of descent by autograd's gradients, (len(rates) + 1, d + 1), w then b.

    `batches` has the rows of each update; without it each is made on all the data.
    """
    path = [torch.cat([w, b[None]])]
    for step, rate in enumerate(rates):
        rows = slice(None) if batches is None else batches[step]
        slope = torch.cat([part.reshape(-1) for part in reference_gradient(X[rows], y[rows], w, b)])
        path.append(path[-1] - rate * slope)
        w, b = path[-1][:-1], path[-1][-1]
    return torch.stack(path)


def reference_rates(peak: float, warmup: int, total: int) -> list[float]:
    """The rates of all updates, as the lesser of the two straight lines."""
    return [
        peak * min((t + 1) / (warmup + 1), (total - t) / (total - warmup)) for t in range(total)
    ]


def stable_rate(X: Tensor) -> float:
    """2/λmax of the mean loss's Hessian: below it, descent on the whole data converges."""
    A = torch.cat([X, X.new_ones(len(X), 1)], dim=1).double()
    return 2 * len(X) / torch.linalg.eigvalsh(A.T @ A)[-1].item()


def batches_of(answer: object, n: int, epochs: int) -> list[list[Tensor]]:
    """What `shuffled_batches` returned, once it has the promised form."""
    form = "shuffled_batches returns a list of epochs, and each epoch is a list of index tensors."
    require(type(answer) is list, form)
    require(
        not any(type(epoch) is tuple for epoch in answer),
        f"{form} Here an epoch is a tuple, as split returns it: make a list of it, list(…).",
    )
    require(all(type(epoch) is list for epoch in answer), form)
    require(len(answer) == epochs, "There is one inner list for each epoch.")
    for epoch in answer:
        require(epoch, "An epoch has at least one batch.")
        for batch in epoch:
            require(type(batch) is Tensor, form)
            require(batch.dtype == torch.int64, f"{form} Their dtype should be torch.int64.")
            require(batch.ndim == 1 and len(batch) > 0, "A batch is a non-empty vector of indices.")
            inside = int(batch.min()) >= 0 and int(batch.max()) < n
            require(inside, "An index is at least 0 and below n.")
    return answer


def pair_of(answer: object, name: str, parts: str) -> tuple:
    """What a function returned, once it is two things."""
    require(
        type(answer) is tuple and len(answer) == 2,
        f"{name} returns two things, {parts}: return …, …",
    )
    return answer


def trained(answer: object, X: Tensor, updates: int) -> tuple[Tensor, Tensor, Tensor]:
    """What `train` returned, once it has the promised form."""
    require(
        type(answer) is tuple and len(answer) == 3,
        "train returns three things: w, b and the losses.",
    )
    require(
        all(type(part) is Tensor for part in answer), "w, b and the losses are tensors, all three."
    )
    w, b, losses = answer
    require(w.shape == X[0].shape, "The shape of w is wrong: it is a vector (d,).")
    require(b.shape == (), "The shape of b is wrong: it is a single number, ().")
    require(
        losses.shape == (updates,),
        "The shape of the losses is wrong: there is one for each update, short batches too, "
        "epochs · ⌈n / batch_size⌉ in all.",
    )
    require(
        all(part.dtype == X.dtype for part in answer),
        f"The dtype should be that of X, here {X.dtype}, for w, b and the losses.",
    )
    return answer


def rows_by_loss(losses: Tensor, n: int, batch_size: int) -> list[list[list[int]]]:
    """For each epoch the rows of each batch, read off the losses of `train_on_powers`.

    There, row i alone has the loss 2ⁱ. A batch's size times its loss is the sum of the losses of
    its rows, and the sum of `size` powers of 2 has as many binary ones only if no two are the same.
    """
    everything = (2.0**n - 1) / n
    require(
        n == batch_size or not bool((losses - everything).abs().lt(1e-9 * everything).all()),
        "The loss that train notes is that of all the data. Take the batch's own rows.",
    )
    in_epoch = [batch_size] * (n // batch_size) + [n % batch_size] * (n % batch_size > 0)
    batches = []
    for t, loss in enumerate(losses.tolist()):
        size = in_epoch[t % len(in_epoch)]
        rows = _rows(loss, size, n)
        if rows is None:
            raise CheckFailed(_why_unreadable(losses, loss, size, batch_size, n))
        batches.append(rows)
    return [batches[t : t + len(in_epoch)] for t in range(0, len(batches), len(in_epoch))]


def _rows(loss: float, size: int, n: int) -> list[int] | None:
    """The rows whose mean loss this is, if it is that of `size` different ones."""
    total = round(loss * size) if 0 <= loss < 2.0**n else 0
    readable = total.bit_count() == size and total < 2**n and abs(loss * size - total) < 0.05
    return [i for i in range(n) if total >> i & 1] if readable else None


def _why_unreadable(losses: Tensor, loss: float, size: int, batch_size: int, n: int) -> str:
    """The likeliest mistake, if a batch's loss is not that of `size` different rows."""
    if torch.equal(losses, losses.float().double()):
        return "For data in float64, train computes in float32: start with zeros in the dtype of X."
    filled_up = any(_rows(loss, more, n) for more in range(size + 1, batch_size + 1))
    if filled_up or _rows(loss * batch_size / size, size, n):
        return (
            "The last batch of an epoch may be short in train: then its loss is the mean over its "
            "own rows. None are added to fill it up, and their number is what it is divided by."
        )
    if abs(loss * size - round(loss * size)) < 0.05:
        return (
            "In a batch of train some row comes twice, as when rows are drawn with replacement, or "
            "the batch has another size than it should."
        )
    return (
        "A loss that train notes is not the mean over the rows of one batch at the weights of that "
        "moment. Do the weights and the bias start at zero?"
    )


def train_on_powers(
    submission, rng: np.random.Generator, n: int, batch_size: int, d: int, epochs: int
) -> list[list[list[int]]]:
    """Train in float64 at a rate near zero, where each loss tells the rows of its batch.

    Checks that each epoch visits each row once, in an order drawn anew, and that each update is
    made with the rows of its loss at the rate of the schedule. Returns the batches.
    """
    X = randn(rng, n, d, dtype=torch.float64)
    signs = (2 * randint(rng, 0, 2, n) - 1).double()
    y = signs * torch.sqrt(2 * 2.0 ** torch.arange(n).double())  # ½y² = 2ⁱ
    total = epochs * math.ceil(n / batch_size)
    warmup, peak = int(rng.integers(0, total)), 1e-30 * float(rng.uniform(1, 2))
    w, b, losses = trained(submission.train(X, y, batch_size, epochs, peak, warmup), X, total)
    found = rows_by_loss(losses, n, batch_size)
    every = list(range(n))
    require(
        total == 1 or n == batch_size or len({tuple(x) for epoch in found for x in epoch}) > 1,
        "All batches of train hold the same rows, again and again.",
    )
    for epoch in found:
        require(
            sorted(row for batch in epoch for row in batch) == every,
            "In an epoch of train some row comes twice and another not at all. Is a batch drawn "
            "without regard to the batches before it?",
        )
    # By chance the two below fail a right answer at most once in 5 million times: 17 rows in fours
    # can be parted in 17!/(4!⁴ 4!) = 45 million ways, and 4 epochs make 6 pairs.
    if len(found[0]) > 2:
        cut = [every[start : start + batch_size] for start in range(0, n, batch_size)]
        require(
            cut not in found,
            "An epoch of train takes the rows in the order of the data: they were never shuffled.",
        )
        # Batches of one row are always the same but for their order.
        alike = {tuple(map(tuple, epoch if batch_size == 1 else sorted(epoch))) for epoch in found}
        require(
            len(alike) == epochs,
            "Two epochs of train have the same batches. Draw a new permutation for each epoch.",
        )
    rates = reference_rates(peak, warmup, total)
    batches = [batch for epoch in found for batch in epoch]
    zero = X.new_zeros(d), X.new_zeros(())
    end = torch.cat([w, b[None]]) / peak  # the sum of all updates, by the rate
    near = {"rtol": 0.0, "atol": 1e-11 * float(y.abs().max())}
    whole = reference_path(X, y, *zero, rates)[-1] / peak
    require(
        n == batch_size or not torch.allclose(end, whole, **near),
        "The updates of train are made with all the data. Take the batch's own rows.",
    )
    assert_close(
        end,
        reference_path(X, y, *zero, rates, batches)[-1] / peak,
        **near,
        hint="The losses of train are right, but some update is not: it is made with other rows "
        "than those of its loss, or at another rate than that of the schedule. t counts the "
        "updates from 0, and T is the number of all of them.",
    )
    return found


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
    assert_inputs_kept(submission, "predict", X, w, b, hint=KEPT.format("predict"))
    assert_inputs_kept(submission, "mean_loss", X, y, w, b, hint=KEPT.format("mean_loss"))


@check(points=2, title="The gradient is that of the mean loss")
def gradient_of_the_mean_loss(submission, rng):
    X, y, w, b = draw_problem(rng, int(rng.integers(5, 40)), int(rng.integers(2, 7)))
    expected = reference_gradient(X, y, w, b)
    answer = submission.gradient(X, y, w, b)
    answer = pair_of(answer, "gradient", "the gradient for w and the gradient for b")
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
    assert_inputs_kept(submission, "gradient", X, y, w, b, hint=KEPT.format("gradient"))
    X, y, w, b = (part.double() for part in (X, y, w, b))
    expected = reference_gradient(X, y, w, b)
    answer = pair_of(submission.gradient(X, y, w, b), "gradient", "for w and for b")
    hint = "In float64 the gradient is wrong, or no longer exact: keep to the dtype of X."
    assert_close(answer, expected, **TIGHT, hint=hint)


@check(points=2, title="One update, both parameters at once")
def one_update(submission, rng):
    X, y, w, b = draw_problem(rng, int(rng.integers(5, 40)), int(rng.integers(2, 7)))
    lr = float(rng.uniform(0.2, 0.6))
    expected = reference_path(X, y, w, b, [lr])[-1]
    answer = pair_of(submission.update(X, y, w, b, lr), "update", "the new w and the new b")
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
    assert_inputs_kept(submission, "update", X, y, w, b, lr, hint=KEPT.format("update"))


@check(points=2, title="The descent returns its path")
def path_of_the_descent(submission, rng):
    X, y, w, b = draw_problem(rng, int(rng.integers(5, 40)), int(rng.integers(2, 7)))
    steps, lr = int(rng.integers(4, 9)), 0.3 * stable_rate(X)
    expected = reference_path(X, y, w, b, [lr] * steps)
    path = submission.descend(X, y, w, b, lr, steps)
    form = "The path has steps + 1 rows of d + 1 numbers, w and then b. The first row is the start."
    require(type(path) is Tensor, form)
    require(path.shape == expected.shape, f"The shape of the path is wrong. {form}")
    moved = not torch.equal(path[0], path[-1])
    require(
        moved,
        "The first and the last row of the path are equal. Either nothing moves, or all rows "
        "share the memory of one tensor that was changed in place.",
    )
    assert_close(path[0], expected[0], **NEAR, hint=form)
    assert_close(path, expected, **NEAR, hint="Each row follows from the row before by one update.")
    assert_inputs_kept(submission, "descend", X, y, w, b, lr, 3, hint=KEPT.format("descend"))


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
    # By chance: once in 13! = 6 billion times for each epoch.
    in_order = any(torch.equal(torch.cat(epoch), torch.arange(n)) for epoch in answer)
    require(not in_order, "The examples come in the order of the data: shuffle them.")
    one, other = (int(seed) for seed in rng.choice(2**31, 2, replace=False))
    first, again, second = (
        torch.cat(batches_of(submission.seeded_batches(seed, n, batch_size, 1), n, 1)[0])
        for seed in (one, one, other)
    )
    require(
        torch.equal(first, again),
        "After torch.manual_seed with the same number the batches differ. Take the random numbers "
        "from torch's global generator, as torch.randperm(n) does.",
    )
    require(
        not torch.equal(first, second),
        "After torch.manual_seed with another number the batches are still the same. Do not seed "
        "in shuffled_batches, and take the random numbers from torch's global generator.",
    )


def _sizes(rng: np.random.Generator) -> tuple[int, int]:
    """n and a batch size that does not divide it."""
    batch_size = int(rng.integers(4, 12))
    return batch_size * int(rng.integers(3, 8)) + int(rng.integers(1, batch_size)), batch_size


@check(points=2, title="The rate climbs, then falls")
def climbs_then_falls(submission, rng):
    warmup, decay = int(rng.integers(3, 9)), int(rng.integers(10, 20))
    peak, total = float(rng.uniform(0.1, 2.0)), warmup + decay
    first = submission.learning_rate(0, peak, warmup, total)
    require(isinstance(first, float | int), "learning_rate returns a Python float.")
    assert_close(
        float(first),
        peak / (warmup + 1),
        hint="The first update already moves: with W steps of warm-up its rate is peak/(W + 1).",
    )
    assert_close(
        float(submission.learning_rate(warmup, peak, warmup, total)),
        peak,
        hint="The rate reaches its peak at step t = W, the first step after the warm-up.",
    )
    half = warmup + decay // 2
    assert_close(
        float(submission.learning_rate(half, peak, warmup, total)),
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
    found_w, found_b, _ = trained(answer, X, 20 * math.ceil(n / 16))
    # In 160 trials the error was at most a ten-thousandth of the tolerance.
    exact = "These data lie on a line exactly, so training should end very near its w and b."
    assert_close(found_w, w, rtol=0.02, atol=0.02, hint=exact)
    assert_close(found_b, b, rtol=0.02, atol=0.02, hint=exact)
    # The same in float64, at sizes at which the losses tell the rows.
    batch_size = int(rng.integers(4, 8))
    n = batch_size * int(rng.integers(4, 6)) + int(rng.integers(1, batch_size))
    train_on_powers(submission, rng, n, batch_size, d, epochs=4)
