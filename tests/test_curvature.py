"""introml.curvature against the eigenvalues of Hessians that torch.func builds whole."""

import torch
from torch.func import hessian

from introml.curvature import steepest_curvature
from introml.many_runs import initial_weights, losses


def test_steepest_curvature_is_the_hessians_largest_eigenvalue():
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(30, 4, generator=generator)
    y = torch.randint(3, (30,), generator=generator)
    weights = initial_weights((4, 5, 3), range(3), scale=1.3)
    found = steepest_curvature(weights, X, y, iterations=200)
    for run in range(3):
        own = [w.detach()[run : run + 1] for w in weights]
        sizes = [w.numel() for w in own]

        def loss(flat, own=own, sizes=sizes):
            parts = flat.split(sizes)
            return losses([p.view(w.shape) for p, w in zip(parts, own, strict=True)], X, y)[0]

        whole = hessian(loss)(torch.cat([w.flatten() for w in own]))
        largest = torch.linalg.eigvalsh(whole)[-1]
        torch.testing.assert_close(found[run], largest, rtol=1e-2, atol=1e-3)


def test_few_rounds_stay_below():
    generator = torch.Generator().manual_seed(1)
    X = torch.randn(30, 4, generator=generator)
    y = torch.randint(3, (30,), generator=generator)
    weights = initial_weights((4, 5, 3), range(4))
    few = steepest_curvature(weights, X, y, iterations=3)
    assert (few <= 1.001 * steepest_curvature(weights, X, y, iterations=200)).all()
