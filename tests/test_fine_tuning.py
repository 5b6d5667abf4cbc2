"""introml.fine_tuning against torch's own layers, and on what must stay and what must move."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from introml.data import fashion_mnist, mnist, small_digits
from introml.fine_tuning import (
    ENDS,
    copy_layers,
    draw_of_each,
    epochs_for,
    fine_tune,
    new_head,
    picture_network,
    pictures,
)
from introml.transfer import Examples


@pytest.fixture
def few():
    """Twelve pictures of noise in two classes, which a network can learn by heart."""
    generator = torch.Generator().manual_seed(0)
    return Examples(torch.randn(12, 1, 28, 28, generator=generator), torch.arange(12) % 2)


def of_layers(net):
    """[weight and bias of each of the five layers]."""
    return [[*layer.parameters()] for layer in net if hasattr(layer, "weight")]


def same(ours, theirs):
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_network_has_lenets_layers_and_its_seeds_weights():
    net = picture_network(3)
    assert [sum(p.numel() for p in layer) for layer in of_layers(net)] == [
        156, 2416, 48_120, 10_164, 850,
    ]  # fmt: skip
    before = torch.get_rng_state()
    assert same(net.parameters(), picture_network(3).parameters())
    assert not same(net.parameters(), picture_network(4).parameters())
    assert torch.equal(torch.get_rng_state(), before)
    X = torch.randn(2, 1, 28, 28)
    first, second = net[0], net[3]
    maps = F.max_pool2d(F.conv2d(X, first.weight, first.bias, padding=2).relu(), 2)
    maps = F.max_pool2d(F.conv2d(maps, second.weight, second.bias).relu(), 2)
    torch.testing.assert_close(net[:7](X), maps.flatten(1))
    assert picture_network(3, classes=4)(X).shape == (2, 4)


def test_batch_norm_follows_each_layer_but_the_last():
    net = picture_network(0, batch_norm=True)
    kinds = [type(layer) for layer in net]
    at = [i for i, layer in enumerate(net) if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert [kinds[i + 1] for i in at[:-1]] == [nn.BatchNorm2d] * 2 + [nn.BatchNorm1d] * 2
    assert at[-1] == len(net) - 1
    plain = [layer for layer in net if not isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d)]
    assert [type(layer) for layer in plain] == [type(layer) for layer in picture_network(0)]


def test_layers_end_where_the_next_one_begins():
    net = picture_network(0)
    for layers, end in enumerate(ENDS):
        assert sum(hasattr(layer, "weight") for layer in net[:end]) == layers
        assert hasattr(net[end], "weight")


@pytest.mark.parametrize("name", ["digits", "clothes"])
def test_pictures_are_standardized_as_mnists_training_pictures(name):
    like, _ = mnist.load("train")
    data = {"digits": mnist, "clothes": fashion_mnist}[name]
    for part, found in zip(("train", "test"), pictures(name), strict=True):
        X, y = data.load(part)
        torch.testing.assert_close(found.X[:, 0] * like.std() + like.mean(), X, rtol=0, atol=1e-6)
        assert torch.equal(found.y, y)


def test_scanned_digits_are_drawn_larger_in_the_middle():
    train, test = pictures("scanned")
    assert train.X.shape == (1200, 1, 28, 28)
    assert test.X.shape == (597, 1, 28, 28)
    like, _ = mnist.load("train")
    ink = train.X[:, 0] * like.std() + like.mean()
    border = torch.ones(28, 28, dtype=torch.bool)
    border[4:-4, 4:-4] = False
    torch.testing.assert_close(ink[:, border], torch.zeros(1200, 384), rtol=0, atol=1e-6)
    X, y = small_digits.load("train")
    assert torch.equal(train.y, y)
    at = (np.arange(20) + 0.5) * 8 / 20 - 0.5  # where a pixel's middle lies among the cells
    for cells, drawn in zip(X[:20].view(-1, 8, 8).numpy(), ink, strict=False):
        rows = np.array([np.interp(at, range(8), row) for row in cells])  # (8, 20)
        wanted = np.array([np.interp(at, range(8), column) for column in rows.T]).T
        np.testing.assert_allclose(drawn[4:-4, 4:-4], wanted, atol=1e-5)


def test_other_pictures_are_refused():
    with pytest.raises(ValueError, match="'scanned'"):
        pictures("letters")


def test_a_draw_has_so_many_of_each_class_and_is_its_seeds():
    pool = Examples(torch.arange(60.0)[:, None], torch.arange(60) % 3)
    drawn = draw_of_each(pool, 7, seed=2)
    assert drawn.y.tolist() == [0] * 7 + [1] * 7 + [2] * 7
    assert len(drawn.X.unique()) == 21
    assert torch.equal(drawn.X[:, 0] % 3, drawn.y.float())
    assert torch.equal(drawn.X, draw_of_each(pool, 7, seed=2).X)
    assert not torch.equal(drawn.X, draw_of_each(pool, 7, seed=3).X)
    with pytest.raises(ValueError, match="20 examples, 21"):
        draw_of_each(pool, 21, seed=0)


def test_first_layers_are_copied_and_the_others_new():
    source = picture_network(0)
    for layers in range(5):
        net = copy_layers(source, layers, seed=9)
        for at, (ours, old, new) in enumerate(
            zip(of_layers(net), of_layers(source), of_layers(picture_network(9)), strict=True)
        ):
            assert same(ours, old if at < layers else new)
    with pytest.raises(ValueError, match="from 0 to 4"):
        copy_layers(source, 5, seed=0)


def test_few_examples_are_gone_through_450_times_and_many_twelve_times():
    assert epochs_for(32) == 450
    assert epochs_for(33) == 225
    assert epochs_for(10_000) == 12
    for n in range(1, 3000, 37):
        steps = epochs_for(n) * -(-n // 32)
        assert steps >= 450
        assert epochs_for(n) >= 12
        assert (epochs_for(n) - 1) * -(-n // 32) < 450 or epochs_for(n) == 12


def test_frozen_layers_stay_and_all_others_move(few):
    source = picture_network(0)
    weights = [[p.clone() for p in layer] for layer in of_layers(source)]
    for layers in range(5):
        net = fine_tune(source, few, layers, body_lr=0, seed=1, epochs=3)
        for at, (ours, old, new) in enumerate(
            zip(of_layers(net), weights, of_layers(picture_network(1)), strict=True)
        ):
            assert same(ours, old) == (at < layers)
            assert not same(ours, new)
        assert not net.training
    for ours, old in zip(of_layers(source), weights, strict=True):
        assert same(ours, old)


def test_tuned_layers_move_with_their_own_rate(few):
    source = picture_network(0)

    def moved(rate):
        """How far the copied layers and the new head went in the first epoch, one step."""
        net = fine_tune(source, few, 4, body_lr=rate, seed=1, epochs=2)
        body = of_layers(net)[:4], of_layers(source)[:4]
        far = [
            (a - b).abs().max()
            for layers in zip(*body, strict=True)
            for a, b in zip(*layers, strict=True)
        ]
        head = (net[-1].weight - picture_network(1)[-1].weight).abs().max()
        return max(far).item(), head.item()

    (slow, head), (fast, same_head) = moved(1e-5), moved(1e-3)
    assert 20 < fast / slow < 200
    assert head == pytest.approx(same_head, rel=0.5)
    assert head > 1e-3
    with pytest.raises(ValueError, match=r"body_lr is -1"):
        fine_tune(source, few, 4, -1, seed=0)


def test_tuning_learns_the_few_by_heart(few):
    net = fine_tune(picture_network(0), few, 4, 1e-3, seed=1, epochs=60)
    assert (net(few.X).argmax(1) == few.y).all()


def test_new_head_leaves_the_body_and_the_old_network():
    old = picture_network(0, batch_norm=True)
    made = new_head(old, 3, seed=5)
    assert made[-1].out_features == 3
    assert old[-1].out_features == 10
    assert same(made[:-1].parameters(), old[:-1].parameters())
    with torch.no_grad():
        made[0].weight.zero_()
    assert old[0].weight.abs().sum() > 0
    assert same(made[-1].parameters(), new_head(old, 3, seed=5)[-1].parameters())
    with pytest.raises(TypeError, match="ReLU"):
        new_head(old[:-1], 3, seed=5)
