"""Takes the softmax within each block and averages the outputs of the blocks.

Caught by: blocks_equal_the_whole
"""
# ruff: noqa: F821


# %% blockwise_attention
def blockwise_attention(q, k, v, size):
    blocks = zip(k.split(size, dim=-2), v.split(size, dim=-2), strict=True)
    return torch.stack([attention(q, keys, values)[0] for keys, values in blocks]).mean(0)
