"""introml.dropout against torch.nn.functional.dropout."""

import pytest
import torch
from scipy import stats
from torch.nn import functional as F

from introml.dropout import drop, dropout


def test_hand_worked_example():
    x, kept = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([True, False, True, False])
    assert drop(x, kept, 0.5).tolist() == [2, 0, 6, 0]


@pytest.mark.parametrize("seed", range(20))
def test_with_torchs_own_mask_values_and_gradients_are_torchs(seed):
    torch.manual_seed(seed)
    p = 0.05 + 0.9 * torch.rand(()).item()
    x = torch.randn(7, 30, dtype=torch.float64).abs() + 0.1
    x.requires_grad_()
    theirs = F.dropout(x, p)
    ours = drop(x, theirs != 0, p)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(*(torch.autograd.grad(one.sum(), x)[0] for one in (ours, theirs)))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_drawn_masks_are_distributed_as_torchs(p):
    """How many of 40 are dropped, in 4,000 draws each, has one distribution, the binomial one."""
    torch.manual_seed(0)
    x = torch.ones(4000, 40)
    counts = [(one == 0).sum(dim=1) for one in (dropout(x, p), F.dropout(x, p))]
    assert stats.ks_2samp(*counts).pvalue > 0.01
    for count in counts:
        assert count.double().mean().item() == pytest.approx(40 * p, rel=0.02)
        assert count.double().var().item() == pytest.approx(40 * p * (1 - p), rel=0.1)


def test_the_mean_over_masks_is_the_input():
    x = torch.tensor([-2.0, 0.5, 3.0])
    generator = torch.Generator().manual_seed(0)
    mean = dropout(x.expand(40_000, 3), 0.5, generator=generator).mean(dim=0)
    torch.testing.assert_close(mean, x, rtol=0.02, atol=0)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_while_testing_nothing_is_dropped(p):
    x = torch.randn(5, 6)
    assert torch.equal(dropout(x, p, training=False), x)


def test_the_ends_of_p():
    x = torch.randn(50)
    assert torch.equal(dropout(x, 0.0), x)
    assert torch.equal(dropout(x, 1.0), F.dropout(x, 1.0))


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_a_share_outside_zero_and_one_is_refused(p):
    with pytest.raises(ValueError, match="from 0 to 1"):
        dropout(torch.ones(3), p)


def test_a_generator_repeats_its_masks():
    x = torch.ones(30)
    first, second = (dropout(x, 0.5, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
