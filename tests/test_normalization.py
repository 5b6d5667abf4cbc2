"""introml.normalization against torch's layers: values, gradients, running averages."""

import math
import random

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from introml.normalization import (
    BatchStatistics,
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    normalize,
    rms_norm,
)

TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-5}


def divisors(n):
    return [k for k in range(1, n + 1) if n % k == 0]


def cases(seed, dtype):
    """(name, ours, torch's, inputs) for one random shape: a table, a sequence or a picture."""
    rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    N, C = rng.randint(2, 5), rng.choice([2, 4, 6])
    places = rng.choice([(), (3,), (2, 4)])

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=dtype)

    x = 3 * draw(N, C, *places) + rng.choice([0, 5])
    per_channel, whole = (draw(C), draw(C)), (draw(C, *places), draw(C, *places))
    eps, groups = rng.choice([1e-5, 1e-3]), rng.choice(divisors(C))
    yield (
        "batch", lambda x, w, b: batch_norm(x, w, b, eps),
        lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True, eps=eps),
        (x, *per_channel),
    )  # fmt: skip
    yield (
        "layer", lambda x, w, b: layer_norm(x, x.shape[1:], w, b, eps),
        lambda x, w, b: F.layer_norm(x, x.shape[1:], w, b, eps), (x, *whole),
    )  # fmt: skip
    last = x.shape[-1:]
    yield (
        "rms", lambda x, w: rms_norm(x, last, w, eps),
        lambda x, w: F.rms_norm(x, last, w, eps), (x, draw(*last)),
    )  # fmt: skip
    if places or C // groups > 1:
        yield (
            "group", lambda x, w, b: group_norm(x, groups, w, b, eps),
            lambda x, w, b: F.group_norm(x, groups, w, b, eps), (x, *per_channel),
        )  # fmt: skip
    if places:
        yield (
            "instance", lambda x, w, b: instance_norm(x, w, b, eps),
            lambda x, w, b: F.instance_norm(x, weight=w, bias=b, eps=eps), (x, *per_channel),
        )  # fmt: skip


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("seed", range(30))
def test_values_and_gradients_equal_torchs(seed, dtype):
    tolerance = {"rtol": TOLERANCES[dtype], "atol": 10 * TOLERANCES[dtype]}
    for name, ours, theirs, inputs in cases(seed, dtype):
        leaves = [each.clone().requires_grad_() for each in inputs]
        found, expected = ours(*leaves), theirs(*leaves)
        assert found.dtype == dtype, name
        torch.testing.assert_close(found, expected, **tolerance)
        upstream = torch.randn(found.shape, dtype=dtype)
        slopes = torch.autograd.grad(found, leaves, upstream)
        known = torch.autograd.grad(expected, leaves, upstream)
        for slope, right in zip(slopes, known, strict=True):
            torch.testing.assert_close(slope, right, **tolerance)


def test_gradients_equal_finite_differences():
    for seed in (0, 1, 2):
        for name, ours, _, inputs in cases(seed, torch.float64):
            leaves = tuple(each.clone().requires_grad_() for each in inputs)
            assert torch.autograd.gradcheck(ours, leaves), name


def test_the_pages_example_by_hand():
    """1, 4, 7: mean 4, variance (9 + 0 + 9) / 3."""
    x = torch.tensor([1.0, 4.0, 7.0], dtype=torch.float64)[:, None]
    expected = torch.tensor([-3.0, 0.0, 3.0], dtype=torch.float64)[:, None] / math.sqrt(6)
    torch.testing.assert_close(batch_norm(x, eps=0.0), expected)
    torch.testing.assert_close(normalize(x, (0,), eps=0.0), expected)


def test_without_weights_it_is_the_normalization_alone():
    x = torch.randn(3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(layer_norm(x, (5,)), F.layer_norm(x, (5,)))
    torch.testing.assert_close(rms_norm(x, (4, 5)), F.rms_norm(x, (4, 5), eps=1e-5))
    torch.testing.assert_close(group_norm(x, 1), layer_norm(x, (4, 5)))
    torch.testing.assert_close(group_norm(x, 4), instance_norm(x))


@pytest.mark.parametrize("seed", range(10))
def test_running_averages_equal_torchs(seed):
    generator = torch.Generator().manual_seed(seed)
    momentum = [0.1, 0.3, 1.0][seed % 3]
    theirs = nn.BatchNorm1d(4, momentum=momentum, affine=False, dtype=torch.float64)
    ours = BatchStatistics((1, 4), momentum)
    ours.mean, ours.variance = ours.mean.double(), ours.variance.double()
    for n in (2, 3, 5, 40):
        x = 3 * torch.randn(n, 4, generator=generator, dtype=torch.float64) + 2
        torch.testing.assert_close(ours(x, (0,), training=True), theirs(x))
        torch.testing.assert_close(ours.mean[0], theirs.running_mean)
        torch.testing.assert_close(ours.variance[0], theirs.running_var)
    theirs.eval()
    torch.testing.assert_close(ours(x, (0,), training=False), theirs(x))
    before = ours.mean.clone()
    ours(x, (0,), training=False)
    assert (ours.mean == before).all()


def test_running_averages_carry_no_gradient():
    x = torch.randn(5, 4, requires_grad=True)
    memory = BatchStatistics((1, 4))
    memory(x, (0,), training=True).square().sum().backward()
    assert not memory.mean.requires_grad
    assert x.grad is not None


def test_one_number_alone_is_refused():
    memory = BatchStatistics((1, 4))
    for refused in (
        lambda: batch_norm(torch.ones(1, 4)),
        lambda: instance_norm(torch.ones(3, 4, 1)),
        lambda: memory(torch.ones(1, 4), (0,), training=True),
    ):
        with pytest.raises(ValueError, match="less its own mean it is 0"):
            refused()
    assert memory(torch.ones(1, 4), (0,), training=False).shape == (1, 4)


@pytest.mark.parametrize("groups", [0, 3, 8])
def test_groups_must_divide_the_channels(groups):
    with pytest.raises(ValueError, match="must divide"):
        group_norm(torch.ones(2, 4, 3), groups)


@pytest.mark.parametrize("norm", [layer_norm, rms_norm])
@pytest.mark.parametrize("shape", [(3,), (4, 4), ()])
def test_a_shape_that_x_does_not_end_in_is_refused(norm, shape):
    with pytest.raises(ValueError, match="must end in it"):
        norm(torch.ones(2, 5, 4), shape)
