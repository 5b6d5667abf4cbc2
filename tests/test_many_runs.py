"""introml.many_runs against networks of torch.nn, trained one by one with torch.optim.SGD."""

import pytest
import torch
from torch import nn

from introml.many_runs import Runs, batch_order, initial_weights, losses, scores

LAYERS = (6, 5, 4, 3)


def data(n=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(n, LAYERS[0], generator=generator)
    return X, torch.randint(LAYERS[-1], (n,), generator=generator)


def alone(weights, run, activation=nn.ReLU):
    """One of the networks, built of torch's layers."""
    layers = []
    for W, b in zip(weights[::2], weights[1::2], strict=True):
        layer = nn.Linear(*W.shape[1:])
        with torch.no_grad():
            layer.weight.copy_(W[run].T)
            layer.bias.copy_(b[run, 0])
        layers += [layer, activation()]
    return nn.Sequential(*layers[:-1])


def test_scores_and_losses_are_those_of_torchs_layers():
    X, y = data()
    weights = initial_weights(LAYERS, range(3), scale=1.5)
    for run in range(3):
        net = alone(weights, run)
        torch.testing.assert_close(scores(weights, X)[run], net(X))
        expected = nn.functional.cross_entropy(net(X), y)
        torch.testing.assert_close(losses(weights, X, y)[run], expected)


def test_each_network_may_have_its_own_examples():
    sets = [data(seed=seed) for seed in range(3)]
    weights = initial_weights(LAYERS, range(3))
    X, y = torch.stack([X for X, _ in sets]), torch.stack([y for _, y in sets])
    found = losses(weights, X, y)
    for run, (X_one, y_one) in enumerate(sets):
        expected = nn.functional.cross_entropy(alone(weights, run)(X_one), y_one)
        torch.testing.assert_close(found[run], expected)


def test_first_weights_have_the_variance_of_he_and_depend_on_the_seed_alone():
    W, b, _, _ = initial_weights((400, 300, 2), [3, 4, 3], scale=1.5)
    assert W.std().item() == pytest.approx(1.5 * (2 / 400) ** 0.5, rel=0.01)
    assert (b == 0).all()
    assert torch.equal(W[0], W[2])
    assert not torch.equal(W[0], W[1])


def test_an_order_visits_each_example_once_an_epoch_and_leaves_out_the_rest():
    order = batch_order(10, 3, 7, [5, 6])  # 3 whole batches an epoch
    assert order.shape == (7, 2, 3)
    epochs = order[:6].view(2, 3, 2, 3)
    for epoch in epochs:
        for run in range(2):
            assert len(set(epoch[:, run].flatten().tolist())) == 9
    assert not torch.equal(order[:3], order[3:6])
    assert torch.equal(order[:, 1], batch_order(10, 3, 7, [6])[:, 0])


def test_another_activation_stands_between_the_layers():
    X, y = data()
    runs = Runs(X, y, torch.full((2,), 0.3), range(2), layers=LAYERS, activation=torch.tanh)
    for steps in (0, 20):
        runs.advance(steps)
        for run in range(2):
            net = alone(runs.weights, run, nn.Tanh)
            expected = nn.functional.cross_entropy(net(X), y)
            torch.testing.assert_close(runs.loss(X, y)[run], expected)
            right = (net(X).argmax(dim=1) == y).float().mean()
            torch.testing.assert_close(runs.accuracy(X, y)[run], right)


@pytest.mark.parametrize("changing", [False, True], ids=["constant", "schedule"])
def test_runs_are_those_of_torchs_sgd_one_by_one(changing):
    X, y = data()
    seeds = [0, 0, 8]
    rates = torch.tensor([0.05, 0.2, 0.2])
    if changing:
        rates = rates[:, None] * torch.linspace(1, 0, 25)
    runs = Runs(X, y, rates, seeds, batch_size=4, layers=LAYERS, scale=1.2)
    first = [w.detach().clone() for w in runs.weights]
    found = torch.cat([runs.advance(10), runs.advance(15)], dim=1)
    assert torch.equal(found, runs.history)
    for run, seed in enumerate(seeds):
        net = alone(first, run)
        optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
        for step, batch in enumerate(batch_order(len(X), 4, 25, [seed])[:, 0]):
            rate = rates[run, step] if changing else rates[run]
            optimizer.param_groups[0]["lr"] = rate.item()
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(X[batch]), y[batch])
            torch.testing.assert_close(found[run, step], loss.detach())
            loss.backward()
            optimizer.step()
        torch.testing.assert_close(scores(runs.weights, X)[run], net(X))
        right = (net(X).argmax(dim=1) == y).float().mean()
        torch.testing.assert_close(runs.accuracy(X, y)[run], right)


def test_runs_that_are_kept_go_on_as_if_the_others_had_never_been():
    X, y = data()
    rates = torch.tensor([0.1, 0.2, 0.3])
    whole = Runs(X, y, rates, [1, 2, 3], batch_size=4, layers=LAYERS)
    thinned = Runs(X, y, rates, [1, 2, 3], batch_size=4, layers=LAYERS)
    whole.advance(20)
    thinned.advance(12)
    thinned.keep(torch.tensor([2, 0]))
    thinned.advance(8)
    assert thinned.seeds == [3, 1]
    assert thinned.rates.tolist() == rates[[2, 0]].tolist()
    torch.testing.assert_close(thinned.history, whole.history[[2, 0]])
    torch.testing.assert_close(thinned.loss(X, y), whole.loss(X, y)[[2, 0]])


def test_a_run_that_diverged_has_an_infinite_loss():
    X, y = data()
    runs = Runs(X, y, torch.tensor([1e30, 0.1]), [0, 0], batch_size=4, layers=LAYERS)
    runs.advance(20)
    found = runs.loss(X, y)
    assert found[0] == torch.inf
    assert found[1] < 2


def test_what_does_not_fit_is_refused():
    X, y = data()
    with pytest.raises(ValueError, match="2 rates and 3 seeds"):
        Runs(X, y, torch.ones(2), range(3))
    with pytest.raises(ValueError, match="it must be 1 to 40"):
        batch_order(40, 41, 3, [0])
    runs = Runs(X, y, torch.ones(2, 5), range(2), batch_size=4, layers=LAYERS)
    runs.advance(3)
    with pytest.raises(ValueError, match="3 more are too many"):
        runs.advance(3)
