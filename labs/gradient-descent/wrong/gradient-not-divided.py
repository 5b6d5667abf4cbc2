"""The gradient of the sum: the factor 1/n is missing.

Caught by: gradient_of_the_mean_loss, converges_up_to_the_bound
"""
# ruff: noqa: F821


# %% gradient
def gradient(X, y, w, b):
    errors = predict(X, w, b) - y
    return X.T @ errors, errors.sum()
