"""Forgets the factor 2 of the derivative of a square.

Caught by: gradient_is_right, gradient_agrees_with_loss, step_goes_downhill
"""


# %% gradient
def gradient(w, x, y):
    return x.T @ (x @ w - y) / len(y)
