"""introml.regularization against torch's functions and scikit-learn's solvers."""

import pytest
import torch
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge
from torch.nn import functional as F

from introml.regularization import fit_with_penalty, shrink, soft_threshold


def problem(seed, n=60, d=6):
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(n, d, generator=generator, dtype=torch.float64)
    X = X @ (torch.eye(d, dtype=torch.float64) + 0.4) + 3
    w = torch.randn(d, generator=generator, dtype=torch.float64)
    w[::2] = 0
    return X, X @ w + 5 + torch.randn(n, generator=generator, dtype=torch.float64)


def test_hand_worked_examples():
    x = torch.tensor([3.0, 0.6, -3.0, -1.0])
    assert soft_threshold(x, 1).tolist() == [2, 0, -2, 0]
    torch.testing.assert_close(shrink(x, 1.0), torch.tensor([1.5, 0.3, -1.5, -0.5]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_soft_threshold_equals_torchs_softshrink_with_gradients(dtype):
    x = (3 * torch.randn(4, 50, generator=torch.Generator().manual_seed(0))).to(dtype)
    x.requires_grad_()
    for by in (0.0, 0.3, 2.0):
        ours, theirs = soft_threshold(x, by), F.softshrink(x, by)
        torch.testing.assert_close(ours, theirs)
        torch.testing.assert_close(
            *(torch.autograd.grad(one.sum(), x)[0] for one in (ours, theirs))
        )


def test_both_are_the_lowest_place_of_a_fine_grid():
    grid = torch.linspace(-6, 6, 120_001, dtype=torch.float64)
    for x in (-4.0, -0.7, 0.0, 0.4, 2.5):
        for by in (0.1, 0.5, 3.0):
            smooth = (grid - x) ** 2 / 2
            at = torch.tensor(x, dtype=torch.float64)
            for found, total in (
                (soft_threshold(at, by), smooth + by * grid.abs()),
                (shrink(at, by), smooth + by * grid**2 / 2),
            ):
                assert found.item() == pytest.approx(grid[total.argmin()].item(), abs=1e-4)


def test_thresholds_may_differ_from_place_to_place():
    x, by = torch.tensor([[2.0, 2.0], [2.0, 2.0]]), torch.tensor([[0.5], [3.0]])
    assert soft_threshold(x, by).tolist() == [[1.5, 1.5], [0, 0]]


@pytest.mark.parametrize("seed", range(5))
def test_fits_equal_scikit_learns(seed):
    X, y = problem(seed)
    n = len(X)
    exact = {"tol": 1e-13, "max_iter": 100_000}
    for (l1, l2), model in (
        ((0, 0), LinearRegression()),
        ((0.3, 0), Lasso(alpha=0.3, **exact)),
        ((1.5, 0), Lasso(alpha=1.5, **exact)),
        ((0, 0.3), Ridge(alpha=0.3 * n)),
        ((0.2, 0.6), ElasticNet(alpha=0.8, l1_ratio=0.25, **exact)),
    ):
        w, b = fit_with_penalty(X, y, l1, l2, steps=20_000)
        model.fit(X, y)
        torch.testing.assert_close(w, torch.tensor(model.coef_), rtol=1e-6, atol=1e-6)
        assert b.item() == pytest.approx(model.intercept_, rel=1e-6, abs=1e-6)


def test_an_l1_penalty_makes_weights_exactly_zero_and_an_l2_penalty_does_not():
    X, y = problem(0)
    assert (fit_with_penalty(X, y, l1=1.0)[0] == 0).sum() >= 2
    assert (fit_with_penalty(X, y, l2=100.0)[0] == 0).sum() == 0


def test_a_negative_penalty_is_refused():
    with pytest.raises(ValueError, match="must be 0 or more"):
        fit_with_penalty(*problem(0), l1=-1)
