"""introml.picture_training against loops of torch's own, and on pictures that are easy to tell."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from introml.picture_training import accuracy, over_seeds, standardized, train


def net_of(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))


@pytest.fixture
def pictures():
    """120 pictures of noise, the brighter half of them class 1."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(120, 1, 6, 6, generator=generator)
    y = torch.arange(120) % 2
    return X + y[:, None, None, None], y


def test_standardized_pictures_have_the_training_sets_mean_and_spread():
    X, other = torch.rand(9, 4, 4) * 7 + 3, torch.rand(5, 4, 4)
    made = standardized(X, X)
    assert made.shape == (9, 1, 4, 4)
    assert made.mean().abs() < 1e-5
    torch.testing.assert_close(made.std(), torch.tensor(1.0))
    torch.testing.assert_close(standardized(other, X)[:, 0] * X.std() + X.mean(), other)


def test_training_takes_the_steps_of_torchs_adam(pictures):
    """By hand: Adam's formulas, the rate's rise and fall, the order of each epoch."""
    X, y = pictures
    net, twin = net_of(1), net_of(1)
    train(net, X, y, epochs=3, batch_size=50, lr=1e-2, seed=4)
    generator = torch.Generator().manual_seed(4)
    parameters = list(twin.parameters())
    means = [torch.zeros_like(p) for p in parameters]
    squares = [torch.zeros_like(p) for p in parameters]
    batches = [b for _ in range(3) for b in torch.randperm(120, generator=generator).split(50)]
    assert len(batches) == 9
    peak = 0.2 * 9 - 1
    for step, batch in enumerate(batches):
        low, high = (1e-2 / 25, 1e-2) if step <= peak else (1e-2 / 25e4, 1e-2)
        part = step / peak if step <= peak else 1 - (step - peak) / (8 - peak)
        rate = low + (high - low) * (1 - torch.cos(torch.tensor(torch.pi * part))) / 2
        loss = F.cross_entropy(twin(X[batch]), y[batch])
        for p, g, m, v in zip(
            parameters, torch.autograd.grad(loss, parameters), means, squares, strict=True
        ):
            m.lerp_(g, 0.1)
            v.lerp_(g**2, 0.001)
            m_hat, v_hat = m / (1 - 0.9 ** (step + 1)), v / (1 - 0.999 ** (step + 1))
            p.data -= rate * m_hat / (v_hat.sqrt() + 1e-8)
    for ours, by_hand in zip(net.parameters(), parameters, strict=True):
        torch.testing.assert_close(ours, by_hand, rtol=1e-3, atol=1e-5)


def test_training_learns_and_leaves_the_network_in_its_mode_for_use(pictures):
    X, y = pictures
    net = net_of(0)
    assert train(net, X, y, epochs=20) is net
    assert not net.training
    assert accuracy(net, X, y) > 0.9


def test_accuracy_by_hand():
    X = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 1.0], [1.0, 2.0]])
    assert accuracy(nn.Identity(), X, torch.tensor([0, 1, 1, 1])) == 0.75


def test_each_seed_has_its_own_network_the_same_each_time(pictures):
    X, y = pictures
    before = torch.get_rng_state()

    def judge(net, seed):
        assert torch.get_num_threads() == 1
        return seed, accuracy(train(net, X, y, epochs=2, seed=seed), X, y), net

    first, again = (
        over_seeds(lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 2)), judge, [3, 1, 2])
        for _ in range(2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert [seed for seed, _, _ in first] == [3, 1, 2]
    assert [score for _, score, _ in first] == [score for _, score, _ in again]
    weights = [net[1].weight for _, _, net in first]
    assert not torch.equal(weights[0], weights[1])
    torch.testing.assert_close(weights, [net[1].weight for _, _, net in again], rtol=0, atol=0)


def test_each_group_of_parameters_has_its_own_rate(pictures):
    """The head at its rate and the rest at none: what torch's Adam makes of the head alone."""
    X, y = pictures
    net, twin = net_of(1), net_of(1)
    body, head = net[:3], net[3]
    groups = [
        {"params": list(body.parameters()), "lr": 0.0},
        {"params": head.parameters(), "lr": 1e-2},
    ]
    train(net, X, y, epochs=3, batch_size=50, groups=groups, seed=4)
    with torch.no_grad():
        features = twin[:3](X)
    train(twin[3], features, y, epochs=3, batch_size=50, lr=1e-2, seed=4)
    for ours, theirs in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
