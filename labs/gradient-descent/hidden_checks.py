"""Hidden checks of the lab on gradient descent: other sizes, float64, and properties.

None of them asks for more than the text of a task says.
"""

import math

import torch
from checks import batches_of, draw_problem, reference_loss, reference_path, stable_rate
from torch.optim import lr_scheduler

from introml.grader.checks import assert_close, assert_learns, check, randn, require

CANARY = "introml-canary-21bca75903ebad478d1e252df62d6f06"
TIGHT = {"rtol": 1e-9, "atol": 1e-10}  # float64, sums of a few hundred terms


@check(points=2, title="Gradient at other sizes, in float64")
def gradient_at_other_sizes(submission, rng):
    sizes = [(1, 3), (int(rng.integers(3, 30)), 1), (int(rng.integers(40, 90)), 9)]
    # The formula takes milliseconds here. Differences of losses, one for each of the weights, don't
    # end within the time limit.
    sizes.append((400, 8000 + int(rng.integers(100))))
    for n, d in sizes:
        X, y, w, b = draw_problem(rng, n, d, torch.float64)
        assert_close(
            submission.mean_loss(X, y, w, b),
            reference_loss(X, y, w, b),
            **TIGHT,
            hint="The loss must hold for any n and d from 1 up, in the dtype of the data.",
        )
        answer = submission.gradient(X, y, w, b)
        require(type(answer) is tuple and len(answer) == 2, "gradient returns two tensors.")
        # The slope along a random direction, from two losses: no formula for the gradient is used.
        u, c = randn(rng, d, dtype=torch.float64), randn(rng, dtype=torch.float64)
        h = 1e-3  # the loss is a quadratic, so the central difference is exact but for rounding
        rise = reference_loss(X, y, w + h * u, b + h * c)
        fall = reference_loss(X, y, w - h * u, b - h * c)
        slope = (rise - fall) / (2 * h)
        hint = "The loss does not change along a short step as the gradient says it should."
        for part, like in zip(answer, (w, b), strict=True):
            require(
                type(part) is torch.Tensor
                and part.dtype == like.dtype
                and part.shape == like.shape,
                "The gradients have the shapes and the dtype of w and of b.",
            )
        assert_close(answer[0] @ u + answer[1] * c, slope, rtol=1e-7, atol=1e-7, hint=hint)


@check(points=2, title="Descent converges below the bound and diverges above")
def converges_up_to_the_bound(submission, rng):
    n, d = int(rng.integers(20, 60)), int(rng.integers(2, 6))
    X, y, w, b = draw_problem(rng, n, d, torch.float64)
    X = (X - X.mean(dim=0)) / X.std(dim=0)
    A = torch.cat([X, X.new_ones(n, 1)], dim=1)
    best = torch.linalg.lstsq(A, y[:, None]).solution[:, 0]
    bound = stable_rate(X)
    below = _path(submission.descend(X, y, w, b, 0.9 * bound, 600), 601, d)
    assert_close(
        below[-1],
        best,
        rtol=1e-4,
        atol=1e-4,
        hint="With a rate a tenth below the bound, 600 steps on standardized features should "
        "arrive at the least-squares solution.",
    )
    above = _path(submission.descend(X, y, w, b, 1.1 * bound, 200), 201, d)
    apart = (above - best).norm(dim=1)
    require(
        bool(apart[-1] > 1e3 * apart[0]),
        "With a rate a tenth above the bound the path should leave the minimum ever faster. Is "
        "the gradient smaller than it should be?",
    )
    _path(submission.descend(X, y, w, b, 0.1, 0), 1, d)


def _path(path: object, rows: int, d: int) -> torch.Tensor:
    require(
        type(path) is torch.Tensor and path.shape == (rows, d + 1),
        "The path has steps + 1 rows of d + 1 numbers; with zero steps it is the start alone.",
    )
    return path


@check(points=2, title="Every epoch is shuffled anew")
def shuffled_anew(submission, rng):
    batch_size = int(rng.integers(5, 9))
    n = batch_size * int(rng.integers(6, 9)) + int(rng.integers(1, batch_size))
    epochs = 40
    answer = batches_of(submission.shuffled_batches(n, batch_size, epochs), n, epochs)
    orders = [torch.cat(epoch) for epoch in answer]
    require(
        all(torch.equal(order.sort().values, torch.arange(n)) for order in orders),
        "An epoch has every example exactly once.",
    )
    orders = torch.stack(orders)  # (epochs, n)
    require(
        len(orders.unique(dim=0)) == epochs,
        "Two epochs have the same order. Draw a new permutation for each.",
    )
    firsts = {tuple(sorted(epoch[0].tolist())) for epoch in answer}
    require(
        len(firsts) > epochs // 2,
        "The same examples keep meeting in one batch. Shuffle the examples, not the batches.",
    )
    # The mean position of an example over 40 epochs is near the middle: its standard deviation is
    # n/√(12·40) = 0.046 n, so 0.3 n is 6.5 of them, for the worst of at most 72 examples.
    positions = orders.argsort(dim=1).double().mean(dim=0)
    require(
        bool(((positions - (n - 1) / 2).abs() < 0.3 * n).all()),
        "Some examples come early in every epoch and others late. All orders must be equally "
        "likely.",
    )
    whole = batches_of(submission.shuffled_batches(n, n, 2), n, 2)
    require(
        all(len(epoch) == 1 and len(epoch[0]) == n for epoch in whole),
        "With batch_size = n, an epoch is a single batch of all the examples.",
    )


