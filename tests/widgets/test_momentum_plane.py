"""The model functions that MomentumPlane ships, against numpy's eigenvalues and torch's SGD."""

import numpy as np
import pytest
import torch
from traitlets import TraitError

from introml.widgets import MomentumPlane

RNG = np.random.default_rng(0)
GRID = [(p, r) for p in np.linspace(0.02, 4.4, 30) for r in np.linspace(0, 1, 21)]
PAIRS = GRID + [(RNG.uniform(0.001, 4.4), RNG.uniform(0, 1)) for _ in range(1000)]


def eigenvalues(product, rho):
    """Of the step (v, e) -> (ρv + λe, e − η(ρv + λe)), with λ = 1."""
    return np.linalg.eigvals(np.array([[rho, 1.0], [-product * rho, 1 - product]]))


def torch_errors(product, rho, steps):
    parameter = torch.nn.Parameter(torch.ones((), dtype=torch.float64))
    optimizer = torch.optim.SGD([parameter], lr=product, momentum=rho)
    found = [1.0]
    for _ in range(steps):
        parameter.grad = parameter.detach().clone()  # of ½e²
        optimizer.step()
        found.append(parameter.item())
    return np.array(found)


def test_roots_are_the_eigenvalues(run_model):
    for pair, found in zip(PAIRS, run_model("MomentumPlane", "roots", PAIRS), strict=True):
        expected = sorted(eigenvalues(*pair), key=lambda z: (z.real, z.imag))
        roots = sorted((complex(*root) for root in found), key=lambda z: (z.real, z.imag))
        # Where two roots meet, numpy's own error is the root of its rounding.
        tolerance = 1e-9 if abs(expected[0] - expected[1]) > 1e-3 else 1e-6
        assert np.abs(np.array(roots) - np.array(expected)).max() < tolerance


def test_complex_roots_have_the_size_root_rho(run_model):
    checked = 0
    sizes = run_model("MomentumPlane", "size", PAIRS)
    for (product, rho), size in zip(PAIRS, sizes, strict=True):
        found = eigenvalues(product, rho)
        assert size == pytest.approx(np.abs(found).max(), rel=1e-6)
        if abs(found[0].imag) > 1e-6:
            checked += 1
            assert size == pytest.approx(np.sqrt(rho), rel=1e-9)
    assert checked > 500


def test_errors_are_those_of_torchs_sgd(run_model):
    pairs = PAIRS[::4]
    for pair, found in zip(
        pairs, run_model("MomentumPlane", "errors", [(*p, 60) for p in pairs]), strict=True
    ):
        expected = torch_errors(*pair, 60)
        assert np.array(found) == pytest.approx(expected, rel=1e-6, abs=1e-9 * abs(expected).max())


def test_the_verdict_is_what_a_run_does(run_model):
    seen = set()
    pairs = PAIRS[::3]
    for (product, rho), verdict in zip(
        pairs, run_model("MomentumPlane", "verdict", pairs), strict=True
    ):
        found = eigenvalues(product, rho)
        if abs(np.abs(found).max() - 1) < 1e-3 or abs(found[0] - found[1]) < 1e-3:
            continue  # too near a border to tell by a run
        seen.add(verdict)
        errors = torch_errors(product, rho, 400)
        grows = not abs(errors[-1]) < 1
        assert grows == (verdict == "diverges")
        if grows:
            continue
        signs = np.sign(errors[np.abs(errors) > 1e-280][:60])
        changes = (signs[1:] != signs[:-1]).sum()
        if verdict == "creeps in":
            assert changes <= 1
        elif verdict == "flips":
            assert changes >= len(signs) - 2
        else:
            assert verdict == "swings"
            assert abs(found[0].imag) > 0
    assert seen == {"creeps in", "swings", "flips", "diverges"}


def test_at_the_bound_it_never_settles(run_model):
    cases = [(2 * (1 + rho), rho) for rho in (0, 0.3, 0.9, 1)] + [(1, 1)]
    assert set(run_model("MomentumPlane", "verdict", cases)) == {"never settles"}


