"""The kinds of check: each passes what has the property and fails a near miss."""

import math

import pytest
import torch

from introml.grader.checks.checks import CheckFailed, assert_like, randn, rng_for
from introml.grader.checks.complexity import assert_growth, exponent
from introml.grader.checks.gradients import assert_gradient_of, check_gradient
from introml.grader.checks.invariances import (
    assert_causal,
    assert_inputs_kept,
    assert_linear,
    assert_permutation_equivariant,
    assert_permutation_invariant,
)
from introml.grader.checks.learning import assert_learns, false_fail_rate, highest_miss
from introml.grader.student.home import LocalLink
from introml.grader.wire import Submission, Worker

RNG = rng_for(7, "toolkit")
X = randn(RNG, 2, 5, 4, dtype=torch.float64)


class HalfGradient(torch.autograd.Function):
    """x², with half the derivative."""

    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(context, cotangent):
        return context.saved_tensors[0] * cotangent


class Local:
    """A submission in this process, for `check_gradient`."""

    def __init__(self, function):
        self.f = function

    def vjp(self, name, inputs, cotangent, **kwargs):
        inputs = [one.clone().requires_grad_() for one in inputs]
        value = getattr(self, name)(*inputs, **kwargs)
        return value.detach(), torch.autograd.grad(value, inputs, cotangent)


def test_autograds_derivative_is_compared_with_the_values():
    check_gradient(Local(lambda x, y: torch.tanh(x) * y), "f", [X, X + 1], rng_for(1, "a"), hint="")
    check_gradient(Local(lambda x, k: x**k), "f", [X], rng_for(1, "a"), hint="", k=2)
    with pytest.raises(CheckFailed, match="half"):
        check_gradient(Local(HalfGradient.apply), "f", [X], rng_for(1, "a"), hint="half")
    with pytest.raises(ValueError, match="float64"):
        check_gradient(Local(torch.tanh), "f", [X.float()], rng_for(1, "a"), hint="")


def test_a_gradient_by_hand_is_compared_with_the_checks_own_function():
    w = randn(RNG, 4, dtype=torch.float64)

    def loss(w):
        return (X @ w).square().mean()

    right = torch.autograd.functional.jacobian(loss, w)
    assert_gradient_of(right, loss, w, rng_for(1, "a"), hint="")
    for wrong in (2 * right, -right, right.float(), right[:3], right + math.nan, None, 0 * right):
        with pytest.raises(CheckFailed):
            assert_gradient_of(wrong, loss, w, rng_for(1, "a"), hint="wrong")


def causal_sum(x):
    return x.cumsum(-2)


def test_causality():
    assert_causal(causal_sum, X, rng_for(1, "a"), hint="")
    for seed in range(5):
        for wrong in (
            lambda x: x.flip(-2).cumsum(-2).flip(-2),  # looks at the future alone
            lambda x: x + x.mean(-2, keepdim=True),
            lambda x: x.roll(-1, -2),
            torch.zeros_like,  # looks at nothing
            lambda x: x[:, :-1],
            lambda x: x.sum(),
            lambda x: x / 0,
            lambda x: None,
        ):
            with pytest.raises(CheckFailed):
                assert_causal(wrong, X, rng_for(seed, "a"), hint="wrong")
    with pytest.raises(ValueError, match="2 positions"):
        assert_causal(causal_sum, X[:, :1], rng_for(1, "a"), hint="")


def test_permutations():
    assert_permutation_equivariant(torch.tanh, X, rng_for(1, "a"), hint="")
    assert_permutation_invariant(lambda x: x.sum(-2), X, rng_for(1, "a"), hint="")
    for seed in range(5):
        for wrong in (causal_sum, lambda x: x.sum(-2), lambda x: x[:, 1:], lambda x: x / 0):
            with pytest.raises(CheckFailed):
                assert_permutation_equivariant(wrong, X, rng_for(seed, "a"), hint="wrong")
        for wrong in (torch.tanh, lambda x: x[:, 0], causal_sum):
            with pytest.raises(CheckFailed):
                assert_permutation_invariant(wrong, X, rng_for(seed, "a"), hint="wrong")
    with pytest.raises(ValueError, match="nothing to permute"):
        assert_permutation_invariant(torch.tanh, X[:, :1], RNG, hint="")


def test_linearity():
    assert_linear(lambda x: x @ torch.ones(4, 1).double(), X, X + 1, rng_for(1, "a"), hint="")
    for wrong in (lambda x: x + 1, torch.relu, lambda x: x.abs(), lambda x: x**2):
        with pytest.raises(CheckFailed):
            assert_linear(wrong, X, X + 1, rng_for(1, "a"), hint="wrong")


