"""Computes in float32 and returns float32, whatever came in.

Caught by: attention_in_other_dtypes
"""
# ruff: noqa: F821


# %% attention
def attention(q, k, v, mask=None):
    q, k, v = q.float(), k.float(), v.float()
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = softmax(scores)
    return weights @ v, weights
