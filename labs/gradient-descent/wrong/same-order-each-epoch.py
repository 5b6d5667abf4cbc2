"""Shuffles once, before the loop over the epochs.

Caught by: shuffled_anew
"""
# ruff: noqa: F821


# %% shuffled_batches
def shuffled_batches(n, batch_size, epochs):
    order = torch.randperm(n)
    return [list(order.split(batch_size)) for _ in range(epochs)]
