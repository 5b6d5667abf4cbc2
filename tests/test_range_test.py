"""introml.range_test against torch's ExponentialLR and a pandas-like running mean by hand."""

import pytest
import torch

from introml.many_runs import batch_order, initial_weights, losses
from introml.range_test import range_test, smoothed


def data():
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(60, 64, generator=generator)
    return X, torch.randint(10, (60,), generator=generator)


def test_the_run_is_that_of_sgd_under_torchs_exponential_scheduler():
    X, y = data()
    found = range_test(X, y, range(2), low=1e-3, high=0.1, steps=30, batch_size=6)
    assert found.rates[[0, -1]].tolist() == pytest.approx([1e-3, 0.1])
    weights = initial_weights((64, 32, 10), range(2))
    optimizer = torch.optim.SGD(weights, lr=1e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 100 ** (1 / 29))
    for step, batch in enumerate(batch_order(60, 6, 30, range(2))):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(found.rates[step].item(), rel=1e-5)
        optimizer.zero_grad()
        loss = losses(weights, X[batch], y[batch])
        torch.testing.assert_close(found.losses[:, step], loss.detach())
        loss.sum().backward()
        optimizer.step()
        scheduler.step()


def test_lowest_is_the_rate_of_each_runs_lowest_smoothed_loss():
    found = range_test(*data(), range(3), steps=80, batch_size=6)
    for run in range(3):
        values = found.smooth[run].nan_to_num(nan=torch.inf).tolist()
        assert found.lowest[run] == found.rates[values.index(min(values))]
    torch.testing.assert_close(found.smooth, smoothed(found.losses), equal_nan=True)


def test_smoothed_is_a_mean_whose_weights_fall_by_a_tenth_a_step():
    values = torch.tensor([[4.0, 2.0, 1.0]])
    # (0.9 · 4 + 1 · 2) / 1.9 and (0.81 · 4 + 0.9 · 2 + 1) / 2.71
    expected = torch.tensor([[4.0, 5.6 / 1.9, 6.04 / 2.71]])
    torch.testing.assert_close(smoothed(values), expected)
    torch.testing.assert_close(smoothed(torch.full((2, 9), 3.0)), torch.full((2, 9), 3.0))


@pytest.mark.parametrize("wrong", [{"low": 0.0}, {"low": 2.0, "high": 1.0}, {"steps": 1}])
def test_a_range_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="give 0 < low < high and 2 steps or more"):
        range_test(*data(), range(1), **wrong)
