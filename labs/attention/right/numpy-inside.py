"""The lab on attention with NumPy where no gradient is needed.

It must pass every check: a check that fails here is about the way of writing, not about the result.
"""
# ruff: noqa: F821

# %% masks
import numpy as np


def causal_mask(T):
    return torch.from_numpy(np.tri(T, dtype=bool))


def padding_mask(lengths, S):
    real = np.arange(S) < lengths.cpu().numpy()[:, None, None, None]
    return torch.from_numpy(real).to(lengths.device)


# %% positions
def positions(T, d):
    angles = np.arange(T)[:, None] / 10000 ** (np.arange(0, d, 2) / d)
    table = np.empty((T, d), dtype=np.float32)
    table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles)
    return torch.from_numpy(table)


# %% blockwise_attention
def blockwise_attention(q, k, v, size):
    dtype, device = q.dtype, q.device
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    q, k, v = (part.detach().cpu().to(wide).numpy() for part in (q, k, v))
    m = np.full((*q.shape[:-1], 1), -np.inf, dtype=q.dtype)
    total, o = np.zeros_like(m), np.zeros((*q.shape[:-1], v.shape[-1]), dtype=q.dtype)
    for start in range(0, k.shape[-2], size):
        keys, values = k[..., start : start + size, :], v[..., start : start + size, :]
        s = q @ keys.swapaxes(-1, -2) / np.sqrt(q.shape[-1], dtype=q.dtype)
        n = np.maximum(m, s.max(-1, keepdims=True))
        own, old = np.exp(s - n), np.exp(m - n)
        total, o, m = total * old + own.sum(-1, keepdims=True), o * old + own @ values, n
    return torch.from_numpy(o / total).to(dtype).to(device)
