"""The model functions that KernelRegression ships, against torch, numpy and introml's module."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import logsumexp
from traitlets import TraitError

from introml.kernel_regression import KERNELS, kernel_regression
from introml.widgets import KernelRegression

WIDGET = "KernelRegression"


def temperature(t):
    t = np.asarray(t)
    return 14 - 5 * np.cos(np.pi * (t - 4) / 12) + 2 * np.sin(np.pi * t / 4)


@pytest.fixture(scope="module")
def cases():
    """(kernel, query, keys, bandwidth): a grid of readings on the half hours, then random ones."""
    made = [
        (kernel, query / 4, np.arange(0, 24.5, 0.5), bandwidth)
        for kernel in KERNELS
        for query in range(0, 97, 8)
        for bandwidth in (0.05, 0.3, 1, 3, 10, 100)
    ]
    rng = np.random.default_rng(0)
    for i in range(1500):
        keys = rng.uniform(0, 24, size=rng.integers(1, 49))
        kernel = sorted(KERNELS)[i % 3]
        made.append((kernel, float(rng.uniform(0, 24)), keys, float(10 ** rng.uniform(-1.3, 2))))
    return made


def expected_weights(kernel, query, keys, bandwidth):
    keys = torch.as_tensor(keys, dtype=torch.float64)
    query = torch.tensor([query], dtype=torch.float64)
    return kernel_regression(query, keys, keys, bandwidth, kernel)[1][0]


def test_weights_equal_torchs(run_model, cases):
    found = run_model(WIDGET, "weights", cases)
    unreached = 0
    for case, weights in zip(cases, found, strict=True):
        expected = expected_weights(*case)
        if expected.isnan().any():
            assert weights is None
            unreached += 1
            continue
        assert weights == pytest.approx(expected.tolist(), abs=1e-9)
        assert sum(weights) == pytest.approx(1, abs=1e-12)
    assert 50 < unreached < len(cases) / 4


def test_gaussian_weights_are_the_softmax_of_the_scores(run_model, cases):
    gaussian = [case for case in cases if case[0] == "gaussian"]
    scores = run_model(WIDGET, "scores", [case[1:] for case in gaussian])
    weights = run_model(WIDGET, "weights", gaussian)
    for (_, query, keys, bandwidth), s, w in zip(gaussian, scores, weights, strict=True):
        distance = (query - np.asarray(keys)) / bandwidth
        assert s == pytest.approx(stats.norm.logpdf(distance) - stats.norm.logpdf(0), rel=1e-9)
        expected = torch.softmax(torch.tensor(s, dtype=torch.float64), 0)
        assert w == pytest.approx(expected.tolist(), abs=1e-12)


def test_predictions_are_the_weighted_means(run_model, cases):
    rng = np.random.default_rng(1)
    made = [(k, q, {"x": x, "y": rng.normal(14, 5, size=len(x))}, h) for k, q, x, h in cases]
    for (k, q, points, h), value in zip(
        made, run_model(WIDGET, "predicted", made), strict=True
    ):  # fmt: skip
        weights = expected_weights(k, q, points["x"], h)
        if weights.isnan().any():
            assert value is None
        else:
            assert value == pytest.approx(weights.numpy() @ points["y"], abs=1e-9)


def test_the_curve_goes_through_the_tops_of_the_bars(run_model, cases):
    """`shares` at other places: what a key there would have, over the sum of the real ones."""
    rng = np.random.default_rng(2)
    made = [(*case, rng.uniform(0, 24, size=7)) for case in cases]
    for (kernel, query, keys, h, places), found in zip(
        made, run_model(WIDGET, "shares", made), strict=True
    ):  # fmt: skip
        if found is None:
            continue
        u = (query - np.concatenate([places, keys])) / h
        if kernel == "gaussian":  # in logarithms, so that nothing underflows
            scores = -(u**2) / 2
            expected = np.exp(np.minimum(scores[:7] - logsumexp(scores[7:]), 700))
            found = np.minimum(found, np.exp(700))
        else:
            parts = (np.abs(u) <= 1) * (1.0 if kernel == "box" else 1 - u**2)
            expected = parts[:7] / parts[7:].sum()
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_the_hand_worked_example(run_model):
    readings = {"x": [8, 10, 11], "y": [12, 14, 20]}
    (weights,) = run_model(WIDGET, "weights", [("gaussian", 9, readings["x"], 1)])
    assert weights == pytest.approx([0.45, 0.45, 0.10], abs=0.005)
    (value,) = run_model(WIDGET, "predicted", [("gaussian", 9, readings, 1)])
    assert value == pytest.approx(13.70, abs=0.005)


def test_far_away_and_tiny_does_not_underflow(run_model):
    (weights,) = run_model(WIDGET, "weights", [("gaussian", 24, [0, 1], 0.05)])
    assert weights == [0, 1]


def test_truth_and_readings(run_model):
    t = np.linspace(0, 24, 97)
    assert run_model(WIDGET, "truth", [(v,) for v in t]) == pytest.approx(temperature(t), abs=1e-9)
    made = run_model(WIDGET, "readings", [(4000, 1.5, seed) for seed in (1, 2, 999)])
    for readings in made:
        x, off = np.array(readings["x"]), np.array(readings["y"]) - temperature(readings["x"])
        assert stats.kstest(x, "uniform", args=(0, 24)).pvalue > 0.001
        assert stats.kstest(off / 1.5, "norm").pvalue > 0.001
        assert abs(np.corrcoef(x, off)[0, 1]) < 4 / np.sqrt(4000)
    (few,) = run_model(WIDGET, "readings", [(20, 0.5, 2)])
    assert few["x"] == made[1]["x"][:20]
    off = [np.array(r["y"][:20]) - temperature(r["x"][:20]) for r in (few, made[1])]
    assert off[0] == pytest.approx(off[1] / 3, abs=1e-9)


def test_how_far_the_predictions_miss(run_model):
    t = np.linspace(0, 24, 97)
    rng = np.random.default_rng(3)
    made = []
    for i in range(90):
        x = rng.uniform(0, 24, size=rng.integers(3, 49))
        points = {"x": x, "y": temperature(x) + rng.normal(size=len(x))}
        made.append((sorted(KERNELS)[i % 3], points, float(10 ** rng.uniform(-1, 2))))
    for (kernel, points, h), value in zip(made, run_model(WIDGET, "missed", made), strict=True):
        x, y = (torch.tensor(points[name]) for name in "xy")
        y_hat, _ = kernel_regression(torch.tensor(t), x, y, h, kernel)
        off = (y_hat.numpy() - temperature(t)) ** 2
        expected = np.inf if np.isnan(off).any() else np.sqrt(off.mean())
        assert value == pytest.approx(expected, rel=1e-9)


def test_the_best_bandwidth_is_the_best_of_the_grid(run_model):
    t = torch.linspace(0, 24, 97, dtype=torch.float64)
    made = run_model(WIDGET, "readings", [(24, 1, seed) for seed in range(1, 11)])
    for kernel in KERNELS:
        found = run_model(WIDGET, "bestBandwidth", [(kernel, readings) for readings in made])
        for readings, best in zip(made, found, strict=True):
            x, y = (torch.tensor(readings[name], dtype=torch.float64) for name in "xy")
            misses = []
            for h in np.logspace(-1, 2, 61):
                y_hat, _ = kernel_regression(t, x, y, float(h), kernel)
                off = (y_hat.numpy() - temperature(t.numpy())) ** 2
                misses.append(np.inf if np.isnan(off).any() else off.mean())
            assert best == pytest.approx(np.logspace(-1, 2, 61)[np.argmin(misses)], rel=1e-9)


def test_how_many_hold_nine_tenths(run_model):
    given = [[1.0], [0.5, 0.5], [0.2, 0.1, 0.7], [0.05] * 20, [0.9, 0.1], [0.95, 0.05]]
    found = run_model(WIDGET, "heaviest", [(weights,) for weights in given])
    assert found == [1, 2, 2, 18, 1, 1]
    assert run_model(WIDGET, "heaviest", [([0.25] * 4, 0.5)]) == [2]


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("query", 24.5),
        ("query", float("nan")),
        ("bandwidth", 0),
        ("kernel", "boxcar"),
        ("samples", 2),
        ("noise", -1),
        ("seed", 0),
        ("truth", "yes"),
    ],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = KernelRegression()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before
