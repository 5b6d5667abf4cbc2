"""The array that SystolicArray ships, against torch's product and the simulator in Python."""

import math

import numpy as np
import pytest
import torch

from introml.systolic_array import run, utilization
from introml.widgets.systolic_array import SystolicArray


@pytest.fixture(scope="module")
def cases():
    rng = np.random.default_rng(0)
    made = []
    for _ in range(1200):
        T, K, N = (int(rng.integers(1, most + 1)) for most in (8, 4, 4))
        made.append((rng.standard_normal((T, K)).tolist(), rng.standard_normal((K, N)).tolist()))
    return made


def test_every_cycle_is_the_simulators_and_the_results_are_torchs(run_model, cases):
    for (X, W), cycles in zip(cases, run_model("SystolicArray", "run", cases), strict=True):
        X64, W64 = (torch.tensor(m, dtype=torch.float64) for m in (X, W))
        Y, expected = run(X64, W64)
        found = torch.full_like(Y, math.nan)
        for cycle, theirs in zip(cycles, expected, strict=True):
            for name, grid in (("inputs", theirs.inputs), ("sums", theirs.sums)):
                ours = np.array(cycle[name], dtype=float)
                np.testing.assert_allclose(ours, grid.numpy(), rtol=1e-9, atol=1e-12)
            for t, j, value in cycle["left"]:
                found[t, j] = value
        torch.testing.assert_close(found, X64 @ W64)


def test_the_busy_cells_and_their_share_over_the_run(run_model, cases):
    runs = run_model("SystolicArray", "run", cases[:100])
    for (X, W), cycles in zip(cases[:100], runs, strict=True):
        T, K, N = len(X), len(W), len(W[0])
        counts = run_model("SystolicArray", "busy", [(cycle,) for cycle in cycles[:2]])
        assert counts[0] == 1
        [share] = run_model("SystolicArray", "utilization", [(T, K, N)]) if T == 1 else [None]
        products = sum(v is not None for c in cycles for row in c["sums"] for v in row)
        assert products / (len(cycles) * K * N) == pytest.approx(utilization(T, K, N))
        assert share is None or share == pytest.approx(utilization(T, K, N))


def test_the_numbers_are_whole_and_small(run_model):
    for drawn in run_model("SystolicArray", "draw", [(seed, 8, 4, 4) for seed in range(20)]):
        values = [v for name in ("X", "W") for row in drawn[name] for v in row]
        assert len(values) == 8 * 4 + 4 * 4
        assert set(values) <= set(range(1, 10))


@pytest.mark.parametrize("bad", [{"rows": 5}, {"columns": 0}, {"inputs": 9}, {"cycle": -1}])
def test_a_grid_that_cannot_be_drawn_is_refused(bad):
    with pytest.raises(ValueError, match="SystolicArray"):
        SystolicArray(**bad)
