"""Leaves a row of −∞ alone to 0/0, which is NaN.

Caught by: softmax_of_rows, query_that_sees_nothing
"""
# ruff: noqa: F821


# %% softmax
def softmax(x):
    exponentials = torch.exp(x - x.amax(-1, keepdim=True))
    return exponentials / exponentials.sum(-1, keepdim=True)
