"""The small maths that widgets share, out of the bundles that ship it, against numpy and torch."""

import numpy as np
import pytest
import torch


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def symmetric(rng, definite=False):
    root = rng.normal(size=(2, 2)) * rng.choice([1e-3, 1, 40])
    return root @ root.T if definite else root + root.T


@pytest.mark.parametrize("widget", ["AttentionHeatmap", "DrawDigit"])
def test_softmax_equals_torch(run_model, rng, widget):
    rows = [rng.normal(size=rng.integers(1, 20)) * rng.choice([1, 30, 700]) for _ in range(500)]
    for row, found in zip(rows, run_model(widget, "softmax", [(r,) for r in rows]), strict=True):
        assert found == pytest.approx(torch.tensor(row).softmax(0).tolist(), abs=1e-12)


def test_entropy_equals_torch(run_model, rng):
    rows = [rng.dirichlet(np.full(n, 0.3)) for n in range(1, 40)] + [np.eye(4)[1]]
    found = run_model("AttentionHeatmap", "entropy", [(row,) for row in rows])
    expected = [torch.special.entr(torch.tensor(row)).sum().item() for row in rows]
    assert found == pytest.approx(expected, abs=1e-12)


def test_products_of_matrices_equal_numpy(run_model, rng):
    sizes = [rng.integers(1, 7, size=3) for _ in range(300)]
    pairs = [(rng.normal(size=(m, n)), rng.normal(size=(n, p))) for m, n, p in sizes]
    for (a, b), found in zip(pairs, run_model("AttentionHeatmap", "times", pairs), strict=True):
        assert np.array(found) == pytest.approx(a @ b, abs=1e-12)
    turned = [(a, b.T) for a, b in pairs]
    found = run_model("AttentionHeatmap", "timesTransposed", turned)
    for (a, b), product in zip(pairs, found, strict=True):
        assert np.array(product) == pytest.approx(a @ b, abs=1e-12)


@pytest.mark.parametrize("widget", ["AttentionHeatmap", "ConvolutionVisualizer"])
def test_resizing_equals_a_padded_slice(run_model, rng, widget):
    cases, expected = [], []
    for _ in range(200):
        old, new = rng.integers(1, 6, size=2), rng.integers(1, 6, size=2)
        matrix = rng.integers(-9, 10, size=old)
        whole = np.zeros(np.maximum(old, new), dtype=int)
        whole[: old[0], : old[1]] = matrix
        cases.append((matrix, *new.tolist()))
        expected.append(whole[: new[0], : new[1]].tolist())
    assert run_model(widget, "resized", cases) == expected


@pytest.mark.parametrize("widget", ["GradientDescent", "BatchSize"])
def test_eigenvalues_and_vectors_equal_numpy(run_model, rng, widget):
    matrices = [symmetric(rng) for _ in range(500)] + [np.eye(2), np.zeros((2, 2))]
    found = run_model(widget, "eigen", [(matrix,) for matrix in matrices])
    for matrix, both in zip(matrices, found, strict=True):
        size = np.abs(matrix).max()
        assert both["values"] == pytest.approx(np.linalg.eigvalsh(matrix), abs=1e-9 * size)
        vectors = np.array(both["vectors"])
        assert vectors @ vectors.T == pytest.approx(np.eye(2), abs=1e-12)
        for value, vector in zip(both["values"], vectors, strict=True):
            assert matrix @ vector == pytest.approx(value * vector, abs=1e-8 * size)


def test_inverse_and_multiples_equal_numpy(run_model, rng):
    matrices = [symmetric(rng, definite=True) + np.eye(2) for _ in range(300)]
    found = run_model("BatchSize", "inverse", [(matrix,) for matrix in matrices])
    for matrix, inverse in zip(matrices, found, strict=True):
        assert np.array(inverse) == pytest.approx(np.linalg.inv(matrix), rel=1e-6)
    scaled = run_model("BatchSize", "scaledBy", [(matrix, 0.3) for matrix in matrices])
    assert np.array(scaled) == pytest.approx(0.3 * np.array(matrices), rel=1e-12)
