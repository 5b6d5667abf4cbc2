"""Divides by the square root of the number of keys in place of that of D.

Caught by: attention_equals_torch, attention_in_other_dtypes
"""
# ruff: noqa: F821


# %% attention
def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(k.shape[-2])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = softmax(scores)
    return weights @ v, weights
