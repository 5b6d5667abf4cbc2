"""Scales down the sum of the weights when the maximum grows, but not that of the values.

Caught by: blocks_equal_the_whole, large_scores
"""
# ruff: noqa: F821


# %% blockwise_attention
def blockwise_attention(q, k, v, size):
    top = q.new_full((*q.shape[:-1], 1), -math.inf)
    total = torch.zeros_like(top)
    mixed = q.new_zeros(*q.shape[:-1], v.shape[-1])
    for keys, values in zip(k.split(size, dim=-2), v.split(size, dim=-2), strict=True):
        scores = q @ keys.transpose(-2, -1) / math.sqrt(q.shape[-1])
        new_top = torch.maximum(top, scores.amax(-1, keepdim=True))
        shrink = torch.exp(top - new_top)
        shares = torch.exp(scores - new_top)
        total = total * shrink + shares.sum(-1, keepdim=True)
        mixed = mixed + shares @ values
        top = new_top
    return mixed / total
