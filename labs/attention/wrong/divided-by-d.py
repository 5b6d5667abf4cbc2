"""Divides the scores by D and forgets the square root.

Caught by: attention_equals_torch, heads_equal_torch
"""
# ruff: noqa: F821


# %% attention
def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / q.shape[-1]
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = softmax(scores)
    return weights @ v, weights
