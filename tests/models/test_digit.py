"""The preparation of pictures against cumulative sums and scipy, the packing, and the training."""

import base64
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from introml.data import mnist
from introml.models.digit import learn_digits, normalized, pack, train_digit_net, unpack


def random_strokes(rng, count):
    """Pictures (count, 28, 28) of a few thick random lines, anywhere, of any size."""
    rows, columns = np.mgrid[:28, :28] + 0.5
    pictures = np.zeros((count, 28, 28))
    for picture in pictures:
        corner, reach = rng.uniform(1, 20, 2), rng.uniform(2, 8)
        points = corner + rng.uniform(0, reach, (int(rng.integers(2, 6)), 2))
        for a, b in pairwise(points):
            for t in np.linspace(0, 1, 40):
                y, x = a + t * (b - a)
                near = np.clip(1.8 - np.hypot(rows - y, columns - x), 0, 1)
                np.maximum(picture, np.round(255 * near) / 255, out=picture)
    return pictures


def resampled_by_cumulative_sums(picture):
    """The scaled ink by another method: differences of the interpolated two-way cumulative sum."""
    rows, columns = np.flatnonzero(picture.any(1)), np.flatnonzero(picture.any(0))
    ink = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = 20 / max(ink.shape)
    for axis, side in enumerate(ink.shape):
        new = max(1, int(np.floor(side * scale + 0.5)))
        edges = np.linspace(0, side, new + 1)
        total = np.insert(np.cumsum(ink, axis), 0, 0, axis)
        at = [np.interp(edges, range(side + 1), line) for line in np.moveaxis(total, axis, -1)]
        ink = np.moveaxis(np.diff(at, axis=-1), -1, axis) * new / side
    return ink


def test_scaled_ink_equals_differences_of_cumulative_sums():
    for picture in random_strokes(np.random.default_rng(0), 300):
        out = normalized(torch.tensor(picture)).numpy()
        rows, columns = np.flatnonzero(out.any(1)), np.flatnonzero(out.any(0))
        expected = resampled_by_cumulative_sums(picture)
        assert max(expected.shape) == 20
        found = out[
            rows[0] : rows[0] + expected.shape[0], columns[0] : columns[0] + expected.shape[1]
        ]
        np.testing.assert_allclose(found, expected, atol=1e-9)
        assert out.sum() == pytest.approx(expected.sum())


def test_centre_of_mass_falls_into_the_middle_pixel():
    for picture in random_strokes(np.random.default_rng(1), 300):
        out = normalized(torch.tensor(picture)).numpy()
        rows, columns = np.flatnonzero(out.any(1)), np.flatnonzero(out.any(0))
        for centre, used in zip(ndimage.center_of_mass(out), (rows, columns), strict=True):
            # Only ink that already touches the border keeps the picture from moving further.
            at_border = used[0] == 0 or used[-1] == 27
            assert at_border or 13.5 - 1e-5 <= centre < 14.5


def test_digits_of_mnist_are_already_prepared():
    X, _ = mnist.load("test")
    assert sum(torch.equal(normalized(x), x) for x in X[:500]) >= 498


def test_moved_digits_come_back_as_they_were():
    X, _ = mnist.load("test")
    for x in X[:100]:
        moved = nn.functional.pad(x, (5, 1, 0, 7))  # to another place of a larger page
        assert torch.equal(normalized(moved), normalized(x))


def test_a_blank_picture_and_a_dot():
    assert normalized(torch.zeros(28, 28)).sum() == 0
    dot = torch.zeros(28, 28)
    dot[2, 25] = 0.5
    out = normalized(dot)
    assert out.unique().tolist() == [0, 0.5]
    assert (out == 0.5).sum() == 400  # one pixel became 20 × 20
    assert out[4:24, 4:24].min() == 0.5


def small_net():
    torch.manual_seed(3)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 12), nn.ReLU(), nn.Linear(12, 10))


