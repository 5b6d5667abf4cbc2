"""Hidden checks of the lab that graders are measured with: sizes and values that differ."""

import torch
import torch.nn.functional as F

from introml.grader.checks.checks import assert_close, check, randn

CANARY = "introml-canary-8c02b9f7d35e1a64"


@check(points=2, title="Softmax keeps to finite numbers when scores are large")
def softmax_of_large_scores(submission, rng):
    x = 300 * randn(rng, 5, 3)
    assert_close(
        submission.softmax(x), F.softmax(x, -1), hint="Subtract the largest entry of each row."
    )


@check(points=2, title="Layer normalisation works over any leading axes")
def layer_norm_of_three_axes(submission, rng):
    x = randn(rng, 2, 3, 5)
    assert_close(submission.layer_norm(x), F.layer_norm(x, (5,)), hint="Use the last axis.")


@check(points=1, title="A window of one leaves the series as it is")
def moving_average_of_one(submission, rng):
    x = randn(rng, int(rng.integers(3, 30)))
    assert_close(submission.moving_average(x, 1), x, hint="There are n - k + 1 windows.")
    assert submission.moving_average(x, len(x)).shape == torch.Size([1]), "One window is left."