@check(points=2, title="The schedule equals torch's at every step")
def schedule_at_every_step(submission, rng):
    peak = float(rng.uniform(0.05, 3.0))
    for warmup in (0, 1, int(rng.integers(4, 15))):
        total = warmup + int(rng.integers(8, 25))
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
        fall = lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=total - warmup)
        scheduler = fall
        if warmup:
            rise = lr_scheduler.LinearLR(optimizer, 1 / (warmup + 1), 1.0, total_iters=warmup)
            scheduler = lr_scheduler.SequentialLR(optimizer, [rise, fall], milestones=[warmup])
        for t in range(total + 3):  # past the end, torch's LinearLR stays at its last factor
            assert_close(
                submission.learning_rate(t, peak, warmup, total),
                optimizer.param_groups[0]["lr"],
                hint="At some step the rate is not the one in the task. Write down W = 2, "
                "total = 6 by hand. What of W = 0, and of steps past the end?",
            )
            optimizer.step()
            scheduler.step()


@check(points=3, title="Training makes the right updates")
def right_updates(submission, rng):
    # All batches hold the same example here, so the order of the examples plays no part, and
    # the losses follow one path whatever the shuffle.
    batch_size, d = int(rng.integers(4, 9)), int(rng.integers(2, 5))
    n = batch_size * int(rng.integers(3, 6)) + int(rng.integers(1, batch_size))
    one, target, _, _ = draw_problem(rng, 1, d, torch.float64)
    X, y = one.repeat(n, 1), target.repeat(n)
    _follow(submission, X, y, batch_size, int(rng.integers(3, 6)), int(rng.integers(3, 9)))
    # One batch of everything: gradient descent on real data, with a schedule.
    X, y, _, _ = draw_problem(rng, int(rng.integers(20, 50)), d, torch.float64)
    _follow(submission, X, y, len(X), int(rng.integers(15, 25)), int(rng.integers(0, 5)))


def _follow(submission, X, y, batch_size: int, epochs: int, warmup: int) -> None:
    total = epochs * math.ceil(len(X) / batch_size)
    peak = 0.3 * stable_rate(X)
    rates = [
        peak * min((t + 1) / (warmup + 1), (total - t) / (total - warmup)) for t in range(total)
    ]
    w, b = X.new_zeros(X.shape[1]), X.new_zeros(())
    path = reference_path(X, y, w, b, rates)
    answer = submission.train(X, y, batch_size, epochs, peak, warmup)
    require(type(answer) is tuple and len(answer) == 3, "train returns w, b and the losses.")
    expected = torch.stack([reference_loss(X, y, row[:-1], row[-1]) for row in path[:-1]])
    losses = answer[2]
    require(
        type(losses) is torch.Tensor and losses.shape == expected.shape,
        "losses has one number for each update: epochs · ⌈n / batch_size⌉, short batches too.",
    )
    assert_close(
        losses,
        expected,
        rtol=1e-6,
        atol=1e-9,
        hint="Some update is not the one in the task: start at zero; the loss of a batch, the "
        "short one too, is the mean over its own examples and is taken before the update; "
        "t counts updates, from the first of the first epoch to the last of the last.",
    )
    final = "The w and b that are returned are those after the last update."
    assert_close(answer[0], path[-1, :-1], rtol=1e-6, atol=1e-9, hint=final)
    assert_close(answer[1], path[-1, -1], rtol=1e-6, atol=1e-9, hint=final)


@check(points=2, title="What was learnt holds on fresh, noisy data")
def holds_on_fresh_data(submission, rng):
    def share_of_the_possible(seed: int) -> float:
        d, sigma = int(rng.integers(2, 7)), float(rng.uniform(0.2, 0.6))
        n, batch_size = int(rng.integers(40, 60)) * (d + 1) + 1, int(rng.integers(10, 24))
        w, b = 2 * randn(rng, d), randn(rng)
        X, fresh = randn(rng, n, d), randn(rng, 3000, d)
        y = X @ w + b + sigma * randn(rng, n)
        truth = fresh @ w + b + sigma * randn(rng, 3000)
        answer = submission.train(X, y, batch_size, 30, 0.1, 15)
        require(type(answer) is tuple and len(answer) == 3, "train returns w, b and the losses.")
        found_w, found_b, _ = answer
        form = "w is a vector (d,) and b a single number, both in the dtype of X."
        require(type(found_w) is torch.Tensor and found_w.shape == w.shape, form)
        require(type(found_b) is torch.Tensor and found_b.shape == (), form)
        require(found_w.dtype == found_b.dtype == X.dtype, form)
        return sigma**2 / 2 / reference_loss(fresh, truth, found_w, found_b).item()

    # The noise alone costs σ²/2. Least squares on n examples costs (d + 1)/n more on fresh data, at
    # most 2.5% of it, and 3,000 fresh examples show it to ±2.6%. In 200 trials of the solution the
    # lowest share was 0.87, so that the chance of one below 0.75 is at most 0.015 (95% confidence).
    # Of three trials one must succeed: a right answer fails at most once in 100,000.
    assert_learns(
        share_of_the_possible,
        rng,
        threshold=0.75,
        miss=0.02,
        hint="On examples that were not in the training data, the loss is well above what the "
        "noise alone would give.",
    )
