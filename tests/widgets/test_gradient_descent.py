"""The model functions that GradientDescent ships, against torch."""

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


def test_equal_inputs_are_refused_in_words(run_model):
    (error,) = run_model("GradientDescent", "minimum", [([1, 1], [0, 1])])
    assert "all x are equal" in str(error)


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("learning_rate", float("nan")),
        ("learning_rate", -1),
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
