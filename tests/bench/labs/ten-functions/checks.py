"""Public checks of the lab that graders are measured with: one for each function."""

import torch
import torch.nn.functional as F

from introml.grader.checks.checks import assert_close, check, randint, randn


@check(points=1, title="The mean squared error is a mean of squares")
def the_error_is_a_mean(submission, rng):
    a, b = randn(rng, 9), randn(rng, 9)
    assert_close(submission.mean_squared_error(a, b), F.mse_loss(a, b), hint="Average the squares.")


@check(points=1, title="The sigmoid has the right values")
def sigmoid_is_right(submission, rng):
    x = 3 * randn(rng, 4, 5)
    assert_close(submission.sigmoid(x), torch.special.expit(x), hint="1 / (1 + exp(-x)).")


@check(points=1, title="Softmax agrees with PyTorch's")
def softmax_is_right(submission, rng):
    x = randn(rng, 3, 7)
    assert_close(submission.softmax(x), F.softmax(x, -1), hint="Each row must sum to 1.")


@check(points=1, title="The cross-entropy agrees with PyTorch's")
def cross_entropy_is_right(submission, rng):
    x, labels = randn(rng, 6, 4), randint(rng, 0, 4, 6)
    expected = F.cross_entropy(x, labels)
    assert_close(submission.cross_entropy(x, labels), expected, hint="Average over the rows.")


@check(points=1, title="One-hot rows have their 1 at the label")
def one_hot_is_right(submission, rng):
    labels = randint(rng, 0, 5, 8)
    expected = F.one_hot(labels, 5).float()
    assert_close(submission.one_hot(labels, 5), expected, hint="One 1 a row, at the label.")


@check(points=1, title="The linear layer multiplies and adds the bias")
def linear_is_right(submission, rng):
    x, w, b = randn(rng, 5, 3), randn(rng, 4, 3), randn(rng, 4)
    assert_close(submission.linear(x, w, b), F.linear(x, w, b), hint="Transpose the weights.")


@check(points=1, title="Layer normalisation agrees with PyTorch's")
def layer_norm_is_right(submission, rng):
    x = 2 + 3 * randn(rng, 4, 9)
    assert_close(submission.layer_norm(x), F.layer_norm(x, (9,)), hint="Use the biased variance.")


@check(points=1, title="The accuracy counts the right rows")
def accuracy_is_right(submission, rng):
    x, labels = randn(rng, 20, 3), randint(rng, 0, 3, 20)
    expected = (x.argmax(-1) == labels).float().mean()
    assert_close(submission.accuracy(x, labels), expected, hint="Average over the rows.")


@check(points=1, title="The cosine is that of the angle")
def cosine_is_right(submission, rng):
    a, b = randn(rng, 7), randn(rng, 7)
    expected = F.cosine_similarity(a, b, dim=0)
    assert_close(submission.cosine_similarity(a, b), expected, hint="Divide by both lengths.")


@check(points=1, title="The moving average is over k neighbours")
def moving_average_is_right(submission, rng):
    x = randn(rng, 12)
    expected = F.avg_pool1d(x[None], 4, 1)[0]
    assert_close(submission.moving_average(x, 4), expected, hint="Slide by one.")
