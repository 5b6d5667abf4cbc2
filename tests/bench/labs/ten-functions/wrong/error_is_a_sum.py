"""Adds the squares up instead of averaging them.

Caught by: the_error_is_a_mean
"""


# %% mean_squared_error
def mean_squared_error(y_hat, y):
    return ((y_hat - y) ** 2).sum()
