"""Divides the gradient for w by n, but not the one for b.

Caught by: gradient_of_the_mean_loss, gradient_at_other_sizes
"""
# ruff: noqa: F821


# %% gradient
def gradient(X, y, w, b):
    errors = predict(X, w, b) - y
    return X.T @ errors / len(y), errors.sum()