def test_packed_weights_are_within_half_a_level():
    net = small_net()
    packed = pack(net)
    for stored, layer in zip(packed["layers"], (net[1], net[3]), strict=True):
        levels = np.frombuffer(base64.b64decode(stored["weight"]), np.int8)
        levels = levels.reshape(stored["shape"]).astype(float)
        weight = layer.weight.detach().double().numpy()
        scale = np.array(stored["scale"])[:, None]
        np.testing.assert_allclose(scale[:, 0], np.abs(weight).max(1) / 127)
        assert np.abs(levels).max() == 127
        assert (np.abs(levels * scale - weight) <= scale / 2 + 1e-12).all()
        np.testing.assert_array_equal(stored["bias"], layer.bias.detach().double().numpy())


def test_unpacked_network_is_the_packed_one_in_numpy():
    packed = pack(small_net())
    x = np.random.default_rng(0).random((5, 28, 28))
    values = x.reshape(5, 784)
    for depth, stored in enumerate(packed["layers"]):
        levels = np.frombuffer(base64.b64decode(stored["weight"]), np.int8).astype(float)
        weight = levels.reshape(stored["shape"]) * np.array(stored["scale"])[:, None]
        values = np.maximum(values, 0) if depth else values
        values = values @ weight.T + np.array(stored["bias"])
    with torch.no_grad():
        found = unpack(packed)(torch.tensor(x)).numpy()
    np.testing.assert_allclose(found, values, atol=1e-12)


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Linear(784, 9)],
        [nn.Linear(28, 10)],
        [nn.Linear(784, 12), nn.Linear(12, 10)],
        [nn.Linear(784, 12), nn.Tanh(), nn.Linear(12, 10)],
        [nn.Linear(784, 12), nn.ReLU(), nn.Linear(13, 10)],
        [nn.ReLU()],
    ],
)
def test_other_networks_are_not_packed(layers):
    with pytest.raises(ValueError, match="from 784 numbers to 10"):
        pack(nn.Sequential(nn.Flatten(), *layers))


def test_training_is_seeded_learns_and_leaves_torch_alone():
    X, y = mnist.load("train")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second = (train_digit_net(X[:1000], y[:1000], hidden=16, steps=200) for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    other = train_digit_net(X[:1000], y[:1000], hidden=16, steps=200, seed=1)
    X_test, y_test = mnist.load("test")
    with torch.no_grad():
        assert torch.equal(first(X_test), second(X_test))
        assert not torch.equal(first(X_test), other(X_test))
        assert (first(X_test).argmax(1) == y_test).float().mean() > 0.8


@pytest.mark.parametrize(("n", "steps", "seed"), [(64, 3, 0), (200, 40, 1), (1000, 100, 2)])
def test_its_steps_are_those_of_torchs_adam(n, steps, seed):
    X, y = mnist.load("train")
    X, y = X[:n].float(), y[:n].long()
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 20), nn.ReLU(), nn.Linear(20, 10))
    optimizer, batches = torch.optim.Adam(net.parameters(), lr=2e-3), []
    for _ in range(steps):
        batches = batches or list(torch.randperm(n)[: n // 64 * 64].split(64))
        rows = batches.pop()
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(X[rows]), y[rows]).backward()
        optimizer.step()
    ours = train_digit_net(X, y, hidden=20, steps=steps, seed=seed)
    torch.testing.assert_close(
        list(ours.parameters()), list(net.parameters()), rtol=1e-3, atol=1e-5
    )


def test_too_few_examples_are_refused():
    with pytest.raises(ValueError, match="at least 64"):
        train_digit_net(torch.zeros(63, 28, 28), torch.zeros(63, dtype=torch.int64))


def test_learn_digits_is_the_trained_network_for_numpy():
    X, y = mnist.load("train")
    program = learn_digits(X[:200].numpy(), y[:200].numpy(), steps=20, seed=3)
    outputs = program(X[200:230].double().numpy())
    net = train_digit_net(X[:200], y[:200], steps=20, seed=3)
    np.testing.assert_allclose(outputs, net(X[200:230]).detach().numpy(), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="at least 64"):
        learn_digits(X[:63].numpy(), y[:63].numpy())
