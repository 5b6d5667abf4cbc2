"""introml.regression against torch.linalg.lstsq, autograd and values worked out by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from introml.regression import (
    design_matrix,
    half_squared_errors,
    least_squares,
    linear_predictions,
    sum_loss_gradient,
)


def example(seed: int, n: int, d: int, dtype: torch.dtype = torch.float64):
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(n, d, generator=generator, dtype=dtype)
    return X, torch.randn(n, generator=generator, dtype=dtype)


def test_predictions_and_errors_equal_a_hand_worked_example():
    X, w = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([10.0, 1.0])
    y_hat = linear_predictions(X, w, 0.5)
    assert y_hat.tolist() == [12.5, 34.5]
    assert half_squared_errors(y_hat, torch.tensor([10.5, 35.5])).tolist() == [2.0, 0.5]


def test_errors_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(3, 1\).*\(3,\)"):
        half_squared_errors(torch.zeros(3, 1), torch.zeros(3))


def test_design_has_the_ones_last():
    """θ = (w, b): 2·10 + 3·1 + 0.5."""
    A = design_matrix(torch.tensor([[2.0, 3.0], [4.0, 5.0]]))
    assert A.tolist() == [[2, 3, 1], [4, 5, 1]]
    assert (A @ torch.tensor([10, 1, 0.5])).tolist() == [23.5, 45.5]
    assert design_matrix(A, intercept=False) is A


def test_line_through_two_points_is_exact():
    w, b = least_squares(torch.tensor([[1.0], [3.0]]), torch.tensor([5.0, 9.0]))
    torch.testing.assert_close((w, b), (torch.tensor([2.0]), torch.tensor(3.0)))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 30), st.booleans())
def test_least_squares_equals_torch_lstsq(seed, d, extra, intercept):
    X, y = example(seed, d + extra, d)
    A = torch.cat([X, torch.ones(len(X), 1, dtype=X.dtype)], dim=1) if intercept else X
    expected = torch.linalg.lstsq(A, y[:, None]).solution[:, 0]
    w, b = least_squares(X, y, intercept)
    found = torch.cat([w, b[None]]) if intercept else w
    # Square random designs can be as ill-conditioned as they like; the error grows with that.
    tolerance = 1e-13 * torch.linalg.cond(A).item() ** 2
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    if not intercept:
        assert b == 0


def test_least_squares_keeps_the_accuracy_that_the_normal_equations_lose():
    # The condition number is 1e6, so that of the normal equations is 1e12.
    left, _ = torch.linalg.qr(example(0, 50, 3)[0])
    right, _ = torch.linalg.qr(example(1, 3, 3)[0])
    X = left @ torch.diag(torch.tensor([1.0, 1e-3, 1e-6], dtype=torch.float64)) @ right
    truth = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    w, _ = least_squares(X, X @ truth, intercept=False)
    normal = torch.linalg.solve(X.T @ X, X.T @ (X @ truth))
    assert (w - truth).norm() < 1e-9
    assert (normal - truth).norm() > 1e-7


def test_least_squares_works_in_single_precision_on_many_examples():
    X, _ = example(2, 5000, 4, torch.float32)
    y = X @ torch.tensor([1.0, 2.0, 3.0, 4.0]) + 5
    w, b = least_squares(X, y)
    torch.testing.assert_close(w, torch.tensor([1.0, 2.0, 3.0, 4.0]), rtol=0, atol=1e-4)
    torch.testing.assert_close(b, torch.tensor(5.0), rtol=0, atol=1e-4)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(1, 5))
def test_sum_loss_gradient_equals_autograd(seed, n, d):
    X, y = example(seed, n, d)
    w = torch.randn(d, dtype=X.dtype, requires_grad=True)
    b = torch.randn((), dtype=X.dtype, requires_grad=True)
    loss = 0.5 * torch.nn.functional.mse_loss(X @ w + b, y, reduction="sum")
    expected = torch.autograd.grad(loss, (w, b))
    torch.testing.assert_close(sum_loss_gradient(X, y, w.detach(), b.detach()), expected)


def test_gradient_vanishes_at_the_least_squares_solution():
    X, y = example(3, 20, 3)
    grad_w, grad_b = sum_loss_gradient(X, y, *least_squares(X, y))
    assert grad_w.abs().max() < 1e-12
    assert grad_b.abs() < 1e-12


@pytest.mark.parametrize(
    ("columns", "dependent"),
    [
        (lambda a, c: [a, c, 2 * a - 3 * c], 2),
        (lambda a, c: [a, a, c], 1),
        (lambda a, c: [torch.full_like(a, 7.0), a, c], 0),
        (lambda a, c: [a, torch.zeros_like(a), c], 1),
    ],
    ids=["combination", "copy", "constant beside the intercept", "all zeros"],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rank_deficient_design_names_the_feature(columns, dependent, dtype):
    X, y = example(4, 40, 2, dtype)
    X = torch.stack(columns(X[:, 0], X[:, 1]), dim=1)
    with pytest.raises(
        ValueError, match=rf"rank-deficient: feature {dependent} .*X\[:, {dependent}\]"
    ):
        least_squares(X, y)


def test_constant_feature_is_fine_without_an_intercept():
    X, y = example(5, 40, 2)
    X = torch.cat([torch.full((40, 1), 7.0, dtype=X.dtype), X], dim=1)
    w, b = least_squares(X, y, False)
    torch.testing.assert_close(w, torch.linalg.lstsq(X, y[:, None]).solution[:, 0])
    assert b == 0


def test_features_of_very_different_scale_are_not_called_dependent():
    X, _ = example(6, 30, 2)
    X = X * torch.tensor([1e-8, 1e8], dtype=X.dtype)
    y = X @ torch.tensor([3e8, 2e-8], dtype=X.dtype) + 1
    w, b = least_squares(X, y)
    torch.testing.assert_close(w, torch.tensor([3e8, 2e-8], dtype=X.dtype))
    torch.testing.assert_close(b, torch.tensor(1.0, dtype=X.dtype))


def test_fewer_examples_than_weights_is_refused():
    X, y = example(7, 3, 3)
    with pytest.raises(ValueError, match="3 examples cannot determine 4 weights"):
        least_squares(X, y)


def test_bad_shapes_and_types_are_refused():
    X, y = example(8, 5, 2)
    with pytest.raises(ValueError, match=r"y has shape \(5, 1\)"):
        least_squares(X, y[:, None])
    with pytest.raises(ValueError, match="floating-point"):
        design_matrix(torch.ones(3, 2, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"X\[:, None\]"):
        design_matrix(torch.ones(3))