@pytest.mark.parametrize("condition", [1, 2, 9, 100, 1000])
def test_no_other_pair_is_better(run_model, condition):
    (best,) = run_model("MomentumPlane", "best", [(condition,)])
    pairs = [(best["product"], best["rho"])] + [
        (p, r) for p in np.linspace(0.02, 4, 80) for r in np.linspace(0, 1, 80)
    ]
    worst = [
        max(abs(eigenvalues(p / condition, r)).max(), abs(eigenvalues(p, r)).max())
        for p, r in pairs
    ]
    assert worst[0] == pytest.approx(best["rate"], abs=1e-5)
    assert min(worst) >= best["rate"] - 1e-9
    plain = [(max(abs(1 - p / condition), abs(1 - p)), p) for p in np.linspace(0.0005, 2, 4000)]
    assert best["plain"]["rate"] == pytest.approx(min(plain)[0], abs=1e-3)
    assert best["plain"]["product"] == pytest.approx(min(plain)[1], abs=2e-3)


def test_a_valley_of_nine_by_hand(run_model):
    """√κ = 3: (3 − 1)/(3 + 1) = ½ a step, ρ = ¼, ηλmax = 1.5² = 9/4."""
    (best,) = run_model("MomentumPlane", "best", [(9,)])
    assert (best["product"], best["rho"], best["rate"]) == (2.25, 0.25, 0.5)


def inside(corners, point):
    """Whether a convex counter-clockwise polygon has the point in it, rounding apart."""
    sides = zip(corners, [*corners[1:], corners[0]], strict=True)
    x, y = point
    return all((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) >= -1e-9 for a, b in sides)


def test_the_region_holds_the_pairs_that_are_as_fast_and_no_others(run_model):
    rng = np.random.default_rng(4)
    cases = [(rng.uniform(0.05, 1), 10 ** rng.uniform(0, 3)) for _ in range(300)]
    empty = 0
    for (share, condition), corners in zip(
        cases, run_model("MomentumPlane", "region", cases), strict=True
    ):
        least = (np.sqrt(condition) - 1) / (np.sqrt(condition) + 1)
        assert (corners == []) == (share < least)
        empty += corners == []
        for _ in range(40):
            point = rng.uniform(0, 4), rng.uniform(0, 1)
            slow = max(
                abs(eigenvalues(point[0] / condition, point[1])).max(),
                abs(eigenvalues(*point)).max(),
            )
            if abs(slow - share) > 1e-6:
                assert (corners != [] and inside(corners, point)) == (slow < share)
    assert 50 < empty < 250


def test_the_count_of_steps_is_enough_and_the_one_before_is_not(run_model):
    rng = np.random.default_rng(6)
    cases = [
        (rng.uniform(0.05, 4), rng.uniform(0, 0.98), 10 ** rng.uniform(0, 2), 1e-3)
        for _ in range(60)
    ]
    found = run_model("MomentumPlane", "stepsToShrink", cases)
    assert {True, False} == {np.isfinite(count) for count in found}
    for (product, rho, condition, part), count in zip(cases, found, strict=True):
        if np.isinf(count):
            assert max(abs(eigenvalues(p, rho)).max() for p in (product / condition, product)) >= 1
            continue
        runs = np.abs(
            [torch_errors(p, rho, 3 * count + 20) for p in (product / condition, product)]
        )
        assert (runs[:, count:] <= part * (1 + 1e-9)).all()
        assert runs[:, count - 1].max() > part * (1 - 1e-9)


def test_it_opens_with_the_valley_and_the_rate_of_the_race():
    """η = 0.07, curvatures ¼ and 25, ρ = 0.9."""
    plane = MomentumPlane()
    assert plane.product == pytest.approx(0.07 * 25)
    assert plane.condition == 25 / 0.25
    assert (plane.rho, plane.view) == (0.9, "errors")


@pytest.mark.parametrize(
    ("trait", "value"), [("product", 0), ("rho", 1.1), ("condition", 0.5), ("view", "circle")]
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    plane = MomentumPlane()
    before = getattr(plane, trait)
    with pytest.raises(TraitError, match="must be"):
        setattr(plane, trait, value)
    assert getattr(plane, trait) == before
