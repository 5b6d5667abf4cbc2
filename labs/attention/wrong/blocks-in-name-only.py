"""Makes the whole table of scores after all.

Caught by: blocks_equal_the_whole, blocks_keep_memory_small
"""
# ruff: noqa: F821


# %% blockwise_attention
def blockwise_attention(q, k, v, size):
    return attention(q, k, v)[0]
