"""The model functions that LineFit ships, against torch, exact fractions and a linear programme."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from scipy.stats import siegelslopes
from traitlets import TraitError

from introml.widgets import LineFit


def random_points(rng, n=None):
    n = n or int(rng.integers(2, 31))
    x = np.round(rng.uniform(-1, 1, size=n) * rng.choice([0.3, 10, 300]) + rng.choice([0, 5]), 2)
    x[0] += 0.5  # never all equal
    y = np.round(rng.normal(size=n) * 3 + rng.normal() * x, 2)
    return x, y


@pytest.fixture(scope="module")
def problems():
    rng = np.random.default_rng(0)
    grid = [
        (np.array(x, dtype=float), np.array(y, dtype=float))
        for x in ([0, 1], [1, 0], [0, 0, 1], [2, 3, 5], [-1, 0, 1, 1])
        for y in (np.zeros(len(x)), np.arange(len(x)), -(np.arange(len(x)) ** 2))
    ]
    return grid + [random_points(rng) for _ in range(1000)]


def lstsq(x, y):
    design = torch.stack([torch.tensor(x), torch.ones(len(x), dtype=torch.float64)], 1)
    # The pivoted SVD driver is the one that stays right when the columns are almost parallel.
    return torch.linalg.lstsq(design, torch.tensor(y)[:, None], driver="gelsd").solution[:, 0]


def exact_least_squares(x, y):
    """The normal equations in rational arithmetic: no rounding at all."""
    x, y = [Fraction(float(v)) for v in x], [Fraction(float(v)) for v in y]
    n, sx, sy = len(x), sum(x), sum(y)
    sxx, sxy = sum(v * v for v in x), sum(u * v for u, v in zip(x, y, strict=True))
    determinant = n * sxx - sx * sx
    return (n * sxy - sx * sy) / determinant, (sxx * sy - sx * sxy) / determinant


def test_least_squares_equals_lstsq(run_model, problems):
    for (x, y), line in zip(problems, run_model("LineFit", "leastSquares", problems), strict=True):
        assert line == pytest.approx(lstsq(x, y).tolist(), rel=1e-7, abs=1e-8)


def test_least_squares_keeps_its_digits_when_the_inputs_almost_coincide(run_model):
    rng = np.random.default_rng(1)
    cases = []
    for _ in range(300):
        n = int(rng.integers(2, 9))
        centre, width = rng.uniform(1, 1000), 10.0 ** -rng.integers(3, 10)
        x = centre + width * rng.uniform(-1, 1, size=n)
        if len(set(x)) > 1:
            cases.append((x, rng.normal(size=n)))
    assert len(cases) > 290
    for (x, y), line in zip(cases, run_model("LineFit", "leastSquares", cases), strict=True):
        w, b = exact_least_squares(x, y)
        scale = max(abs(float(w)), float(np.ptp(y) / np.ptp(x)))
        assert abs(line[0] - float(w)) < 1e-12 * scale
        assert abs(line[1] - float(b)) < 1e-12 * scale * abs(x).max() + 1e-12


def test_losses_equal_torch(run_model, problems):
    rng = np.random.default_rng(2)
    cases = [(x, y, rng.normal(size=2)) for x, y in problems]
    squared = run_model("LineFit", "loss", cases)
    absolute = run_model("LineFit", "absoluteLoss", cases)
    errors = run_model("LineFit", "errors", cases)
    for (x, y, line), half, total, each in zip(cases, squared, absolute, errors, strict=True):
        y_hat, target = torch.tensor(line[0] * x + line[1]), torch.tensor(y)
        expected = torch.nn.functional.mse_loss(y_hat, target, reduction="sum").item() / 2
        assert half == pytest.approx(expected, rel=1e-12)
        expected = torch.nn.functional.l1_loss(y_hat, target, reduction="sum").item()
        assert total == pytest.approx(expected, rel=1e-12)
        assert each == pytest.approx((y_hat - target).tolist(), rel=1e-9, abs=1e-9)


def test_a_hand_computed_loss(run_model):
    """Errors 1, −2 and 0 of ŷ = x at y = 0, 3, 2: ½(1 + 4 + 0) = 2.5 and 1 + 2 + 0 = 3."""
    case = ([1, 1, 2], [0, 3, 2], [1, 0])
    assert run_model("LineFit", "errors", [case]) == [[1, -2, 0]]
    assert run_model("LineFit", "loss", [case]) == [2.5]
    assert run_model("LineFit", "absoluteLoss", [case]) == [3]


def least_absolute_total(x, y):
    """min Σ t with −t ≤ wx + b − y ≤ t, as a linear programme."""
    n = len(x)
    design = np.stack([x, np.ones(n)], 1)
    upper = np.block([[design, -np.eye(n)], [-design, -np.eye(n)]])
    costs = np.concatenate([[0, 0], np.ones(n)])
    bounds = [(None, None)] * 2 + [(0, None)] * n
    return linprog(costs, A_ub=upper, b_ub=np.concatenate([y, -y]), bounds=bounds).fun


def test_least_absolute_is_as_low_as_a_linear_programme(run_model, problems):
    lines = run_model("LineFit", "leastAbsolute", problems)
    for (x, y), (w, b) in zip(problems, lines, strict=True):
        total = np.abs(w * x + b - y).sum()
        assert total == pytest.approx(least_absolute_total(x, y), rel=1e-7, abs=1e-7)


def test_least_absolute_ignores_one_far_point(run_model):
    x = np.arange(8.0)
    y = 2 * x + 1
    y[-1] += 1000
    (line,) = run_model("LineFit", "leastAbsolute", [(x, y)])
    robust = siegelslopes(y, x)
    assert line == pytest.approx([robust.slope, robust.intercept])
    assert line == pytest.approx([2, 1])


def test_leaving_one_out_equals_lstsq_of_the_rest(run_model):
    rng = np.random.default_rng(3)
    cases = []
    for _ in range(1000):
        x, y = random_points(rng, n=int(rng.integers(4, 31)))
        cases.append((x, y, int(rng.integers(0, len(x)))))
    cases = [c for c in cases if len(set(np.delete(c[0], c[2]))) > 1]
    found = run_model("LineFit", "leastSquaresWithout", cases)
    for (x, y, i), line in zip(cases, found, strict=True):
        expected = lstsq(np.delete(x, i), np.delete(y, i))
        assert line == pytest.approx(expected.tolist(), rel=1e-7, abs=1e-8)


def test_slope_shifts_are_the_derivative_of_the_slope(run_model, problems):
    """The slope is linear in y, so its derivative is what torch's pseudo-inverse says."""
    found = run_model("LineFit", "slopeShifts", [(x,) for x, _ in problems])
    for (x, _), shifts in zip(problems, found, strict=True):
        design = torch.stack([torch.tensor(x), torch.ones(len(x), dtype=torch.float64)], 1)
        expected = torch.linalg.pinv(design)[0]
        assert shifts == pytest.approx(expected.tolist(), rel=1e-8, abs=1e-10)


