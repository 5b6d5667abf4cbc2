"""Adds the gradient instead of subtracting it.

Caught by: one_update, converges_up_to_the_bound
"""
# ruff: noqa: F821


# %% update
def update(X, y, w, b, lr):
    dw, db = gradient(X, y, w, b)
    return w + lr * dw, b + lr * db
