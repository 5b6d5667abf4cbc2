"""introml.parallel.tensor_2_5d and tensor_3d: equal to one product, and every byte counted."""

import pytest
import torch

from introml.parallel.ranks import RankFailed, run_ranks
from introml.parallel.tensor_2_5d import Layers, product_2_5d, product_2_5d_bytes
from introml.parallel.tensor_2d import summa_bytes
from introml.parallel.tensor_3d import Cube, product_3d, product_3d_bytes


def whole(m, k, n, dtype=torch.float64):
    """X, W and dY, and then Y, dX and dW by one process."""
    generator = torch.Generator().manual_seed(0)
    shapes = (m, k), (k, n), (m, n)
    X, W, dY = (torch.randn(*shape, generator=generator, dtype=dtype) for shape in shapes)
    return X, W, dY, X @ W, dY @ W.T, X.T @ dY


def put_together(blocks, rows, columns):
    return torch.cat(
        [torch.cat(blocks[row * columns : (row + 1) * columns], 1) for row in range(rows)]
    )


def close(a, b):
    tolerance = 1e-12 if a.dtype == torch.float64 else 1e-4
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("q", "d", "m", "k", "n"),
    [(2, 2, 8, 6, 4), (2, 2, 4, 2, 2), (2, 1, 6, 4, 2), (1, 3, 9, 5, 2)],
)
def test_2_5d_equals_one_product_and_sends_what_the_formula_says(q, d, m, k, n, dtype):
    X, W, dY, Y, dX, dW = whole(m, k, n, dtype)

    def on_rank(rank):
        layers = Layers(d)
        x = layers.block_of_input(X).requires_grad_()
        w = layers.block_of_weight(W).requires_grad_()
        y = product_2_5d(x, w, layers)
        y.backward(layers.block_of_input(dY))
        return y.detach(), x.grad, w.grad, layers.bytes_sent

    y, dx, dw, sent = zip(*run_ranks(on_rank, d * q * q), strict=True)
    close(put_together(y, d * q, q), Y)
    close(put_together(dx, d * q, q), dX)
    for layer in range(d):
        close(put_together(dw[layer * q * q : (layer + 1) * q * q], q, q), dW)
    assert sum(sent) == product_2_5d_bytes(m, k, n, q, d, X.element_size())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("m", "k", "n"), [(8, 4, 12), (4, 4, 2), (12, 8, 6)])
def test_3d_equals_one_product_and_sends_what_the_formula_says(m, k, n, dtype):
    X, W, dY, Y, dX, dW = whole(m, k, n, dtype)

    def on_rank(rank):
        cube = Cube()
        x = cube.part_of_input(X).requires_grad_()
        w = cube.part_of_weight(W).requires_grad_()
        y = product_3d(x, w, cube)
        y.backward(cube.part_of_output(dY))
        return y.detach(), x.grad, w.grad, cube.bytes_sent

    found = run_ranks(on_rank, 8)
    for rank, (y, dx, dw, _) in enumerate(found):
        i, j, l = rank // 4, rank // 2 % 2, rank % 2
        close(y, rows_of_block(Y, i, j, l))
        close(dx, rows_of_block(dX, i, l, j))
        close(dw, rows_of_block(dW, l, j, i))
    sent = [one for *_, one in found]
    assert sum(sent) == product_3d_bytes(m, k, n, 2, X.element_size())
    assert len(set(sent)) == 1  # every rank sends as much


def rows_of_block(X, row, column, part):
    """Half `part` of the rows of block (row, column) of 2 × 2."""
    return X.chunk(2)[row].chunk(2, 1)[column].chunk(2)[part]


def test_one_layer_is_summa_and_one_rank_sends_nothing():
    assert product_2_5d_bytes(8, 6, 4, 2, 1) == summa_bytes(8, 6, 4, 2)
    assert product_3d_bytes(8, 6, 4, 1) == 0
    X, W, dY, Y, dX, dW = whole(3, 4, 5)

    def alone(rank):
        cube = Cube()
        x, w = X.clone().requires_grad_(), W.clone().requires_grad_()
        y = product_3d(x, w, cube)
        y.backward(dY)
        return y.detach(), x.grad, w.grad, cube.bytes_sent

    y, dx, dw, sent = run_ranks(alone, 1)[0]
    for found, expected in ((y, Y), (dx, dX), (dw, dW)):
        close(found, expected)
    assert sent == 0


def test_two_products_one_after_the_other_with_the_cube_turned():
    X, W, *_ = whole(8, 4, 12)
    V = torch.randn(12, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def on_rank(rank):
        cube = Cube()
        turned = cube.turned()
        y = product_3d(cube.part_of_input(X), cube.part_of_weight(W), cube)
        z = product_3d(y, turned.part_of_weight(V), turned)
        return z - cube.part_of_input(X @ W @ V), z - turned.part_of_output(X @ W @ V)

    for as_input, as_output in run_ranks(on_rank, 8):
        close(as_input, torch.zeros_like(as_input))  # two turns: where X was
        close(as_output, torch.zeros_like(as_output))


def test_what_does_not_divide_is_refused_with_a_reason():
    with pytest.raises(RankFailed, match="4 ranks make no cube"):
        run_ranks(lambda rank: Cube() and None, 4)
    with pytest.raises(RankFailed, match="3 ranks do not make 2 layers"):
        run_ranks(lambda rank: Layers(2) and None, 3)
    with pytest.raises(RankFailed, match="6 x 4 has no 4 x 2 equal blocks"):
        run_ranks(lambda rank: Layers(2).block_of_input(torch.ones(6, 4)), 8)
