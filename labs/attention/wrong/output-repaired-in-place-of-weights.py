"""Lets rows that see nothing become NaN, and repairs only the output.

Caught by: query_that_sees_nothing
"""
# ruff: noqa: F821


# %% softmax
def softmax(x):
    exponentials = torch.exp(x - x.amax(-1, keepdim=True))
    return exponentials / exponentials.sum(-1, keepdim=True)


# %% attention
def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = softmax(scores)
    return (weights @ v).nan_to_num(), weights
