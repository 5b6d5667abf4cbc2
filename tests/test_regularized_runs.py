"""introml.regularized_runs against networks of torch, trained one by one with torch.optim.SGD."""

import pytest
import torch
from torch import nn

from introml.dropout import drop
from introml.many_runs import Runs, batch_order
from introml.regularized_runs import RegularizedRuns

LAYERS = (6, 5, 3)


def sets(runs, n=24):
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(runs, n, LAYERS[0], generator=generator)
    return X, torch.randint(LAYERS[-1], (runs, n), generator=generator)


def settings(seeds, l1=0.0, l2=0.0, p=0.0):
    count = len(seeds)
    penalties = {name: torch.full((count,), v) for name, v in (("l1", l1), ("l2", l2), ("p", p))}
    return {"rates": torch.full((count,), 0.3), "seeds": seeds, "layers": LAYERS} | penalties


def alone(weights, run):
    first, last = nn.Linear(6, 5), nn.Linear(5, 3)
    with torch.no_grad():
        for layer, W, b in ((first, *weights[:2]), (last, *weights[2:])):
            layer.weight.copy_(W[run].T)
            layer.bias.copy_(b[run, 0])
    return first, last


def test_without_penalty_and_dropout_they_are_plain_runs():
    X, y = sets(1)
    X, y = X.expand(3, -1, -1), y.expand(3, -1)
    plain = Runs(X[0], y[0], torch.full((3,), 0.3), range(3), layers=LAYERS)
    ours = RegularizedRuns(X, y, **settings(range(3)))
    torch.testing.assert_close(ours.advance(15), plain.advance(15))


@pytest.mark.parametrize(
    ("l1", "l2", "p"), [(0, 0.1, 0), (0.02, 0, 0), (0, 0, 0.5), (0.01, 0.05, 0.3)]
)
def test_runs_are_those_of_torchs_sgd_one_by_one(l1, l2, p):
    """`weight_decay` is the L2 penalty; the L1 penalty is torch's softshrink after each step."""
    X, y = sets(3)
    runs = RegularizedRuns(X, y, **settings(range(3), l1, l2, p))
    nets = [alone(runs.weights, run) for run in range(3)]
    runs.advance(12)
    order = batch_order(24, 8, 12, range(3))
    for run, (first, last) in enumerate(nets):
        masks = torch.Generator().manual_seed(run + 1000)
        groups = [
            {"params": [first.weight, last.weight], "weight_decay": l2},
            {"params": [first.bias, last.bias]},
        ]
        optimizer = torch.optim.SGD(groups, lr=0.3)
        for batch in order[:, run]:
            hidden = first(X[run, batch]).relu()
            kept = torch.rand(hidden.shape, generator=masks) >= p
            loss = nn.functional.cross_entropy(last(drop(hidden, kept, p)), y[run, batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                for layer in (first, last):
                    layer.weight.copy_(nn.functional.softshrink(layer.weight, 0.3 * l1))
        torch.testing.assert_close(runs.weights[0][run], first.weight.T)
        torch.testing.assert_close(runs.weights[2][run], last.weight.T)
        torch.testing.assert_close(runs.weights[3][run, 0], last.bias)


def test_scores_are_given_without_dropout():
    X, y = sets(2)
    with_p = RegularizedRuns(X, y, **settings([0, 1], p=0.9))
    without = RegularizedRuns(X, y, **settings([0, 1]))
    torch.testing.assert_close(with_p.loss(X[0], y[0]), without.loss(X[0], y[0]))


def test_a_missing_penalty_is_refused():
    X, y = sets(2)
    wrong = settings([0, 1]) | {"l1": torch.zeros(3)}
    with pytest.raises(ValueError, match="l1 has 3 entries"):
        RegularizedRuns(X, y, **wrong)
