"""Masks with −10⁹ in place of −∞: a query that may see nothing then sees everything.

Caught by: query_that_sees_nothing
"""
# ruff: noqa: F821


# %% attention
def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -1e9)
    weights = softmax(scores)
    return weights @ v, weights
