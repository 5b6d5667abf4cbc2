"""introml.successive_halving against a plain sort of trainings that were never interrupted."""

import pytest
import torch

from introml.data import small_digits
from introml.many_runs import Runs
from introml.successive_halving import successive_halving


def test_each_round_keeps_the_better_half_of_uninterrupted_trainings():
    X, y = small_digits.load("train")
    judge = small_digits.load("choose")
    rates = torch.logspace(-2, 0.5, 8)
    runs = Runs(X, y, rates, [4] * 8)
    rounds = successive_halving(runs, *judge, first=10)
    assert [len(one.alive) for one in rounds] == [8, 4, 2]
    assert [one.steps for one in rounds] == [10, 20, 40]
    alive = list(range(8))
    for one in rounds:
        assert sorted(one.alive.tolist()) == sorted(alive)
        afresh = Runs(X, y, rates, [4] * 8)
        afresh.advance(one.steps)
        losses = afresh.loss(*judge)
        torch.testing.assert_close(one.losses, losses[one.alive])
        alive = sorted(alive, key=lambda run: losses[run].item())[: len(alive) // 2]
    assert runs.rates.tolist() == [rates[alive[0]].item()]
    assert runs.history.shape == (1, 40)


def test_of_an_odd_number_the_smaller_half_goes_on():
    X, y = small_digits.load("train")
    runs = Runs(X, y, torch.full((5,), 0.1), range(5))
    rounds = successive_halving(runs, *small_digits.load("choose"), first=2)
    assert [len(one.alive) for one in rounds] == [5, 2]


@pytest.mark.parametrize(("candidates", "first"), [(1, 5), (4, 0)])
def test_what_cannot_be_halved_is_refused(candidates, first):
    X, y = small_digits.load("choose")
    runs = Runs(X, y, torch.ones(candidates), range(candidates))
    with pytest.raises(ValueError, match="1 step or more and 2 runs or more"):
        successive_halving(runs, X, y, first)
