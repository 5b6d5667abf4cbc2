"""introml.deep_runs: networks side by side are those that torch's layers make alone."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from introml.deep_runs import DeepRuns
from introml.many_runs import batch_order

X = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(40) % 3


def runs_of(norm, rates=(0.1, 0.3), seeds=(0, 1), **settings):
    settings = {"depth": 3, "width": 5, "batch_size": 8} | settings
    return DeepRuns(X, Y, torch.tensor(rates), seeds, norm=norm, **settings)


class LessTheMean(nn.Module):
    """Batch norm that does not divide: its memory is that of torch's layer."""

    def __init__(self, width):
        super().__init__()
        self.memory = nn.BatchNorm1d(width, affine=False)
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        self.memory(x)
        mean = x.mean(0) if self.training else self.memory.running_mean
        return self.weight * (x - mean) + self.bias


def alone(runs, which, norm):
    """One of the networks from torch's own layers, with its first weights."""
    layers = []
    for at, (weight, _) in enumerate(runs.layers):
        last = at == len(runs.layers) - 1
        linear = nn.Linear(*weight.shape[1:], bias=last or norm == "none")
        linear.weight.data = weight[which].detach().T.clone()
        if linear.bias is not None:
            linear.bias.data.zero_()
        layers.append(linear)
        if last:
            break
        if norm == "batch":
            layers.append(nn.BatchNorm1d(weight.shape[2]))
        if norm == "mean":
            layers.append(LessTheMean(weight.shape[2]))
        if norm == "layer":
            layers.append(nn.LayerNorm(weight.shape[2]))
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)


@pytest.mark.parametrize("norm", ["none", "batch", "mean", "layer"])
@pytest.mark.parametrize("start", ["small", "matched"])
def test_training_equals_that_of_torchs_layers(norm, start):
    runs = runs_of(norm, start=start)
    networks = [alone(runs, which, norm) for which in range(2)]
    losses = runs.advance(12)
    order = batch_order(40, 8, 12, (0, 1))
    for which, (network, rate) in enumerate(zip(networks, (0.1, 0.3), strict=True)):
        optimizer = torch.optim.SGD(network.parameters(), lr=rate)
        for step, batch in enumerate(order[:, which]):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(X[batch]), Y[batch])
            loss.backward()
            optimizer.step()
            torch.testing.assert_close(losses[which, step], loss.detach(), rtol=1e-3, atol=1e-4)
        network.eval()
        right = (network(X).argmax(-1) == Y).float().mean()
        assert abs(runs.accuracy(X, Y)[which] - right) <= 1 / 40


def test_training_goes_on_where_it_stopped():
    whole, parts = runs_of("batch"), runs_of("batch")
    expected = whole.advance(9)
    torch.testing.assert_close(torch.cat([parts.advance(4), parts.advance(5)], 1), expected)


def test_matched_weights_keep_the_size_and_small_ones_lose_it():
    X = torch.randn(500, 64)
    sizes = {}
    for start in ("small", "matched"):
        runs = DeepRuns(X, torch.arange(500) % 2, torch.ones(5), range(5), start=start, width=64)
        hidden = X
        for weight, _ in runs.layers[:-1]:
            hidden = (hidden @ weight.detach()).relu()
        sizes[start] = hidden.square().mean().item()
    assert 0.1 < sizes["matched"] < 10
    assert sizes["small"] < 1e-4


def test_what_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="norm must be one of"):
        runs_of("group")
    with pytest.raises(ValueError, match="start one of"):
        runs_of("batch", start="large")
    with pytest.raises(ValueError, match="give each run one"):
        runs_of("batch", rates=(0.1,))
