"""introml.parallel.tensor_2d: SUMMA equals one product, gradients too; every byte is counted."""

import pytest
import torch

from introml.parallel.ranks import RankFailed, run_ranks
from introml.parallel.tensor_2d import block, square_grid, summa, summa_bytes


def random(m, k, n, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = (m, k), (k, n), (m, n)
    return [torch.randn(*shape, generator=generator, dtype=dtype) for shape in shapes]


def put_together(blocks, q):
    return torch.cat([torch.cat(blocks[row * q : (row + 1) * q], 1) for row in range(q)])


def run_summa(q, A, B, dC):
    def on_rank(rank):
        grid = square_grid()
        own = [block(x, q, grid.row, q, grid.column) for x in (A, B, dC)]
        a, b = (x.requires_grad_() for x in own[:2])
        C = summa(a, b, grid)
        C.backward(own[2])
        return C.detach(), a.grad, b.grad, grid.bytes_sent

    *results, sent = zip(*run_ranks(on_rank, q * q), strict=True)
    return [put_together(blocks, q) for blocks in results], sent


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("q", "m", "k", "n"), [(1, 3, 5, 2), (2, 4, 6, 8), (2, 2, 2, 2), (3, 3, 9, 6)]
)
def test_summa_equals_one_product_and_sends_what_the_formula_says(q, m, k, n, dtype):
    A, B, dC = random(m, k, n, dtype)
    (C, dA, dB), sent = run_summa(q, A, B, dC)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-4
    for found, expected in ((C, A @ B), (dA, dC @ B.T), (dB, A.T @ dC)):
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    assert sum(sent) == summa_bytes(m, k, n, q, A.element_size())
    assert len(set(sent)) == 1  # every rank sends as much


def test_hand_worked_two_by_two():
    """One number a rank: [[1, 2], [3, 4]] · [[5, 6], [7, 8]]; twelve numbers are sent forward."""
    A, B = torch.tensor([[1.0, 2], [3, 4]]), torch.tensor([[5.0, 6], [7, 8]])
    (C, dA, dB), sent = run_summa(2, A, B, torch.tensor([[1.0, 0], [0, 0]]))
    assert C.tolist() == [[19, 22], [43, 50]]
    assert dA.tolist() == [[5, 7], [0, 0]]
    assert dB.tolist() == [[1, 0], [2, 0]]
    assert sum(sent) == 3 * (4 + 4) * 4


def test_a_square_may_be_some_of_the_ranks():
    """Ranks 1 to 4 of five."""

    def on_rank(rank):
        if rank == 0:
            return None
        grid = square_grid(1, 4)
        return summa(torch.ones(1, 1), torch.full((1, 1), float(rank)), grid).item(), grid.row

    assert run_ranks(on_rank, 5)[1:] == [(4, 0), (6, 0), (4, 1), (6, 1)]


def test_what_does_not_divide_is_refused_with_a_reason():
    with pytest.raises(RankFailed, match="3 ranks make no square"):
        run_ranks(lambda rank: square_grid() and None, 3)
    with pytest.raises(ValueError, match="3 x 4 has no 2 x 2 equal blocks"):
        block(torch.ones(3, 4), 2, 0, 2, 0)
