"""The exponent is i/d in place of 2i/d, so the clocks slow down half as much.

Caught by: positions_interleave, positions_at_other_sizes
"""
# ruff: noqa: F821


# %% positions
def positions(T, d):
    speeds = 10000.0 ** (-torch.arange(d // 2) / d)
    angles = torch.arange(T)[:, None] * speeds
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
