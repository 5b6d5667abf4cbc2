"""The lab on attention solved in quite another way: einsum, log-sum-exp, one head after another.

It must pass every check: a check that fails here is about the way of writing, not about the result.
"""
# ruff: noqa: F821


# %% softmax
def softmax(x):
    empty = torch.isneginf(x).all(dim=-1, keepdim=True)
    kept = torch.where(empty, torch.zeros_like(x), x)  # no NaN arises, not even in the gradient
    return torch.exp(kept - torch.logsumexp(kept, dim=-1, keepdim=True)) * ~empty


# %% masks
def causal_mask(T):
    return torch.tensor([[s <= t for s in range(T)] for t in range(T)])


def padding_mask(lengths, S):
    mask = torch.zeros(len(lengths), 1, 1, S, dtype=torch.bool, device=lengths.device)
    for row, length in enumerate(lengths):
        mask[row, 0, 0, :length] = True
    return mask


# %% attention
def attention(q, k, v, mask=None):
    scores = torch.einsum("...td,...sd->...ts", q * q.shape[-1] ** -0.5, k)
    if mask is not None:
        scores = scores + torch.zeros_like(scores).masked_fill(mask.logical_not(), float("-inf"))
    weights = softmax(scores)
    return torch.einsum("...ts,...sv->...tv", weights, v), weights


# %% multi_head_attention
class MultiHeadAttention(nn.Module):
    def __init__(self, d, num_heads):
        super().__init__()
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            self.add_module(name, nn.Linear(d, d))
        self.heads = [slice(h * d // num_heads, (h + 1) * d // num_heads) for h in range(num_heads)]

    def forward(self, x, context=None, mask=None):
        source = context if context is not None else x
        q, k, v = self.q_proj(x), self.k_proj(source), self.v_proj(source)
        full = (len(x), len(self.heads), x.shape[1], source.shape[1])
        outputs, weights = [], []
        for h, part in enumerate(self.heads):
            own = None if mask is None else mask.expand(full)[:, h]
            result = attention(q[..., part], k[..., part], v[..., part], own)
            outputs.append(result[0])
            weights.append(result[1])
        return self.out_proj(torch.cat(outputs, dim=2)), torch.stack(weights, dim=1)


# %% positions
def positions(T, d):
    table = torch.empty(T, d)
    for t in range(T):
        for column in range(d):
            angle = t / 10000 ** ((column - column % 2) / d)
            table[t, column] = math.cos(angle) if column % 2 else math.sin(angle)
    return table


# %% lookup_model
class LookupModel(nn.Module):
    def __init__(self, num_names, num_values, d, num_heads):
        super().__init__()
        # Both parts of a pair in one table, the values after the names; and a hidden layer to read.
        self.shift = num_names
        self.pairs = nn.Embedding(num_names + num_values, d)
        self.asked = nn.Parameter(torch.randn(num_names, d))
        self.layer = MultiHeadAttention(d, num_heads)
        self.read = nn.Sequential(nn.Linear(d, 2 * d), nn.ReLU(), nn.Linear(2 * d, num_values))

    def forward(self, names, values, lengths, questions):
        pairs = self.pairs(torch.stack([names, values + self.shift], dim=-1)).sum(dim=-2)
        mask = padding_mask(lengths, names.size(1))
        query = self.asked[questions].unsqueeze(1)
        return self.read(self.layer(query, context=pairs, mask=mask)[0].squeeze(1))


# %% blockwise_attention
def blockwise_attention(q, k, v, size):
    # By the logarithm of the sum so far: the output is moved towards that of the new block.
    output = torch.zeros(*q.shape[:-1], v.shape[-1], dtype=q.dtype, device=q.device)
    so_far = torch.full((*q.shape[:-1], 1), float("-inf"), dtype=q.dtype, device=q.device)
    for start in range(0, k.shape[-2], size):
        keys, values = k[..., start : start + size, :], v[..., start : start + size, :]
        scores = torch.einsum("...td,...sd->...ts", q, keys) / q.shape[-1] ** 0.5
        block = torch.logsumexp(scores, dim=-1, keepdim=True)
        both = torch.logaddexp(so_far, block)
        own = torch.einsum("...ts,...sv->...tv", torch.exp(scores - both), values)
        output = output * torch.exp(so_far - both) + own
        so_far = both
    return output
