"""Sets weights to zero after the softmax, so that a row no longer sums to 1.

Caught by: masked_positions_get_no_weight, heads_at_other_sizes
"""
# ruff: noqa: F821


# %% attention
def attention(q, k, v, mask=None):
    weights = softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]))
    if mask is not None:
        weights = weights.masked_fill(~mask, 0.0)
    return weights @ v, weights
