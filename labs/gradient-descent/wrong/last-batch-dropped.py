"""Makes full batches only, so what is left at the end of an epoch is never used.

Caught by: every_example_once, training_finds_the_line
"""
# ruff: noqa: F821


# %% shuffled_batches
def shuffled_batches(n, batch_size, epochs):
    result = []
    for _ in range(epochs):
        order = torch.randperm(n)
        starts = range(0, n - batch_size + 1, batch_size)
        result.append([order[i : i + batch_size] for i in starts])
    return result
