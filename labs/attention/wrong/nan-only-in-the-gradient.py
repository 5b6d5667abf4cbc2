"""Hides the NaN of an empty row with torch.where: the values are right, but 0 · NaN stays in the
gradient.

Caught by: query_that_sees_nothing
"""
# ruff: noqa: F821


# %% softmax
def softmax(x):
    shares = torch.exp(x - torch.logsumexp(x, dim=-1, keepdim=True))
    return torch.where((x == -torch.inf).all(dim=-1, keepdim=True), torch.zeros_like(x), shares)


# %% attention
def attention(q, k, v, mask=None):
    scores = torch.einsum("...td,...sd->...ts", q * q.shape[-1] ** -0.5, k)
    if mask is not None:
        scores = scores + torch.zeros_like(scores).masked_fill(mask.logical_not(), float("-inf"))
    weights = torch.nan_to_num(softmax(scores))
    return torch.einsum("...ts,...sv->...tv", weights, v), weights
