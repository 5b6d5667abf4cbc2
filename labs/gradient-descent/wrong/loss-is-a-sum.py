"""Adds the losses of the examples up and forgets to divide by n.

Caught by: predictions_and_loss, right_updates
"""


# %% mean_loss
def predict(X, w, b):
    return X @ w + b


def mean_loss(X, y, w, b):
    errors = predict(X, w, b) - y
    return (0.5 * errors**2).sum()
