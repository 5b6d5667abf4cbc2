"""Divides by the root of the width d, not by that of a head's D.

Caught by: heads_equal_torch
"""
# ruff: noqa: F821


# %% multi_head_attention
class MultiHeadAttention(nn.Module):
    def __init__(self, d, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.q_proj = nn.Linear(d, d)
        self.k_proj = nn.Linear(d, d)
        self.v_proj = nn.Linear(d, d)
        self.out_proj = nn.Linear(d, d)

    def forward(self, x, context=None, mask=None):
        context = x if context is None else context
        parts = (self.q_proj(x), self.k_proj(context), self.v_proj(context))
        q, k, v = (part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for part in parts)
        output, weights = attention(q / math.sqrt(self.num_heads), k, v, mask)
        joined = output.transpose(1, 2).flatten(2)
        return self.out_proj(joined), weights