def test_equal_inputs_are_refused_in_words(run_model):
    cases = [([v] * n, list(range(n))) for v in (0, 0.1, -3, 1e6) for n in (2, 3, 30)]
    for function in ("leastSquares", "leastAbsolute"):
        for error in run_model("LineFit", function, cases):
            assert "every slope fits them equally well" in str(error)
    (error,) = run_model("LineFit", "leastSquaresWithout", [([1, 1, 2], [0, 1, 2], 2)])
    assert "every slope fits them equally well" in str(error)
    (error,) = run_model("LineFit", "leastSquares", [([1, 2], [1, 2, 3])])
    assert "they must be paired" in str(error)


def test_the_frame_contains_the_values(run_model, problems):
    cases = [(x,) for x, _ in problems] + [([5, 5],), ([11, 11],), ([0, 0],)]
    for (values,), (low, high) in zip(cases, run_model("LineFit", "frame", cases), strict=True):
        assert low < high
        assert low <= np.min(values)
        assert np.max(values) <= high
        if np.min(values) >= 0 and np.max(values) <= 10:
            assert (low, high) == (0, 10)


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("x", [1.0]),
        ("x", [0.0] * 31),
        ("y", [1.0, float("nan")]),
        ("slope", float("inf")),
        ("intercept", "1"),
        ("lines", "none"),
        ("squares", 1),
        ("marked", 0),
    ],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = LineFit()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before


def test_unpaired_points_are_refused():
    with pytest.raises(ValueError, match=r"3 values and LineFit\.y has 2"):
        LineFit(x=[1, 2, 3], y=[1, 2])
