"""introml.kernels: programs of many lanes equal torch, and touch no cell that is not theirs."""

import pytest
import torch

from introml.kernels.matmul import matmul, matmul_program
from introml.kernels.simulated import GUARD, DeviceArray, blocks, launch
from introml.kernels.softmax import fused_softmax, softmax_program, unfused_softmax
from introml.kernels.vector_add import add, add_program

SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33]


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).double()


def test_ten_numbers_in_blocks_of_four_by_hand():
    """Programs 0, 1 and 2; the last has cells 8 … 11, of which 10 and 11 are masked off."""
    x, out = DeviceArray(torch.arange(10.0)), DeviceArray(torch.zeros(10))
    add_program(2, x, x, out, 10, 4)
    assert out.tensor().tolist() == [0] * 8 + [16, 18]
    assert (x.loads, out.stores) == (4, 2)
    assert blocks(10, 4) == 3


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("block", [1, 2, 4, 7, 32])
def test_the_sum_is_torchs_for_every_size_and_block(n, block):
    x, y = numbers(n), numbers(n, seed=1)
    assert torch.equal(add(x, y, block), x + y)


@pytest.mark.parametrize("n", SIZES)
def test_masked_programs_touch_no_cell_outside(n):
    x, out = DeviceArray(numbers(n)), DeviceArray(numbers(n))
    launch(add_program, (blocks(n, 4),), x, x, out, n, 4)
    given, soft = DeviceArray(numbers(3, n)), DeviceArray(numbers(3, n))
    launch(softmax_program, (3,), given, soft, n, 64)
    A, B, C = DeviceArray(numbers(n, 3)), DeviceArray(numbers(3, 5)), DeviceArray(numbers(n, 5))
    launch(matmul_program, (blocks(n, 4), 2), A, B, C, (n, 3, 5), 4)
    assert [one.strays for one in (x, out, given, soft, A, B, C)] == [[]] * 7


def test_a_lane_without_a_mask_writes_where_no_array_lies():
    x, out = DeviceArray(torch.arange(10.0)), DeviceArray(torch.zeros(10))
    cell = 8 + torch.arange(4)
    out.store(cell, x.load(cell) + 1)
    assert out.strays == x.strays == [10, 11]
    assert out.tensor().tolist() == [0] * 8 + [9, 10]
    assert x.load(torch.tensor([10])).isnan().all()


def test_a_cell_far_outside_stops_the_program():
    x = DeviceArray(torch.zeros(5))
    for cell in (5 + GUARD, -GUARD - 1):
        with pytest.raises(IndexError, match="mask the lanes"):
            x.load(torch.tensor([cell]))
    x.load(torch.tensor([4 + GUARD, -GUARD]))


def test_programs_may_run_in_any_order():
    x, out = numbers(50), DeviceArray(torch.zeros(50).double())
    given = DeviceArray(x)
    for program in torch.randperm(13, generator=torch.Generator().manual_seed(0)).tolist():
        add_program(program, given, given, out, 50, 4)
    assert torch.equal(out.tensor(), x + x)


@pytest.mark.parametrize("m", [1, 4, 5, 9])
@pytest.mark.parametrize("k", [1, 4, 7])
@pytest.mark.parametrize("n", [1, 3, 8])
@pytest.mark.parametrize("tile", [1, 2, 4, 5])
def test_the_product_is_torchs_for_every_size_and_tile(m, k, n, tile):
    A, B = numbers(m, k), numbers(k, n, seed=1)
    torch.testing.assert_close(matmul(A, B, tile)[0], A @ B)


@pytest.mark.parametrize("tile", [1, 2, 4, 8])
def test_a_tile_divides_the_loads_by_its_width(tile):
    A, B = numbers(8, 16), numbers(16, 24)
    assert matmul(A, B, tile)[1] == 2 * 8 * 16 * 24 // tile


@pytest.mark.parametrize("m", [1, 3, 8])
@pytest.mark.parametrize("n", SIZES)
def test_both_softmaxes_are_torchs_and_move_what_they_say(m, n):
    x = numbers(m, n) * 5
    expected = torch.softmax(x, dim=1)
    fused, moved = fused_softmax(x)
    torch.testing.assert_close(fused, expected)
    assert moved == 2 * m * n
    unfused, moved = unfused_softmax(x)
    torch.testing.assert_close(unfused, expected)
    assert moved == 8 * m * n + 4 * m


def test_large_scores_do_not_overflow():
    x = torch.tensor([[1000.0, 1001.0], [-1000.0, -1000.0]])
    torch.testing.assert_close(fused_softmax(x)[0], torch.softmax(x, dim=1))


@pytest.mark.parametrize("block", [0, -4])
def test_a_block_without_elements_is_refused(block):
    with pytest.raises(ValueError, match="at least one element"):
        blocks(10, block)
