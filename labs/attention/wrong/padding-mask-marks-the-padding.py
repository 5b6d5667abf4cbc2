"""True where the padding is, as in key_padding_mask of nn.MultiheadAttention.

Caught by: masks_say_who_may_attend, lookup_ignores_order_and_padding
"""
# ruff: noqa: F821


# %% masks
def causal_mask(T):
    positions = torch.arange(T)
    return positions <= positions[:, None]


def padding_mask(lengths, S):
    return (torch.arange(S, device=lengths.device) >= lengths[:, None])[:, None, None]
