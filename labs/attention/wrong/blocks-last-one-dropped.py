"""Leaves out the last block when size does not divide the number of keys.

Caught by: blocks_equal_the_whole
"""
# ruff: noqa: F821


# %% blockwise_attention
def blockwise_attention(q, k, v, size):
    top = q.new_full((*q.shape[:-1], 1), -math.inf)
    total = torch.zeros_like(top)
    mixed = q.new_zeros(*q.shape[:-1], v.shape[-1])
    for keys, values in [
        (k[..., i : i + size, :], v[..., i : i + size, :])
        for i in range(0, k.shape[-2] - size + 1, size)
    ]:
        scores = q @ keys.transpose(-2, -1) / math.sqrt(q.shape[-1])
        new_top = torch.maximum(top, scores.amax(-1, keepdim=True))
        shrink = torch.exp(top - new_top)
        shares = torch.exp(scores - new_top)
        total = total * shrink + shares.sum(-1, keepdim=True)
        mixed = mixed * shrink + shares @ values
        top = new_top
    return mixed / total
