"""Public checks of the small lab that the grader's own tests use."""

import torch

from introml.grader.checks.checks import assert_close, check, randn


@check(points=2, title="The loss is the mean of squared residuals")
def loss_is_a_mean(submission, rng):
    w, x, y = randn(rng, 3), randn(rng, 7, 3), randn(rng, 7)
    expected = ((x @ w - y) ** 2).mean()
    assert_close(submission.loss(w, x, y), expected, hint="Average the squares, don't sum them.")


@check(points=2, title="The gradient is that of the loss")
def gradient_is_right(submission, rng):
    w, x, y = randn(rng, 3), randn(rng, 7, 3), randn(rng, 7)
    expected = 2 * x.T @ (x @ w - y) / 7
    assert_close(
        submission.gradient(w, x, y), expected, hint="Differentiate the mean, not the sum."
    )


@check(points=1, title="The gradient is right on a GPU", tier="cuda")
def gradient_on_a_gpu(submission, rng):
    w, x, y = (randn(rng, *shape).cuda() for shape in ((3,), (7, 3), (7,)))
    expected = 2 * x.T @ (x @ w - y) / 7
    assert_close(submission.gradient(w, x, y), expected, hint="Keep to the inputs' device.")


@check(points=1, title="A step goes downhill")
def step_goes_downhill(submission, rng):
    x, y = randn(rng, 20, 2), randn(rng, 20)
    descent = submission.Descent(2, rate=0.05)
    w = descent.step(x, y)
    assert_close(w, 0.05 * 2 * x.T @ y / 20, hint="Move against the gradient, by the rate.")
    assert ((x @ w - y) ** 2).mean() < (torch.zeros(20) - y).pow(2).mean(), "It went uphill."
