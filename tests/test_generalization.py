"""introml.generalization against numpy.polynomial and the ridge equations."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import legendre, polynomial

from introml.generalization import (
    evaluate_polynomial,
    fit_polynomial,
    k_folds,
    polynomial_features,
)


def sample(seed: int, n: int):
    generator = torch.Generator().manual_seed(seed)
    x = 2 * torch.rand(n, generator=generator, dtype=torch.float64) - 1
    return x, torch.sin(3 * x) + torch.randn(n, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("degree", [0, 1, 2, 5, 20])
def test_features_equal_numpys_legendre_polynomials(degree):
    x, _ = sample(0, 30)
    expected = torch.from_numpy(legendre.legvander(x.numpy(), degree))
    torch.testing.assert_close(polynomial_features(x, degree), expected)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(0, 9))
def test_fit_equals_numpys_legfit(seed, degree):
    x, y = sample(seed, 40)
    expected = torch.from_numpy(legendre.legfit(x.numpy(), y.numpy(), degree))
    torch.testing.assert_close(fit_polynomial(x, y, degree), expected, rtol=1e-8, atol=1e-8)


def test_fitted_curve_is_that_of_the_powers():
    x, y = sample(1, 40)
    powers = polynomial.polyfit(x.numpy(), y.numpy(), 6)
    grid = np.linspace(-1, 1, 50)
    found = evaluate_polynomial(fit_polynomial(x, y, 6), torch.from_numpy(grid))
    torch.testing.assert_close(found, torch.from_numpy(polynomial.polyval(grid, powers)))


def test_legendre_columns_stay_apart_where_powers_grow_collinear():
    x = np.linspace(-1, 1, 200)
    ours = np.linalg.cond(polynomial_features(torch.from_numpy(x), 20).numpy())
    powers = np.linalg.cond(polynomial.polyvander(x, 20))
    assert ours < 20
    assert powers > 1e7


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(0, 30), st.floats(1e-3, 1e3))
def test_penalized_fit_solves_the_ridge_equations(seed, degree, l2):
    x, y = sample(seed, 25)
    A = legendre.legvander(x.numpy(), degree)
    penalty = l2 * np.diag([0.0] + [1.0] * degree)
    expected = np.linalg.solve(A.T @ A + penalty, A.T @ y.numpy())
    found = fit_polynomial(x, y, degree, l2)
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=1e-6, atol=1e-8)


def test_penalty_leaves_the_constant_alone():
    x, y = sample(2, 30)
    low, high = fit_polynomial(x, y, 5, l2=10.0), fit_polynomial(x, y + 100, 5, l2=10.0)
    shift = torch.tensor([100.0, 0, 0, 0, 0, 0], dtype=x.dtype)
    torch.testing.assert_close(high - low, shift, rtol=0, atol=1e-10)


def test_degree_that_interpolates_passes_through_every_point():
    x, y = sample(3, 6)
    torch.testing.assert_close(evaluate_polynomial(fit_polynomial(x, y, 5), x), y)


def test_too_few_points_are_refused_unless_penalized():
    x, y = sample(4, 5)
    with pytest.raises(ValueError, match="rank-deficient"):
        fit_polynomial(x, y, 5)
    with pytest.raises(ValueError, match="rank-deficient"):
        fit_polynomial(x.repeat(3), y.repeat(3), 5)
    assert fit_polynomial(x, y, 5, l2=1e-3).isfinite().all()


def test_bad_arguments_are_refused():
    x, y = sample(5, 5)
    with pytest.raises(ValueError, match="degree is -1"):
        polynomial_features(x, -1)
    with pytest.raises(ValueError, match=r"\(5, 1\)"):
        polynomial_features(x[:, None], 2)
    with pytest.raises(ValueError, match="l2 is -1"):
        fit_polynomial(x, y, 2, l2=-1)


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 40), st.data())
def test_k_folds_validate_on_each_example_once(n, data):
    k = data.draw(st.integers(2, n))
    folds = k_folds(n, k, torch.Generator().manual_seed(0))
    assert len(folds) == k
    assert sorted(torch.cat([validation for _, validation in folds]).tolist()) == list(range(n))
    for train, validation in folds:
        assert sorted(train.tolist() + validation.tolist()) == list(range(n))
        assert n // k <= len(validation) <= -(-n // k)


def test_k_folds_shuffle_and_repeat_with_the_seed():
    def order(seed):
        folds = k_folds(20, 4, torch.Generator().manual_seed(seed))
        return torch.cat([validation for _, validation in folds]).tolist()

    assert order(0) == order(0)
    assert order(0) != order(1)
    assert order(0) != list(range(20))


@pytest.mark.parametrize("k", [1, 6])
def test_k_out_of_range_is_refused(k):
    with pytest.raises(ValueError, match="it must be 2 to 5"):
        k_folds(5, k, torch.Generator())
