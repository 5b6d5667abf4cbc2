"""introml.momentum against eigenvalues by numpy, and against runs of torch's SGD."""

import numpy as np
import pytest
import torch

from introml.momentum import best_pair, convergence_rate, update_matrix

RNG = np.random.default_rng(0)
CASES = [
    (10 ** RNG.uniform(-2, 2), share, RNG.uniform(0, 1)) for share in RNG.uniform(0.001, 4.5, 1000)
]


def test_the_matrix_makes_torchs_steps():
    for curvature, share, rho in CASES[:100]:
        lr = share / curvature
        parameter = torch.nn.Parameter(torch.ones((), dtype=torch.float64))
        optimizer = torch.optim.SGD([parameter], lr=lr, momentum=rho)
        state = torch.tensor([0.0, 1.0], dtype=torch.float64)  # v, e
        for _ in range(10):
            optimizer.zero_grad()
            (curvature * parameter**2 / 2).backward()
            optimizer.step()
            state = update_matrix(curvature, lr, rho) @ state
            torch.testing.assert_close(state[1], parameter.detach(), rtol=1e-9, atol=1e-9)


def test_the_rate_is_the_largest_eigenvalue_in_size():
    for curvature, share, rho in CASES:
        lr = share / curvature
        matrix = np.array([[rho, curvature], [-lr * rho, 1 - lr * curvature]])
        expected = np.abs(np.linalg.eigvals(matrix)).max()
        # Where two roots meet, a rounding of 1e-16 moves them by its square root.
        assert convergence_rate(curvature, lr, rho) == pytest.approx(expected, rel=1e-6)


def test_complex_roots_have_the_size_root_rho_and_not_twice_that():
    roots = np.linalg.eigvals(update_matrix(1.0, 0.5, 0.81).numpy())
    assert abs(roots.imag).min() > 0
    assert abs(roots) == pytest.approx(0.9)
    assert convergence_rate(1.0, 0.5, 0.81) == pytest.approx(0.9)


def test_it_converges_up_to_two_times_one_plus_rho_over_the_curvature():
    for curvature, _, rho in CASES:
        bound = 2 * (1 + rho) / curvature
        assert convergence_rate(curvature, 0.999 * bound, rho) < 1
        assert convergence_rate(curvature, 1.001 * bound, rho) > 1


@pytest.mark.parametrize("kappa", [1, 2, 9, 25, 100, 1e4])
def test_no_other_pair_is_better_on_both_curvatures(kappa):
    flat, steep = 0.3, 0.3 * kappa
    best = best_pair(flat, steep)

    def worst(lr, rho):
        return max(convergence_rate(value, lr, rho) for value in (flat, steep))

    assert worst(best.lr, best.rho) == pytest.approx(best.rate, abs=1e-6)
    for lr in best.lr * np.linspace(0.05, 2, 60):
        for rho in np.linspace(0, 1, 60):
            assert worst(lr, rho) >= best.rate - 1e-9


def test_a_valley_of_nine_by_hand():
    """λ = 1 and 9: η = 4/16, r = 2/4, ρ = 1/4."""
    assert best_pair(1, 9) == pytest.approx((0.25, 0.25, 0.5))


@pytest.mark.parametrize("values", [(0, 1), (2, 1), (-1, 1)])
def test_curvatures_out_of_order_are_refused(values):
    with pytest.raises(ValueError, match="flat"):
        best_pair(*values)


@pytest.mark.parametrize("values", [(0, 1, 0.5), (1, 0, 0.5), (1, 1, -0.1), (1, 1, 1.1)])
def test_settings_that_make_no_sense_are_refused(values):
    with pytest.raises(ValueError, match="must be positive"):
        convergence_rate(*values)
