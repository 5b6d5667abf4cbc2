"""Cuts the data in order and shuffles the batches, so that the same examples always meet.

Caught by: shuffled_anew
"""
# ruff: noqa: F821


# %% shuffled_batches
def shuffled_batches(n, batch_size, epochs):
    batches = torch.arange(n).split(batch_size)
    full = len(batches) - 1 if n % batch_size else len(batches)
    result = []
    for _ in range(epochs):
        order = torch.randperm(full).tolist()
        result.append([batches[i] for i in order] + list(batches[full:]))
    return result
