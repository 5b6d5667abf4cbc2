"""Draws each batch anew, with replacement: some examples come twice and others not at all.

Caught by: every_example_once
"""
# ruff: noqa: F821


# %% shuffled_batches
def shuffled_batches(n, batch_size, epochs):
    sizes = [min(batch_size, n - i) for i in range(0, n, batch_size)]
    return [[torch.randint(n, (size,)) for size in sizes] for _ in range(epochs)]
