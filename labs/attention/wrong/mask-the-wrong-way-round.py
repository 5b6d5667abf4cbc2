"""Takes True for "may not attend", as nn.MultiheadAttention does.

Caught by: masked_positions_get_no_weight, nothing_from_later
"""
# ruff: noqa: F821


# %% attention
def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask, -math.inf)
    weights = softmax(scores)
    return weights @ v, weights
