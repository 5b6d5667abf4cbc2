"""Each column has a speed of its own, so a sine and its cosine do not belong together.

Caught by: positions_interleave, positions_at_other_sizes
"""
# ruff: noqa: F821


# %% positions
def positions(T, d):
    angles = torch.arange(T)[:, None] * 10000.0 ** (-torch.arange(d) / d)
    table = torch.zeros(T, d)
    table[:, 0::2] = angles[:, 0::2].sin()
    table[:, 1::2] = angles[:, 1::2].cos()
    return table