def test_learning_needs_enough_good_runs_and_no_more():
    scores = iter([0.5, 0.9, 0.9, 0.9])
    seeds = []

    def trial(seed):
        seeds.append(seed)
        return next(scores)

    options = {"threshold": 0.8, "miss": 0.01, "hint": "It does not learn."}
    assert_learns(trial, rng_for(1, "a"), runs=3, needed=1, **options)
    assert len(set(seeds)) == 2
    with pytest.raises(CheckFailed, match="does not learn") as caught:
        assert_learns(lambda _: 0.7, rng_for(1, "a"), **options)
    assert caught.value.detail == "The best score was 0.7; 0.8 is needed."
    for nothing in (math.nan, math.inf):
        with pytest.raises(CheckFailed):
            assert_learns(lambda _, score=nothing: score, rng_for(1, "a"), **options)


def test_the_false_fail_rate_is_the_binomial_tail_and_a_high_one_is_refused():
    assert false_fail_rate(0.1, 1, 1) == pytest.approx(0.1)
    assert false_fail_rate(0.1, 3, 1) == pytest.approx(0.001)
    assert false_fail_rate(0.1, 3, 2) == pytest.approx(0.001 + 3 * 0.9 * 0.01)
    assert highest_miss(0, 60) == pytest.approx(1 - 0.05 ** (1 / 60), abs=1e-6)
    assert 0.01 < highest_miss(1, 60) < 0.1
    assert highest_miss(3, 3) == 1
    assert false_fail_rate(0, 3, 1) == 0
    assert false_fail_rate(1, 3, 1) == 1
    assert highest_miss(0, 100_000) == pytest.approx(1 - 0.05 ** (1 / 100_000), rel=1e-6)
    assert 0.55 < highest_miss(1200, 2200) < 0.57
    with pytest.raises(ValueError, match=r"10\.0% of the time"):
        assert_learns(lambda _: 1, RNG, threshold=0, miss=0.1, runs=1, hint="")


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0, 3.0])
def test_the_exponent_is_found_under_a_constant_and_noise(power):
    noise = rng_for(3, str(power))

    def measure(size):
        return 0.02 * (1 + (size / 256) ** power) * float(noise.uniform(1, 1.01))

    assert exponent(measure, 256, repeats=9) == pytest.approx(power, abs=0.45)
    assert_growth(lambda n: 5 + 2.0 * n**power, 64, at_most=power, hint="")
    if power:
        with pytest.raises(CheckFailed, match="slow") as caught:
            assert_growth(lambda n: 5 + 2.0 * n**power, 64, at_most=power - 1, hint="slow")
        assert f"n^{power:.1f}" in caught.value.detail
    with pytest.raises(ValueError, match="above 0"):
        exponent(lambda n: math.nan, 8)


def test_assert_like_looks_at_type_dtype_shape_and_finiteness():
    assert_like(X.clone(), X, hint="")
    for wrong in (X.float(), X[:1], X * math.inf, X.tolist(), None, X.numpy()):
        with pytest.raises(CheckFailed):
            assert_like(wrong, X, hint="no")


IN_PLACE = """
import torch

def kept(x, factor):
    return [factor * x, (x / 0).sum()]

def moved(x, factor):
    x -= 0.5
    return [factor * x, x.sum()]

def moved_to_and_fro(x, factor):
    return x.neg_().add_(factor).clone()

def moved_and_put_back(x, factor):
    x -= 0.5
    result = factor * x
    x += 0.5
    return result

def sorted_in_place(array):
    array.sort(axis=0)

class Layer(torch.nn.Module):
    def __init__(self, in_place):
        super().__init__()
        self.in_place = in_place

    def forward(self, x, factor):
        return x.mul_(factor) if self.in_place else x.mul(factor)
"""


def test_a_function_that_changes_its_inputs_is_told_from_one_that_does_not():
    names = {"__name__": "__main__"}
    exec(IN_PLACE, names)
    submission = Submission(LocalLink(Worker(namespace=names)))
    x = X.float()
    assert_inputs_kept(submission, "kept", x, 3.0, hint="in place")
    assert_inputs_kept(submission, "moved_and_put_back", x, factor=3.0, hint="in place")
    assert_inputs_kept(submission, submission.Layer(False), x, 3.0, hint="in place")
    assert_inputs_kept(submission, "moved_and_put_back", x.numpy(), 3.0, hint="in place")
    with pytest.raises(CheckFailed, match="in place"):
        assert_inputs_kept(submission, "sorted_in_place", x.numpy(), hint="in place")
    for name in ("moved", "moved_to_and_fro"):
        with pytest.raises(CheckFailed, match="in place"):
            assert_inputs_kept(submission, name, x, 3.0, hint="in place")
    with pytest.raises(CheckFailed, match="in place"):
        assert_inputs_kept(submission, submission.Layer(True), x, factor=3.0, hint="in place")
