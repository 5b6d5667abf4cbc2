"""The model functions that PolynomialDegree ships, against numpy, torch and the closed form."""

import numpy as np
import pytest
import torch
from numpy.polynomial.legendre import legval, legvander
from scipy import stats
from traitlets import TraitError

from introml.widgets import PolynomialDegree

HIGHEST = 15


@pytest.fixture(scope="module")
def problems():
    """(x, y, degree, ridge): random samples, every degree, with and without ridge."""
    rng = np.random.default_rng(0)
    made = []
    for i in range(1200):
        degree = i % (HIGHEST + 1)
        n = int(rng.integers(degree + 1, 101))
        x = rng.uniform(-1, 1, size=n)
        y = np.sin(rng.uniform(1, 6) * x) + rng.uniform(0, 1) * rng.normal(size=n)
        ridge = [0, 10 ** rng.uniform(-6, 1)][(i // 16) % 2]
        made.append((x, y, degree, float(ridge)))
    return made


@pytest.fixture(scope="module")
def fits(run_model, problems):
    return run_model("PolynomialDegree", "fitAll", problems)


def test_legendre_equals_numpy(run_model):
    cases = [(x, k) for k in range(HIGHEST + 1) for x in np.linspace(-1, 1, 101)]
    for (x, k), values in zip(cases, run_model("PolynomialDegree", "legendre", cases), strict=True):
        assert values == pytest.approx(legvander([x], k)[0], abs=1e-13)


def test_unpenalized_fits_equal_lstsq(problems, fits):
    """Predictions agree always, coefficients where the samples determine them well."""
    checked = 0
    for (x, y, degree, ridge), found in zip(problems, fits, strict=True):
        assert [len(c) for c in found] == list(range(1, degree + 2))
        if ridge:
            continue
        for k in {degree // 2, degree}:
            design = torch.tensor(legvander(x, k))
            expected = torch.linalg.lstsq(design, torch.tensor(y)[:, None], driver="gelsd").solution
            y_hat = (design @ expected)[:, 0].numpy()
            assert legval(x, found[k]) == pytest.approx(y_hat, rel=1e-7, abs=1e-7)
            condition = np.linalg.cond(design)
            if condition < 1e4:
                assert found[k] == pytest.approx(expected[:, 0].tolist(), rel=1e-8, abs=1e-8)
                checked += 1
    assert checked > 1000


def test_ridge_equals_the_closed_form(problems, fits):
    """(ΦᵀΦ + λD)c = Φᵀy, where D is the identity without its first entry."""
    checked = 0
    for (x, y, degree, ridge), found in zip(problems, fits, strict=True):
        if not ridge:
            continue
        for k in {0, degree // 2, degree}:
            design = legvander(x, k)
            penalty = ridge * np.diag([0.0] + [1.0] * k)
            matrix = design.T @ design + penalty
            expected = np.linalg.solve(matrix, design.T @ y)
            tolerance = 1e-12 * np.linalg.cond(matrix)
            assert found[k] == pytest.approx(expected, rel=tolerance, abs=tolerance)
            checked += 1
    assert checked > 1000


def test_interpolation_when_the_coefficients_are_as_many_as_the_samples(run_model):
    rng = np.random.default_rng(1)
    x = np.cos(np.pi * (np.arange(16) + 0.5) / 16)  # Chebyshev points: well conditioned
    y = rng.normal(size=16)
    (found,) = run_model("PolynomialDegree", "fitAll", [(x, y, HIGHEST, 0)])
    assert legval(x, found[-1]) == pytest.approx(y, abs=1e-12)


def test_too_few_inputs_are_refused_in_words(run_model):
    cases = [
        ([0, 0.5, 0.5], [1, 2, 3], 2, 0),
        ([0.1], [1], 1, 0),
        (np.zeros(20), np.ones(20), 1, 0),
    ]
    for error in run_model("PolynomialDegree", "fitAll", cases):
        assert "cannot determine" in str(error)
    (with_penalty,) = run_model("PolynomialDegree", "fitAll", [([0.1], [1], 1, 0.5)])
    assert with_penalty[1] == pytest.approx([1, 0], abs=1e-12)


def test_errors_equal_torch(run_model, problems, fits):
    cases = [
        (found[-1], {"x": x[:20], "y": y[:20]})
        for (x, y, _, _), found in zip(problems, fits, strict=True)
    ]
    values = run_model("PolynomialDegree", "meanSquaredError", cases)
    for (c, points), value in zip(cases, values, strict=True):
        y_hat = torch.tensor(legval(points["x"], c))
        expected = torch.nn.functional.mse_loss(y_hat, torch.tensor(points["y"])).item()
        assert value == pytest.approx(expected, rel=1e-7, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "curve"),
    [
        ("sine", lambda x: np.sin(1.5 * np.pi * x)),
        ("cubic", lambda x: np.cos(3 * np.arccos(x))),  # the Chebyshev polynomial T₃
        ("bump", lambda x: 2 / (1 + (5 * x) ** 2) - 0.5),
    ],
)
def test_curves(run_model, name, curve):
    x = np.linspace(-1, 1, 41)
    found = run_model("PolynomialDegree", "curveAt", [(name, v) for v in x])
    assert found == pytest.approx(curve(x), abs=1e-12)


def draws(run_model, n, noise, seeds, part=0):
    """The inputs and the noise of `sample`, told apart by subtracting the curve."""
    cases = [("cubic", n, noise, seed, part) for seed in seeds]
    x, y = (
        np.array([points[name] for points in run_model("PolynomialDegree", "sample", cases)])
        for name in "xy"
    )
    return x, y - np.cos(3 * np.arccos(x))


def test_inputs_come_from_the_published_generator(run_model):
    """The first numbers of mulberry32 with seed 42, as many other projects' tests have them too."""
    (points,) = run_model("PolynomialDegree", "sample", [("sine", 5, 0.3, 10, 1)])
    published = [
        0.6011037519201636,
        0.44829055899754167,
        0.8524657934904099,
        0.6697340414393693,
        0.17481389874592423,
    ]
    assert points["x"] == [2 * u - 1 for u in published]


def test_draws_have_the_distributions_that_they_claim(run_model):
    n = 20000
    for inputs, noise in zip(*draws(run_model, n, 1, (1, 2, 500)), strict=True):
        assert stats.kstest(inputs, "uniform", args=(-1, 2)).pvalue > 0.001
        assert stats.kstest(noise, "norm").pvalue > 0.001
        assert abs(np.mean(noise)) < 4 / np.sqrt(n)
        assert abs(np.var(noise) - 1) < 4 * np.sqrt(2 / n)
        assert abs(stats.skew(noise)) < 4 * np.sqrt(6 / n)
        assert abs(stats.kurtosis(noise)) < 4 * np.sqrt(24 / n)
        pairs = [(inputs, noise), (inputs[1:], inputs[:-1]), (noise[1:], noise[:-1])]
        # Were both drawn from one stream, a noise would share its uniform numbers with two inputs.
        pairs += [(inputs[k::2], noise[: n // 2] ** 2) for k in (0, 1)]
        for a, b in pairs:
            assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(len(a))


def test_short_draws_are_independent_over_seeds_and_parts(run_model):
    seeds = range(1, 1001)
    parts = [draws(run_model, 4, 1, seeds, part) for part in (0, 1)]
    columns = np.concatenate([column for pair in parts for column in pair], axis=1)  # (1000, 16)
    off_diagonal = np.corrcoef(columns.T) - np.eye(16)
    assert np.abs(off_diagonal).max() < 4.5 / np.sqrt(1000)
    assert stats.kstest(parts[0][1][:, 0], "norm").pvalue > 0.001


def test_more_points_and_less_noise_keep_the_draws(run_model):
    big_x, big = draws(run_model, 500, 0.5, (3,))
    small_x, small = draws(run_model, 21, 0.5, (3,))
    quiet_x, quiet = draws(run_model, 21, 0.25, (3,))
    again_x, again = draws(run_model, 500, 0.5, (3,))
    assert np.array_equal(again, big)
    assert np.array_equal(again_x, big_x)
    assert np.array_equal(small_x, big_x[:, :21])
    assert np.array_equal(small_x, quiet_x)
    assert small == pytest.approx(big[:, :21], abs=1e-12)
    assert quiet == pytest.approx(small / 2, abs=1e-12)


def test_the_verdict_names_the_side_of_the_best(run_model):
    errors = [4.0, 2.0, 1.0, 1.05, 3.0]
    cases = [(k, errors) for k in range(5)] + [(3, errors, 0.01)]
    expected = ["underfits", "underfits", "good", "good", "overfits", "overfits"]
    assert run_model("PolynomialDegree", "verdict", cases) == expected
    assert run_model("PolynomialDegree", "smallest", [([3, 1, 1],), (errors,)]) == [1, 2]


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("degree", 16),
        ("degree", -1),
        ("samples", 15),
        ("noise", float("nan")),
        ("ridge", -0.1),
        ("seed", 1.5),
        ("curve", "line"),
        ("unseen", "yes"),
    ],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = PolynomialDegree()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before
