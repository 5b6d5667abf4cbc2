"""Puts all sines in the first half of a row and all cosines in the second.

Caught by: positions_interleave, positions_at_other_sizes
"""
# ruff: noqa: F821


# %% positions
def positions(T, d):
    speeds = 10000.0 ** (-torch.arange(0, d, 2) / d)
    angles = torch.arange(T)[:, None] * speeds
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
