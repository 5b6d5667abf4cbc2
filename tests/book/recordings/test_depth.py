"""The recorded deep networks: as their script says, and the smallest come out as recorded."""

import importlib.util

import pytest
import torch
from torch import nn

from introml.book.paths import ROOT
from introml.book.recordings import depth
from introml.data import small_digits

RECORDING = depth.load()


@pytest.fixture(scope="module")
def script():
    path = ROOT / RECORDING["provenance"]["script"]
    spec = importlib.util.spec_from_file_location("record_depth", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data():
    parts = {part: small_digits.load(part) for part in ("train", "choose", "test")}
    mean, std = parts["train"][0].mean(), parts["train"][0].std()
    return {part: ((X - mean).view(-1, 1, 8, 8) / std, y) for part, (X, y) in parts.items()}


def blocks_of(net):
    return [layer for layer in net if hasattr(layer, "g")]


def maps_of(seed):
    return torch.rand(3, 16, 4, 4, generator=torch.Generator().manual_seed(seed))


def test_it_holds_all_ways_depths_rates_and_seeds(script):
    assert RECORDING["blocks"] == script.BLOCKS == [2, 4, 8, 16]
    assert RECORDING["rates"] == script.RATES == [0.0003, 0.001, 0.003, 0.01]
    assert list(RECORDING["ways"]) == list(script.WAYS)
    for found in RECORDING["ways"].values():
        assert len(found) == 4
        for one in found:
            assert len(one["first"]) == len(one["last"]) == len(one["alike"]) == 5
            assert len(one["right"]) == 4
            for right in one["right"]:
                assert right.keys() == {"train", "choose", "test"}
                assert all(len(five) == 5 and 0 <= min(five) <= max(five) <= 1
                           for five in right.values())  # fmt: skip


@pytest.mark.parametrize("way", ["residual", "copying"])
def test_the_smallest_networks_come_out_as_recorded(script, data, way):
    X, y = (each[:256] for each in data["train"])
    recorded = RECORDING["ways"][way][0]
    found = script.started(script.WAYS[way], 2, X, y)
    for name in ("first", "last", "alike"):
        assert found[name] == pytest.approx(recorded[name], rel=0.05)
    right = script.trained(script.WAYS[way], 2, 0.003, data)
    for part, five in right.items():
        assert five == pytest.approx(recorded["right"][2][part], abs=0.03)


@pytest.mark.parametrize(("way", "layers"), [("plain", 6), ("residual", 18)])
def test_layers_are_counted_as_the_readme_says(script, way, layers):
    net = script.network(layers // 2 - 1, **script.WAYS[way])
    assert sum(isinstance(m, nn.Conv2d | nn.Linear) for m in net.modules()) == layers
    assert net(torch.randn(2, 1, 8, 8)).shape == (2, 10)


@pytest.mark.parametrize(("way", "factor"), [("plain", 0), ("residual", 1), ("half", 0.5)])
def test_a_block_adds_its_share_of_the_input(script, way, factor):
    [block] = blocks_of(script.network(1, **script.WAYS[way]))
    maps = maps_of(0)
    torch.testing.assert_close(block(maps), (block.g(maps) + factor * maps).relu())


def test_batch_norm_stands_behind_each_convolution_of_the_blocks(script):
    [block] = blocks_of(script.network(1, **script.WAYS["batch norm"]))
    kinds = [type(layer).__name__ for layer in block.g]
    assert kinds == ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "BatchNorm2d"]


@pytest.mark.parametrize("way", ["copying", "rotating"])
def test_less_the_random_part_the_first_weights_copy_or_rotate(script, way):
    torch.manual_seed(3)
    [block] = blocks_of(script.network(1, **script.WAYS[way]))
    torch.manual_seed(3)
    [plain] = blocks_of(script.network(1))
    middle = block.g[0].weight - 0.3 * plain.g[0].weight
    torch.testing.assert_close(block.g[0].bias, 0.3 * plain.g[0].bias)
    away_from_it = torch.ones(3, 3, dtype=torch.bool)
    away_from_it[1, 1] = False
    assert middle[:, :, away_from_it].abs().max() < 1e-6
    product = middle[:, :, 1, 1] @ middle[:, :, 1, 1].T
    torch.testing.assert_close(product, (2 if way == "rotating" else 1) * torch.eye(16))
    is_copy = torch.allclose(middle[:, :, 1, 1], torch.eye(16), atol=1e-6)
    assert is_copy == (way == "copying")


def test_matched_weights_have_he_s_variance(script):
    weights = torch.cat(
        [block.g[at].weight.flatten() for block in blocks_of(script.network(8, start="matched"))
         for at in (0, 2)]
    )  # fmt: skip
    assert weights.var().item() == pytest.approx(2 / (16 * 9), rel=0.03)


def test_likeness_is_the_mean_cosine_of_two_pictures(script):
    X = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    net = script.network(1)
    _, _, alike = script.at_the_start(net, X, torch.arange(5))
    with torch.no_grad():
        out = net[:-1](X)
    pairs = [nn.functional.cosine_similarity(out[a], out[b], dim=0).item()
             for a in range(5) for b in range(a)]  # fmt: skip
    assert alike == pytest.approx(sum(pairs) / 10, abs=1e-5)
