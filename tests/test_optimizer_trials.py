"""introml.optimizer_trials against PyTorch: its layers, losses and optimizers, one network each."""

import pytest
import torch
from torch.nn import functional as F

from introml.many_runs import batch_order, initial_weights
from introml.optimizer_trials import loss, train, tune
from introml.optimizers import SGD, Adam, Momentum


@pytest.fixture
def examples():
    generator = torch.Generator().manual_seed(1)
    return (
        torch.rand(120, 64, generator=generator),
        torch.randint(10, (120,), generator=generator),
    )


def torch_network(make, rate, seed, examples, steps):
    X, y = examples
    net = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    first = initial_weights((64, 32, 10), [seed])
    with torch.no_grad():
        for parameter, start in zip(net.parameters(), first, strict=True):
            parameter.copy_(start[0].T.reshape(parameter.shape))
    optimizer = make(net.parameters(), rate)
    for batch in batch_order(len(X), 32, steps, [seed])[:, 0]:
        optimizer.zero_grad()
        F.cross_entropy(net(X[batch]), y[batch]).backward()
        optimizer.step()
    return net


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SGD, lambda p, lr: torch.optim.SGD(p, lr=lr)),
        (Momentum, lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9)),
        (Adam, lambda p, lr: torch.optim.Adam(p, lr=lr)),
    ],
)
def test_each_run_is_the_network_that_torch_trains(ours, theirs, examples):
    rates, seeds = [0.003, 0.01], [4, 0, 7]
    weights = train(ours, rates, seeds, examples, steps=10)
    found = loss(weights, examples, len(seeds))
    assert found.shape == (2, 3)
    for i, rate in enumerate(rates):
        for j, seed in enumerate(seeds):
            net = torch_network(theirs, rate, seed, examples, 10)
            for parameter, ours_all in zip(net.parameters(), weights, strict=True):
                mine = ours_all[i * len(seeds) + j]
                torch.testing.assert_close(
                    parameter, mine.T.reshape(parameter.shape), rtol=1e-3, atol=2e-4
                )
            expected = F.cross_entropy(net(examples[0]), examples[1])
            torch.testing.assert_close(found[i, j], expected, rtol=1e-3, atol=1e-4)


def test_a_run_that_diverges_counts_as_infinite(examples):
    weights = train(SGD, [1e30], [0], examples, steps=5)
    assert loss(weights, examples, 1).isinf().all()


def test_the_tuned_rate_has_the_lowest_mean_loss(examples):
    rates = [1e-4, 0.1, 1e30]
    found = tune(SGD, rates, [0, 1], examples, examples, steps=20)
    assert found.rate == 0.1
    assert found.losses.argmin() == 1
    assert found.losses[2].isinf()
