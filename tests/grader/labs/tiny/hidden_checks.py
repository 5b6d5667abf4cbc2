"""Hidden checks of the small lab that the grader's own tests use."""

import torch

from introml.grader.checks.checks import assert_close, check, randint, randn

CANARY = "introml-canary-3f9c51d07a2be864"


@check(points=2, title="The loss is right for any number of points")
def loss_at_any_size(submission, rng):
    for n in (1, int(randint(rng, 2, 40))):
        w, x, y = randn(rng, 4), randn(rng, n, 4), randn(rng, n)
        expected = ((x @ w - y) ** 2).mean()
        assert_close(submission.loss(w, x, y), expected, hint="Divide by the number of points.")


@check(points=2, title="The gradient agrees with the loss")
def gradient_agrees_with_loss(submission, rng):
    w, x, y = randn(rng, 4), randn(rng, 9, 4), randn(rng, 9)
    expected = torch.autograd.functional.jacobian(lambda v: ((x @ v - y) ** 2).mean(), w)
    assert_close(submission.gradient(w, x, y), expected, hint="Check a factor of 2 and of n.")


@check(points=1, title="Steps go on from where the last one ended")
def steps_go_on(submission, rng):
    x, y = randn(rng, 12, 3), randn(rng, 12)
    descent = submission.Descent(3, rate=0.1)
    w = torch.zeros(3)
    for _ in range(3):
        w = w - 0.1 * 2 * x.T @ (x @ w - y) / 12
        assert_close(descent.step(x, y), w, hint="Keep the new w for the next step.")
