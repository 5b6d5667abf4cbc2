"""The steepest curvature of a network's loss, found without its Hessian."""

import torch
from torch import Tensor

from introml.many_runs import losses


def steepest_curvature(weights: list[Tensor], X: Tensor, y: Tensor, iterations: int = 12) -> Tensor:
    """λmax of every network's Hessian by power iteration, (runs,): v ← Hv/‖v‖, and λ = v·Hv/v·v.

    `weights` as `many_runs.initial_weights` returns them, `X` (n, d), `y` (n,). Hv is the gradient
    of v·∇L. What is found is an eigenvalue of largest size, from below; 12 rounds are within a few
    percent when the next one is clearly smaller.
    Source: Pearlmutter, Fast Exact Multiplication by the Hessian (1994).
    Taught in {ref}`sec-schedules`.
    """
    weights = [w.detach().requires_grad_() for w in weights]
    loss = losses(weights, X, y).sum()
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    generator = torch.Generator().manual_seed(0)
    v = [torch.randn(w.shape, generator=generator) for w in weights]
    curvature = torch.zeros(len(weights[0]))
    for _ in range(iterations):
        length = sum((part.square().sum(dim=(1, 2)) for part in v), torch.zeros(())).sqrt()
        v = [part / length[:, None, None] for part in v]
        along = sum(
            ((g * part).sum() for g, part in zip(gradients, v, strict=True)), torch.zeros(())
        )
        product = torch.autograd.grad(along, weights, retain_graph=True)
        pairs = zip(v, product, strict=True)
        curvature = sum(((a * b).sum(dim=(1, 2)) for a, b in pairs), torch.zeros(()))
        v = list(product)
    return curvature
