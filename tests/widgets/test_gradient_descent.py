"""The model functions that GradientDescent ships, against torch."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from traitlets import TraitError

from introml.widgets import GradientDescent


def random_problem(rng):
    n = int(rng.integers(2, 12))
    x = np.round(rng.normal(size=n) * rng.choice([0.3, 1, 3]), 3)
    x[0] += 0.5  # never all equal
    return x, np.round(rng.normal(size=n), 3), np.round(rng.uniform(-3, 3, size=2), 3)


def torch_loss(x, y, point, kind):
    errors = point[0] * torch.tensor(x) + point[1] - torch.tensor(y)
    total = 0.5 * (errors**2).sum()
    return total if kind == "sum" else total / len(x)


@pytest.fixture(scope="module")
def problems():
    rng = np.random.default_rng(0)
    return [(*random_problem(rng), ("sum", "mean")[i % 2]) for i in range(1000)]


def test_loss_and_gradient_equal_autograd(run_model, problems):
    cases = [(x, y, start, kind) for x, y, start, kind in problems]
    losses = run_model("GradientDescent", "loss", cases)
    gradients = run_model("GradientDescent", "gradient", cases)
    for (x, y, start, kind), loss, gradient in zip(problems, losses, gradients, strict=True):
        point = torch.tensor(start, requires_grad=True)
        expected = torch_loss(x, y, point, kind)
        expected.backward()
        assert loss == pytest.approx(expected.item(), rel=1e-9, abs=1e-12)
        assert gradient == pytest.approx(point.grad.tolist(), rel=1e-9, abs=1e-9)


def test_trajectory_equals_torch_sgd(run_model, problems):
    rate, steps = 0.01, 25
    cases = [(x, y, start, rate, steps, kind) for x, y, start, kind in problems[:200]]
    for case, path in zip(cases, run_model("GradientDescent", "trajectory", cases), strict=True):
        x, y, start, _, _, kind = case
        point = torch.nn.Parameter(torch.tensor(start))
        optimizer = torch.optim.SGD([point], lr=rate)
        assert path[0] == start.tolist()
        for visited in path[1:]:
            optimizer.zero_grad()
            torch_loss(x, y, point, kind).backward()
            optimizer.step()
            assert visited == pytest.approx(point.tolist(), rel=1e-7, abs=1e-9)


def test_bound_is_two_over_the_largest_eigenvalue(run_model, problems):
    cases = [(x, kind) for x, _, _, kind in problems]
    for (x, kind), bound in zip(
        cases, run_model("GradientDescent", "largestStableRate", cases), strict=True
    ):
        design = torch.stack([torch.tensor(x), torch.ones(len(x), dtype=torch.float64)], 1)
        largest = torch.linalg.eigvalsh(design.T @ design)[-1].item()
        expected = 2 / largest if kind == "sum" else 2 * len(x) / largest
        assert bound == pytest.approx(expected, rel=1e-9)


def test_eigenvectors_solve_the_eigenproblem(run_model, problems):
    matrices = run_model("GradientDescent", "hessian", [(x, kind) for x, _, _, kind in problems])
    for matrix, found in zip(
        matrices, run_model("GradientDescent", "eigen", [(m,) for m in matrices]), strict=True
    ):
        expected = np.linalg.eigvalsh(np.array(matrix))
        assert found["values"] == pytest.approx(expected, rel=1e-9, abs=1e-9)
        for value, vector in zip(found["values"], found["vectors"], strict=True):
            vector = np.array(vector)
            assert np.array(matrix) @ vector == pytest.approx(value * vector, rel=1e-7, abs=1e-7)


def test_minimum_equals_lstsq(run_model, problems):
    cases = [(x, y) for x, y, _, _ in problems]
    for (x, y), found in zip(cases, run_model("GradientDescent", "minimum", cases), strict=True):
        design = torch.stack([torch.tensor(x), torch.ones(len(x), dtype=torch.float64)], 1)
        expected = torch.linalg.lstsq(design, torch.tensor(y)[:, None]).solution[:, 0]
        assert found == pytest.approx(expected.tolist(), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("kind", ["sum", "mean"])
def test_verdict_agrees_with_long_runs(run_model, problems, kind):
    """Run long with numpy alone: the distance to the minimum does what the verdict says."""
    rng = np.random.default_rng(1)
    cases, matrices = [], []
    for x, _, _, _ in problems[:500]:
        design = np.stack([x, np.ones_like(x)], 1)
        matrix = design.T @ design / (1 if kind == "sum" else len(x))
        cases.append((x, rng.uniform(0.02, 1.3) * 2 / np.linalg.eigvalsh(matrix)[-1], 40, kind))
        matrices.append(matrix)
    verdicts = run_model("GradientDescent", "verdict", cases)
    assert {"diverges", "oscillates", "creeps", "converges"} == set(verdicts)
    for (_, rate, steps, _), matrix, verdict in zip(cases, matrices, verdicts, strict=True):
        one = np.eye(2) - rate * matrix
        after = np.linalg.norm(np.linalg.matrix_power(one, steps), 2)
        assert (verdict == "diverges") == (np.linalg.norm(np.linalg.matrix_power(one, 900), 2) > 1)
        assert (verdict == "oscillates") == (
            np.linalg.eigvalsh(one)[0] < 0 and verdict != "diverges"
        )
        if verdict in ("creeps", "converges"):
            assert (verdict == "creeps") == (after > 0.5)


def curvature(x, kind):
    design = np.stack([x, np.ones_like(x)], 1)
    return design.T @ design / (1 if kind == "sum" else len(x))


def worst_shrinkage(x, rate, steps, kind):
    """The most that any error keeps of its length over `steps` steps: a spectral norm."""
    one = np.eye(2) - rate * curvature(x, kind)
    return np.linalg.norm(np.linalg.matrix_power(one, steps), 2)


def test_no_other_rate_shrinks_the_worst_error_as_fast(run_model, problems):
    cases = [(x, kind) for x, _, _, kind in problems]
    for (x, kind), best in zip(cases, run_model("GradientDescent", "bestRate", cases), strict=True):
        least = worst_shrinkage(x, best, 1, kind)
        assert least < 1
        for other in (0.9 * best, 0.999 * best, 1.001 * best, 1.1 * best):
            assert worst_shrinkage(x, other, 1, kind) > least


def test_steps_to_shrink_are_enough_and_no_more_than_needed(run_model, problems):
    rng = np.random.default_rng(2)
    cases = []
    for x, _, _, kind in problems:
        largest = np.linalg.eigvalsh(curvature(x, kind))[-1]
        cases.append((x, rng.uniform(0.05, 1.1) * 2 / largest, 10.0 ** -rng.integers(1, 6), kind))
    counts = run_model("GradientDescent", "stepsToShrink", cases)
    assert {True, False} == {np.isfinite(count) for count in counts}
    for (x, rate, factor, kind), count in zip(cases, counts, strict=True):
        if np.isinf(count):
            assert worst_shrinkage(x, rate, 1, kind) >= 1
            continue
        assert worst_shrinkage(x, rate, count, kind) <= factor * (1 + 1e-6)
        if count > 1:
            assert worst_shrinkage(x, rate, count - 1, kind) > factor * (1 - 1e-6)


def test_a_round_valley_takes_one_step(run_model):
    """Σx = 0 and Σx² = n = 2, so both eigenvalues are 2 and η = 1/2 arrives at once."""
    assert run_model("GradientDescent", "bestRate", [([-1, 1], "sum")]) == [0.5]
    assert run_model("GradientDescent", "stepsToShrink", [([-1, 1], 0.5, 0.001, "sum")]) == [1]


def test_the_verdict_changes_at_the_borders_and_nowhere_else(run_model, problems):
    cases = [(x, int(1 + i % 120), kind) for i, (x, _, _, kind) in enumerate(problems)]
    asked, expected = [], []
    names = ["creeps", "converges", "oscillates", "diverges"]
    for (x, steps, kind), found in zip(
        cases, run_model("GradientDescent", "borders", cases), strict=True
    ):
        assert found == sorted(found)
        largest = np.linalg.eigvalsh(curvature(x, kind))[-1]
        assert found[1:] == pytest.approx([1 / largest, 2 / largest], rel=1e-9)
        edges = [0, *found, 2 * found[2]]
        for name, (low, high) in zip(names, pairwise(edges), strict=True):
            if high - low < 1e-6 * found[2]:
                continue  # this valley is so long that nothing below the bound converges quickly
            for part in (1e-4, 0.5, 1 - 1e-4):
                asked.append((x, low + part * (high - low), steps, kind))
                expected.append(name)
    assert run_model("GradientDescent", "verdict", asked) == expected


def test_equal_inputs_are_refused_in_words(run_model):
    (error,) = run_model("GradientDescent", "minimum", [([1, 1], [0, 1])])
    assert "all x are equal" in str(error)


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("learning_rate", float("nan")),
        ("learning_rate", -1),
        ("learning_rate", 3.1),
        ("question", 1),
        ("start", [0.0]),
        ("start", [0.0, float("inf")]),
        ("kind", "median"),
        ("step", 2.5),
        ("x", []),
    ],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = GradientDescent()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before
