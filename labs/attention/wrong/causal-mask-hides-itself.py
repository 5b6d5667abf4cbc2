"""The causal mask is strict: a position may not look at itself.

Caught by: masks_say_who_may_attend
"""
# ruff: noqa: F821


# %% masks
def causal_mask(T):
    positions = torch.arange(T)
    return positions < positions[:, None]


def padding_mask(lengths, S):
    return (torch.arange(S, device=lengths.device) < lengths[:, None])[:, None, None]
