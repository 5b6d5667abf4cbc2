"""introml.losses against torch.nn.functional, values and gradients, and against numbers by hand."""

import math

import pytest
import torch
import torch.nn.functional as F

from introml.losses import (
    binary_cross_entropy,
    cross_entropy,
    log_softmax,
    log_sum_exp,
    squared_error,
)

REDUCTIONS = ("mean", "sum", "none")
DTYPES = (torch.float32, torch.float64)


def both(one, other, inputs, **tolerance):
    """Two results and their gradients with respect to `inputs`, compared."""
    torch.testing.assert_close(one, other, **tolerance)
    upstream = torch.linspace(0.5, 1.5, one.numel(), dtype=one.dtype).view(one.shape)
    gradients = [torch.autograd.grad(out, inputs, upstream) for out in (one, other)]
    torch.testing.assert_close(*gradients, **tolerance)


def draw(seed, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    n, k = (int(torch.randint(1, 9, (), generator=generator)) for _ in range(2))
    logits = 5 * torch.randn(n, k, generator=generator, dtype=dtype)
    y = torch.randint(k, (n,), generator=generator)
    weight = torch.rand(k, generator=generator, dtype=dtype) + 0.1
    return logits.requires_grad_(), y, weight


def test_numbers_worked_by_hand():
    """Logits 2, 1, 0: the sum of e² + e + 1 is 11.107, its logarithm 2.4076."""
    logits = torch.tensor([[2.0, 1.0, 0.0]])
    assert log_sum_exp(logits).item() == pytest.approx(2.4076, abs=1e-4)
    for right, loss in enumerate((0.4076, 1.4076, 2.4076)):
        assert cross_entropy(logits, torch.tensor([right])).item() == pytest.approx(loss, abs=1e-4)
    assert squared_error(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 3.0])) == 2.5
    assert binary_cross_entropy(torch.zeros(1), torch.ones(1)).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(40))
def test_log_sum_exp_and_log_softmax_equal_torchs(seed, dtype):
    logits, _, _ = draw(seed, dtype)
    # The sums of some hundreds are rounded in another order than torch's.
    near = {"rtol": 2e-5, "atol": 2e-5} if dtype == torch.float32 else {}
    for scale in (1, 30):
        x = (scale * logits).detach().requires_grad_()
        both(log_sum_exp(x), torch.logsumexp(x, -1), x, **near)
        both(log_sum_exp(x, 0), torch.logsumexp(x, 0), x, **near)
        both(log_softmax(x), F.log_softmax(x, -1), x, **near)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(15))
def test_cross_entropy_equals_torchs(seed, weighted, smoothing, reduction):
    logits, y, weight = draw(seed, DTYPES[seed % 2])
    options = {"weight": weight if weighted else None, "reduction": reduction}
    options["label_smoothing"] = smoothing
    both(cross_entropy(logits, y, **options), F.cross_entropy(logits, y, **options), logits)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("seed", range(15))
def test_binary_cross_entropy_and_squared_error_equal_torchs(seed, reduction):
    dtype = DTYPES[seed % 2]
    generator = torch.Generator().manual_seed(seed)
    o = (9 * torch.randn(7, generator=generator, dtype=dtype)).requires_grad_()
    y = torch.rand(7, generator=generator, dtype=dtype).round(decimals=seed % 3)
    both(
        binary_cross_entropy(o, y, reduction),
        F.binary_cross_entropy_with_logits(o, y, reduction=reduction),
        o,
    )
    both(squared_error(o, y, reduction), F.mse_loss(o, y, reduction=reduction), o)


def test_gradient_of_cross_entropy_is_p_minus_y_and_that_of_finite_differences():
    logits, y, weight = draw(3)
    cross_entropy(logits, y, reduction="sum").backward()
    expected = logits.softmax(-1) - F.one_hot(y, logits.shape[1])
    torch.testing.assert_close(logits.grad, expected.detach())
    for function in (
        lambda o: cross_entropy(o, y, weight, 0.2),
        lambda o: binary_cross_entropy(o[:, 0], torch.full((len(o),), 0.3)),
        lambda o: squared_error(o[:, 0], torch.zeros(len(o), dtype=o.dtype)),
        log_sum_exp,
    ):
        assert torch.autograd.gradcheck(function, (logits.detach().requires_grad_(),))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_large_and_small_logits_stay_finite(dtype):
    for level in (1e4, -1e4):
        x = torch.tensor([[level, level]], dtype=dtype)
        torch.testing.assert_close(log_sum_exp(x), torch.logsumexp(x, -1))
        loss = cross_entropy(x, torch.tensor([0]))
        assert loss.dtype == dtype
        assert loss.item() == pytest.approx(math.log(2), rel=1e-2)
    o = torch.tensor([1e4, -1e4], dtype=dtype)
    expected = torch.tensor([0, 1e4], dtype=dtype)
    torch.testing.assert_close(binary_cross_entropy(o, torch.ones_like(o), "none"), expected)


def test_entries_of_minus_infinity_count_as_nothing():
    minus = -math.inf
    x = torch.tensor([[1.0, minus], [minus, minus]])
    assert log_sum_exp(x).tolist() == [1.0, minus]


def test_what_cannot_be_is_refused_in_words():
    logits, y = torch.zeros(2, 3), torch.tensor([0, 1])
    with pytest.raises(ValueError, match=r"label_smoothing is 1\.5; it must be from 0 to 1"):
        cross_entropy(logits, y, label_smoothing=1.5)
    with pytest.raises(ValueError, match="reduction is 'avg'; it must be"):
        cross_entropy(logits, y, reduction="avg")
    with pytest.raises(ValueError, match=r"y_hat is \(3, 1\) and y is \(3,\)"):
        squared_error(torch.zeros(3, 1), torch.zeros(3))
