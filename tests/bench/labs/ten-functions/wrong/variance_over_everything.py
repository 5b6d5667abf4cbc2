"""Takes the mean and the variance over all axes instead of the last.

Caught by: layer_norm_is_right, layer_norm_of_three_axes
"""
# ruff: noqa: F821


# %% layer_norm
def layer_norm(x, eps=1e-5):
    return (x - x.mean()) / torch.sqrt(x.var(correction=0) + eps)
