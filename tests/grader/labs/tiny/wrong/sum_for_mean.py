"""Adds the squares up instead of averaging them, so the loss grows with the data.

Caught by: loss_is_a_mean, loss_at_any_size
"""


# %% loss
def loss(w, x, y):
    return ((x @ w - y) ** 2).sum()
