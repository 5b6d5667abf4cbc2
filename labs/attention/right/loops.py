"""The lab on attention solved by loops: over rows, queries, keys and heads.

It must pass every check: a check that fails here is about the way of writing, not about the result.
"""
# ruff: noqa: F821


# %% softmax
def softmax(x):
    rows = []
    for row in x.reshape(-1, x.shape[-1]):
        top = row.max()
        if top == -math.inf:
            rows.append(torch.where(torch.isinf(row), torch.zeros_like(row), row))
            continue
        shares = (row - top).exp()
        rows.append(shares / shares.sum())
    return torch.stack(rows).reshape(x.shape)


# %% masks
def causal_mask(T):
    mask = torch.zeros(T, T).bool()
    for t in range(T):
        for s in range(t + 1):
            mask[t, s] = True
    return mask


def padding_mask(lengths, S):
    rows = []
    for length in lengths.tolist():
        rows.append([[[s < length for s in range(S)]]])
    return torch.tensor(rows, device=lengths.device)


# %% attention
def attention(q, k, v, mask=None):
    rows = []
    for t in range(q.shape[-2]):
        rows.append((q[..., t : t + 1, :] * k).sum(-1) / math.sqrt(q.shape[-1]))
    scores = torch.stack(rows, dim=-2)
    if mask is not None:
        scores = torch.where(mask, scores, torch.tensor(-math.inf, dtype=q.dtype, device=q.device))
    weights = softmax(scores)
    output = 0
    for s in range(k.shape[-2]):
        output = output + weights[..., s : s + 1] * v[..., s : s + 1, :]
    return output, weights


# %% multi_head_attention
class MultiHeadAttention(nn.Module):
    def __init__(self, d, num_heads):
        super().__init__()
        self.d, self.num_heads = d, num_heads
        self.q_proj, self.k_proj = nn.Linear(d, d), nn.Linear(d, d)
        self.v_proj, self.out_proj = nn.Linear(d, d), nn.Linear(d, d)

    def forward(self, x, context=None, mask=None):
        if context is None:
            context = x
        D = self.d // self.num_heads
        q, k, v = self.q_proj(x), self.k_proj(context), self.v_proj(context)
        joined, weights = torch.zeros_like(q), []
        for h in range(self.num_heads):
            own = mask
            if mask is not None:
                own = torch.broadcast_to(mask, (len(x), self.num_heads, x.shape[1], k.shape[1]))
                own = own[:, h]
            begin, end = h * D, (h + 1) * D
            output, weight = attention(
                q[:, :, begin:end], k[:, :, begin:end], v[:, :, begin:end], own
            )
            joined[:, :, begin:end] = output
            weights.append(weight)
        return self.out_proj(joined), torch.stack(weights, dim=1)


# %% positions
def positions(T, d):
    table = []
    for t in range(T):
        row = []
        for i in range(d // 2):
            angle = t / 10000 ** (2 * i / d)
            row += [math.sin(angle), math.cos(angle)]
        table.append(row)
    return torch.tensor(table)


# %% blockwise_attention
def blockwise_attention(q, k, v, size):
    S, root = k.shape[-2], math.sqrt(q.shape[-1])
    m = torch.full_like(q[..., :1], -math.inf)
    total = torch.zeros_like(m)
    o = torch.zeros_like(m) * v[..., :1, :]
    for start in range(0, S, size):
        end = min(start + size, S)
        scores = torch.matmul(q, k[..., start:end, :].mT) / root
        best = scores.max(dim=-1, keepdim=True).values
        new = torch.where(best > m, best, m)
        old, own = (m - new).exp(), (scores - new).exp()
        total = old * total + own.sum(-1, keepdim=True)
        o = old * o + torch.matmul(own, v[..., start:end, :])
        m = new
    return o / total
