"""Takes target minus prediction, so that the gradient points downhill.

Caught by: gradient_of_the_mean_loss, converges_up_to_the_bound
"""
# ruff: noqa: F821


# %% gradient
def gradient(X, y, w, b):
    errors = y - predict(X, w, b)
    return X.T @ errors / len(y), errors.mean()
