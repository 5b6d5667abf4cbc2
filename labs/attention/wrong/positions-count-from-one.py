"""Numbers the positions from 1.

Caught by: positions_interleave
"""
# ruff: noqa: F821


# %% positions
def positions(T, d):
    speeds = 10000.0 ** (-torch.arange(0, d, 2) / d)
    angles = torch.arange(1, T + 1)[:, None] * speeds
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
