"""Moves w first, and computes the gradient for b at the new w.

Caught by: one_update
"""
# ruff: noqa: F821


# %% update
def update(X, y, w, b, lr):
    w = w - lr * gradient(X, y, w, b)[0]
    b = b - lr * gradient(X, y, w, b)[1]
    return w, b
