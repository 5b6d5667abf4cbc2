"""Detaches the keys on the way: the values are right, the gradients are not.

Caught by: gradients_equal_torch
"""
# ruff: noqa: F821


# %% attention
def attention(q, k, v, mask=None):
    scores = q @ k.detach().transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = softmax(scores)
    return weights @ v, weights
