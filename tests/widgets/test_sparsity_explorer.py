"""The model functions that SparsityExplorer ships, against scikit-learn and proximal gradient."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso, Ridge

from introml.widgets import SparsityExplorer


@pytest.fixture(scope="module")
def problems():
    """(strength, best, correlation): 1,500 random ones, and a grid with zeros and ties."""
    rng = np.random.default_rng(0)
    drawn = [
        (float(rng.uniform(0, 3)), rng.uniform(-2, 2, 2).tolist(), float(rng.uniform(-0.9, 0.9)))
        for _ in range(1500)
    ]
    grid = [
        (strength, [a, b], correlation)
        for strength in (0.0, 0.5, 1.0, 3.0)
        for a in (-2.0, 0.0, 1.0)
        for b in (-1.0, 0.0, 1.0, 2.0)
        for correlation in (-0.9, 0.0, 0.5, 0.9)
    ]
    return drawn + grid


def minima(run_model, penalty, problems):
    return torch.tensor(
        run_model("SparsityExplorer", "minimum", [(penalty, *problem) for problem in problems]),
        dtype=torch.float64,
    )


def hessian(correlation):
    return torch.tensor([[1.0, correlation], [correlation, 1.0]], dtype=torch.float64)


def test_l1_equals_proximal_gradient(run_model, problems):
    strengths = torch.tensor([s for s, _, _ in problems], dtype=torch.float64)[:, None]
    best = torch.tensor([b for _, b, _ in problems], dtype=torch.float64)
    H = torch.stack([hessian(c) for _, _, c in problems])
    w, rate = torch.zeros_like(best), 0.5  # under 1 / (1 + 0.9)
    for _ in range(2000):
        w = w - rate * torch.einsum("nij,nj->ni", H, w - best)
        w = w.sign() * (w.abs() - rate * strengths).clamp(min=0)
    found = minima(run_model, "l1", problems)
    torch.testing.assert_close(found, w, rtol=1e-6, atol=1e-6)
    assert ((found == 0) == (w == 0)).double().mean() > 0.99  # ties of the grid aside
    drawn = slice(0, 1500)
    assert torch.equal(found[drawn] == 0, w[drawn] == 0)
    assert ((found == 0).sum(dim=1) == 1).sum() > 300


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_minima_equal_scikit_learns(run_model, problems, penalty):
    """On two examples whose features have XᵀX / 2 = H, and targets Xŵ."""
    kept = [problem for problem in problems if problem[0] > 0][:1200]
    for (strength, best, correlation), found in zip(
        kept, minima(run_model, penalty, kept), strict=True
    ):
        X = np.sqrt(2) * np.linalg.cholesky(hessian(correlation).numpy()).T
        y = X @ best
        if penalty == "l1":
            model = Lasso(alpha=strength, fit_intercept=False, tol=1e-13, max_iter=100_000)
        else:
            model = Ridge(alpha=2 * strength, fit_intercept=False)
        assert found.numpy() == pytest.approx(model.fit(X, y).coef_, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_nothing_near_a_minimum_is_lower(run_model, problems, penalty):
    rng = np.random.default_rng(1)
    some = problems[::10]
    found = minima(run_model, penalty, some).tolist()
    places = [[w, *(np.array(w) + rng.normal(0, 0.3, (20, 2))).tolist()] for w in found]
    losses = run_model(
        "SparsityExplorer",
        "loss",
        [(p, best, c) for (_, best, c), row in zip(some, places, strict=True) for p in row],
    )
    sizes = run_model("SparsityExplorer", "size", [(penalty, p) for row in places for p in row])
    each = iter(zip(losses, sizes, strict=True))
    for strength, _, _ in some:
        totals = [loss + strength * size for loss, size in (next(each) for _ in range(21))]
        assert totals[0] <= min(totals[1:]) + 1e-12


def test_without_correlation_l1_is_the_soft_threshold(run_model):
    best = [1.6, -0.3]
    [w] = run_model("SparsityExplorer", "minimum", [("l1", 0.5, best, 0.0)])
    thresholds = run_model("SparsityExplorer", "softThreshold", [(b, 0.5) for b in best])
    assert w == pytest.approx([1.1, 0])
    assert thresholds == pytest.approx([1.1, 0])


def test_a_path_is_the_minimum_at_each_strength(run_model):
    strengths = [0.0, 0.3, 1.0, 2.9]
    [path] = run_model("SparsityExplorer", "path", [("l1", [1.6, 0.8], 0.4, strengths)])
    assert path == run_model(
        "SparsityExplorer", "minimum", [("l1", s, [1.6, 0.8], 0.4) for s in strengths]
    )


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_an_outline_has_one_penalty_and_goes_through_the_weights(run_model, penalty):
    w = [0.9, -0.4]
    [points] = run_model("SparsityExplorer", "outline", [(penalty, w)])
    sizes = run_model("SparsityExplorer", "size", [(penalty, p) for p in [w, *points]])
    assert sizes == pytest.approx([sizes[0]] * len(sizes))


def test_a_contour_has_one_loss(run_model):
    cases = [(0.7, [1.0, -0.5], c) for c in (-0.9, 0.0, 0.6)]
    for (level, best, c), points in zip(
        cases, run_model("SparsityExplorer", "contour", cases), strict=True
    ):
        found = run_model("SparsityExplorer", "loss", [(p, best, c) for p in points])
        assert found == pytest.approx([level] * len(points))


def test_best_weights_outside_the_plane_are_refused():
    assert SparsityExplorer(best=[-2, 2]).best == [-2.0, 2.0]
    with pytest.raises(ValueError, match="from -2 to 2"):
        SparsityExplorer(best=[0, 2.1])
