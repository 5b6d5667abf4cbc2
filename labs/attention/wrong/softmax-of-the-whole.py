"""Divides by the sum of all entries and not by that of the row.

Caught by: softmax_of_rows, attention_equals_torch
"""
# ruff: noqa: F821


# %% softmax
def softmax(x):
    exponentials = torch.exp(x - x.max())
    return exponentials / exponentials.sum()
