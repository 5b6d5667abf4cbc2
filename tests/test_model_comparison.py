"""Published figures of networks, the Pareto front, and the standard error of a share."""

import random

import pytest
import torch
from torch import nn

from introml.cost import flops
from introml.model_comparison import image_model, image_models, pareto_front, standard_error


def vgg16():
    """VGG-16 from its paper: blocks of 3×3 convolutions, each followed by a pooling of 2×2."""
    layers, channels = [], 3
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    dense = [nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), *dense, nn.Linear(4096, 1000))


def test_the_figures_of_vgg_16_are_those_of_its_layers():
    """Counted here: so `macs` are MACs, and torchvision's "GFLOPS" are no FLOPs."""
    with torch.device("meta"):
        net = vgg16()
    published = image_model("VGG-16")
    assert sum(p.numel() for p in net.parameters()) == published.parameters
    counted = flops(net, (1, 3, published.resolution, published.resolution))
    assert counted / 2 == pytest.approx(published.macs, rel=1e-3)


def test_all_figures_are_of_the_right_size():
    models = image_models()
    assert len(models) == 24 == len({one.name for one in models})
    for one in models:
        assert 1e6 < one.parameters < 2e8
        assert 5e7 < one.macs < 5e10
        assert 50 < one.top1 < 90
        assert 224 <= one.resolution <= 600
        assert one.retrained is None or 1 < one.retrained - one.top1 < 5
    assert sum(one.retrained is not None for one in models) == 4


def test_an_unknown_network_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"no network 'ResNet'.*AlexNet, VGG-16"):
        image_model("ResNet")


def unbeaten(costs, scores):
    """The front by its definition: every pair is looked at."""

    def beats(j, i):
        no_worse = costs[j] <= costs[i] and scores[j] >= scores[i]
        return no_worse and (costs[j], scores[j]) != (costs[i], scores[i])

    places = range(len(costs))
    return {i for i in places if not any(beats(j, i) for j in places)}


def test_the_front_is_what_no_other_beats_in_1000_random_sets():
    draw = random.Random(0)
    for _ in range(1000):
        n = draw.randint(0, 12)
        costs = [draw.randint(0, 6) for _ in range(n)]
        scores = [draw.randint(0, 6) for _ in range(n)]
        front = pareto_front(costs, scores)
        assert set(front) == unbeaten(costs, scores)
        assert [costs[i] for i in front] == sorted(costs[i] for i in front)


def test_a_front_by_hand():
    assert pareto_front([3, 1, 2, 2], [5, 2, 1, 4]) == [1, 3, 0]
    assert pareto_front([], []) == []


def test_costs_without_scores_are_refused():
    with pytest.raises(ValueError, match="2 costs and 1 scores"):
        pareto_front([1, 2], [1])


@pytest.mark.parametrize(("p", "n"), [(0.5, 100), (0.761, 2000), (0.99, 500)])
def test_the_standard_error_is_the_spread_of_drawn_shares(p, n):
    generator = torch.Generator().manual_seed(0)
    shares = torch.binomial(torch.full((20_000,), float(n)), torch.tensor(p), generator=generator)
    assert (shares / n).std().item() == pytest.approx(standard_error(p, n), rel=0.03)


@pytest.mark.parametrize(("share", "n", "words"), [(76, 10, "0.76, not 76"), (0.5, 0, "n is 0")])
def test_a_share_out_of_range_is_refused(share, n, words):
    with pytest.raises(ValueError, match=words):
        standard_error(share, n)
