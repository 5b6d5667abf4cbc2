"""The lab on attention in odd forms: callable objects, lambdas, mapped functions, wider dtypes.

It must pass every check: a check that fails here is about the way of writing, not about the result.
"""
# ruff: noqa: F821, E731


# %% softmax
def _shares(x: Tensor) -> Tensor:
    top = x.amax(-1, keepdim=True)
    top = torch.where(torch.isinf(top), torch.zeros_like(top), top)
    e = torch.exp(x - top)
    return e / e.sum(-1, keepdim=True).clamp(min=1.0)


class Σoftmax:
    def __call__(self, x: "Tensor") -> "Tensor":
        return _shares(x)


softmax = Σoftmax()

# %% masks
causal_mask = lambda T: torch.ones(T, T).tril() > 0
padding_mask = lambda lengths, S: torch.arange(S, device=lengths.device).lt(
    lengths.view(-1, 1, 1, 1)
)


# %% attention
class Attention(nn.Module):
    def forward(self, q, k, v, mask=None, scale=None, verbose=False):
        wide = torch.float64 if q.dtype == torch.float64 else torch.float32
        scale = scale or q.shape[-1] ** -0.5
        scores = torch.einsum("...td,...sd->...ts", q.to(wide), k.to(wide)).mul_(scale)
        if mask is not None:
            scores = scores.masked_fill_(mask.logical_not(), float("-inf"))
        weights = softmax(scores)
        return (weights @ v.to(wide)).to(q.dtype), weights.to(q.dtype)


attention = Attention()


# %% multi_head_attention
class MultiHeadAttention(nn.Module):
    def __init__(self, d, num_heads, *, bias=True):
        super().__init__()
        self.cut = (num_heads, d // num_heads)
        for name in "qkv":
            self.add_module(f"{name}_proj", nn.Linear(d, d, bias=bias))
        self.out_proj = nn.Linear(d, d)
        self.register_buffer("scale", torch.tensor(self.cut[1] ** -0.5), persistent=False)

    def forward(self, x, context=None, mask=None):
        c = x if context is None else context
        q, k, v = (
            layer(source).view(*source.shape[:2], *self.cut).permute(0, 2, 1, 3)
            for layer, source in ((self.q_proj, x), (self.k_proj, c), (self.v_proj, c))
        )
        o, w = attention(q, k, v, mask)
        return self.out_proj(torch.einsum("bhtd->bthd", o).reshape(x.shape)), w


# %% positions
def positions(T, d):
    def row(t):
        speeds = 10000.0 ** (-torch.arange(0, d, 2) / d)
        return torch.stack([torch.sin(t * speeds), torch.cos(t * speeds)], -1).flatten()

    return torch.vmap(row)(torch.arange(T))


# %% blockwise_attention
def blockwise_attention(q, k, v, size):
    from functools import reduce

    q = q / math.sqrt(q.size(-1))

    def add(so_far, block):
        m, total, o = so_far
        keys, values = block
        s = q @ keys.mT
        n = torch.max(m, s.max(-1, keepdim=True)[0])
        shrink = torch.exp2((m - n) * math.log2(math.e))
        s.sub_(n).exp_()
        return n, total * shrink + s.sum(-1, keepdim=True), o * shrink + s @ values

    start = torch.full((*q.shape[:-1], 1), -torch.inf, dtype=q.dtype, device=q.device)
    nothing = torch.zeros_like(start), q.new_zeros(*q.shape[:-1], v.size(-1))
    blocks = zip(k.split(size, -2), v.split(size, -2), strict=True)
    _, total, o = reduce(add, blocks, (start, *nothing))
    return o.div_(total)
