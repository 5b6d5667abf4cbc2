"""Kernel regression: predict by a mean of the known targets, weighted by how near they lie.

The oldest attention: the inputs are the keys, the targets the values, and the new input the query.
Letters: T queries, S keys and values, d features, m numbers of a value.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from introml.attention import softmax

#: K(u²), up to a factor that cancels in the weights; u is a distance in bandwidths.
KERNELS: dict[str, Callable[[Tensor], Tensor]] = {
    "gaussian": lambda squared: torch.exp(-squared / 2),
    "box": lambda squared: (squared <= 1).to(squared.dtype),
    "epanechnikov": lambda squared: (1 - squared).clamp(min=0),
}


def kernel_regression(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    bandwidth: float | Tensor,
    kernel: str = "gaussian",
    leave_one_out: bool = False,
) -> tuple[Tensor, Tensor]:
    """ŷ = Σⱼ αⱼ yⱼ with αⱼ = K(‖q − kⱼ‖ / bandwidth) / Σᵢ K(‖q − kᵢ‖ / bandwidth).

    `query` (T,) or (T, d), `keys` (S,) or (S, d), `values` (S,) or (S, m) -> output (T,) or (T, m),
    and weights (T, S). `kernel` is "gaussian", "box" or "epanechnikov". The Gaussian weights are
    softmax(−‖q − kⱼ‖² / (2 · bandwidth²)), which no distance makes underflow; for keys of one norm
    they are those of dot-product attention with scale 1 / bandwidth². A query that no key of the
    other two kernels reaches gets 0/0, NaN. With `leave_one_out`, query i may not see key i.
    The bandwidth may be a tensor, and gradients reach it.
    Raises `ValueError` for a bandwidth not above zero, an unknown kernel, shapes that do not fit.
    Source: Nadaraya (1964); Watson (1964).
    Taught in {ref}`sec-attention-cues`.
    """
    if not bandwidth > 0:
        raise ValueError(f"bandwidth is {float(bandwidth):g}; it must be above 0.")
    if kernel not in KERNELS:
        raise ValueError(f"kernel is {kernel!r}; it must be one of {', '.join(KERNELS)}.")
    query, keys = (p[:, None] if p.ndim == 1 else p for p in (query, keys))
    _check_shapes(query, keys, values, leave_one_out)
    squared = (query[:, None] - keys).square().sum(-1) / bandwidth**2  # (T, 1, d) − (S, d)
    hidden = torch.eye(len(query), dtype=torch.bool, device=query.device) & leave_one_out
    if kernel == "gaussian":
        scores = -squared / 2  # (T, S)
        weights = softmax(scores.masked_fill(hidden, -torch.inf) if leave_one_out else scores)
    else:
        parts = KERNELS[kernel](squared)
        parts = parts.masked_fill(hidden, 0) if leave_one_out else parts
        weights = parts / parts.sum(-1, keepdim=True)
    return weights @ values, weights


def leave_one_out_loss(x: Tensor, y: Tensor, bandwidth: float | Tensor) -> Tensor:
    """The mean of (ŷᵢ − yᵢ)², each example predicted from all the others: (n,), (n,) -> ().

    With the example itself among the keys, a bandwidth near zero would fit everything. Gaussian
    kernel; `x` may be (n, d). Raises as `kernel_regression` does.
    Source: Stone (1974), cross-validation with n folds.
    Taught in {ref}`sec-attention-cues`.
    """
    y_hat, _ = kernel_regression(x, x, y, bandwidth, leave_one_out=True)
    return (y_hat - y).square().mean()


def _check_shapes(query: Tensor, keys: Tensor, values: Tensor, leave_one_out: bool) -> None:
    if query.shape[-1] != keys.shape[-1] or len(keys) != len(values):
        raise ValueError(
            f"query {tuple(query.shape)}, keys {tuple(keys.shape)} and values "
            f"{tuple(values.shape)} do not fit: they must be (T, d), (S, d) and (S,) or (S, m)."
        )
    if leave_one_out and len(query) != len(keys):
        raise ValueError(
            f"There are {len(query)} queries and {len(keys)} keys; to leave one out, they must be "
            "the same examples."
        )
