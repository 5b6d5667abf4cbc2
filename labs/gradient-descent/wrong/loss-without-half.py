"""The mean squared error, without the ½ of the task.

Caught by: predictions_and_loss, gradient_at_other_sizes
"""


# %% mean_loss
def predict(X, w, b):
    return X @ w + b


def mean_loss(X, y, w, b):
    errors = predict(X, w, b) - y
    return (errors**2).mean()
