"""introml.systolic_array: the simulated grid against the matrix product and a count by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from introml.systolic_array import cycles_needed, run, utilization

sizes = st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 5))


def draw(seed, T, K, N):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(s, generator=generator, dtype=torch.float64) for s in ((T, K), (K, N)))


def test_two_by_two_by_hand():
    """W = 1 2 / 3 4 and the row 5 6: cycle 0 5·1; cycle 1 5·2 and 5 + 6·3; cycle 2 10 + 6·4."""
    Y, cycles = run(torch.tensor([[5.0, 6]]), torch.tensor([[1.0, 2], [3, 4]]))
    assert Y.tolist() == [[23, 34]]
    nan = float("nan")
    expected = [[[5, nan], [nan, nan]], [[nan, 10], [23, nan]], [[nan, nan], [nan, 34]]]
    for cycle, sums in zip(cycles, expected, strict=True):
        torch.testing.assert_close(cycle.sums, torch.tensor(sums), equal_nan=True)
    assert [cycle.left for cycle in cycles] == [[], [(0, 0, 23.0)], [(0, 1, 34.0)]]


@settings(deadline=None, max_examples=120)
@given(st.integers(0, 10**6), sizes)
def test_equals_the_matrix_product_in_the_cycles_of_the_formula(seed, size):
    T, K, N = size
    X, W = draw(seed, T, K, N)
    Y, cycles = run(X, W)
    torch.testing.assert_close(Y, X @ W)
    assert len(cycles) == cycles_needed(T, K, N)
    assert sum(cycle.busy for cycle in cycles) == T * K * N, "each product is made once"
    assert sum(cycle.busy for cycle in cycles) / (len(cycles) * K * N) == pytest.approx(
        utilization(T, K, N)
    )


def test_each_result_leaves_once_and_a_column_a_cycle_later():
    X, W = draw(0, 4, 3, 2)
    _, cycles = run(X, W)
    at = {(t, j): c for c, cycle in enumerate(cycles) for t, j, _ in cycle.left}
    assert at == {(t, j): t + 2 + j for t in range(4) for j in range(2)}


@pytest.mark.parametrize("shapes", [((2, 3), (2, 3)), ((3,), (3, 2)), ((0, 2), (2, 2))])
def test_what_cannot_be_multiplied_is_refused(shapes):
    with pytest.raises(ValueError, match=r"must be \(T, K\) and \(K, N\)"):
        run(torch.zeros(shapes[0]), torch.zeros(shapes[1]))
