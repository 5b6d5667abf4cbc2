"""Linear regression: predictions, the half squared error, its gradient, and the exact solution.

Letters: `n` examples, `d` features, `p` columns of the design (`d`, or `d + 1` with the ones
column).
"""

import torch
from torch import Tensor


def linear_predictions(X: Tensor, w: Tensor, b: Tensor | float) -> Tensor:
    """ŷ = Xw + b.

    `X` (n, d), `w` (d,), `b` a number -> (n,).
    Taught in {ref}`sec-linear-regression`.
    """
    return X @ w + b


def half_squared_errors(y_hat: Tensor, y: Tensor) -> Tensor:
    """l = ½(ŷ − y)², one value per example.

    `y_hat` and `y` of the same shape -> that shape.
    Raises `ValueError` when the shapes differ: (n,) against (n, 1) would broadcast to (n, n), and
    training would minimize the wrong sum.
    Taught in {ref}`sec-linear-regression`.
    """
    if y_hat.shape != y.shape:
        raise ValueError(
            f"y_hat has shape {tuple(y_hat.shape)} and y has shape {tuple(y.shape)}; "
            "they must be the same: reshape one of them."
        )
    return 0.5 * (y_hat - y) ** 2


def sum_loss_gradient(X: Tensor, y: Tensor, w: Tensor, b: Tensor | float) -> tuple[Tensor, Tensor]:
    """∇L = (Xᵀ(ŷ − y), Σ(ŷ − y)) of L = Σ ½(ŷ − y)², a sum over the examples, not a mean.

    `X` (n, d), `y` (n,), `w` (d,), `b` a number -> gradients of shape (d,) and (). Divide both by n
    for the mean.
    Taught in {ref}`sec-linear-regression`.
    """
    errors = linear_predictions(X, w, b) - y
    return X.T @ errors, errors.sum()


def design_matrix(X: Tensor, intercept: bool = True) -> Tensor:
    """A = [X 1]: the intercept becomes the last weight, that of a feature that is always one.

    So the parameters in one vector are θ = (w, b), and Aθ = Xw + b. `X` (n, d) -> (n, d + 1), or
    `X` itself when there is no intercept.
    Taught in {ref}`sec-linear-regression`.
    """
    if X.ndim != 2 or not X.is_floating_point():
        raise ValueError(
            f"X has shape {tuple(X.shape)} and type {X.dtype}; it must be a floating-point matrix "
            "(n, d): use X.float(), and X[:, None] for a single feature."
        )
    return torch.cat([X, X.new_ones(len(X), 1)], dim=1) if intercept else X


def least_squares(X: Tensor, y: Tensor, intercept: bool = True) -> tuple[Tensor, Tensor]:
    """(w, b) that minimize Σ ½(xᵢ·w + b − yᵢ)², from the normal equations AᵀA θ = Aᵀy.

    With A = QR the normal equations become Rθ = Qᵀy, which keeps the condition number of A rather
    than that of AᵀA, its square. `X` (n, d), `y` (n,) -> `w` (d,) and `b` (), zero without an
    intercept.

    Raises `ValueError` when many weights fit equally well: fewer examples than weights, or a column
    that is a combination of the columns before it.
    Source: Golub and Van Loan, Matrix Computations, 4th ed., 5.3.
    Taught in {ref}`sec-linear-regression`.
    """
    A = design_matrix(X, intercept)
    n, p = A.shape
    if y.shape != (n,):
        raise ValueError(f"y has shape {tuple(y.shape)}; with {n} rows in X it must be ({n},).")
    if n < p:
        raise ValueError(
            f"The design is rank-deficient: {n} examples cannot determine {p} weights. "
            "Use more examples or fewer features, or add an l2 penalty."
        )
    # The ones go first here: of a constant feature and the ones, the feature is then refused.
    R, z = _triangularize(A.roll(1, dims=1) if intercept else A, y, intercept)
    theta = _back_substitute(R, z).to(X.dtype)
    return (theta[1:], theta[0]) if intercept else (theta, theta.new_zeros(()))


def _triangularize(A: Tensor, y: Tensor, intercept: bool) -> tuple[Tensor, Tensor]:
    """R (p, p) and the first p entries of Qᵀy, by one Householder reflection per column."""
    n, p = A.shape
    lengths = A.norm(dim=0)
    tolerance = max(n, p) * torch.finfo(A.dtype).eps
    # y rides along as one more column: what Q does to the design it does to the targets. In double
    # precision, because each product below is a sum over all the examples.
    columns = torch.cat([A, y[:, None]], dim=1).double()
    for j in range(p):
        v = columns[j:, j].clone()
        # What is left of column j after removing the columns before it. Rounding leaves a little.
        remainder = v.norm()
        if remainder <= tolerance * lengths[j]:
            raise ValueError(_dependent_column(j, intercept))
        # Reflecting away from the column's own sign adds two numbers of one sign: no cancellation.
        v[0] += remainder if v[0] >= 0 else -remainder
        v /= v.norm()
        columns[j:] -= 2 * torch.outer(v, v @ columns[j:])
    return columns[:p, :p].triu(), columns[:p, p]


def _back_substitute(R: Tensor, z: Tensor) -> Tensor:
    """θ with Rθ = z, from the last weight up."""
    theta = torch.zeros_like(z)
    for j in reversed(range(len(z))):
        theta[j] = (z[j] - R[j, j + 1 :] @ theta[j + 1 :]) / R[j, j]
    return theta


def _dependent_column(j: int, intercept: bool) -> str:
    feature = j - 1 if intercept else j
    others = "the features before it" + (" and the constant 1" if intercept else "")
    return (
        f"The design is rank-deficient: feature {feature} (column X[:, {feature}]) is zero or "
        f"a linear combination of {others}, so many weights fit equally well. "
        "Drop that feature, or add an l2 penalty."
    )
