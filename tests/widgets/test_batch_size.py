"""The model functions that BatchSize ships, against torch, numpy and all batches of small data."""

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy import stats
from traitlets import TraitError

from introml.book.recordings import throughput
from introml.widgets import BatchSize


def random_problem(rng, largest=40):
    n = int(rng.integers(2, largest))
    x = np.round(rng.normal(size=n) * rng.choice([0.3, 1, 3]), 3)
    x[0] += 0.5  # never all equal
    return x, np.round(rng.normal(size=n), 3), np.round(rng.uniform(-3, 3, size=2), 3)


@pytest.fixture(scope="module")
def problems():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(1000):
        x, y, point = random_problem(rng)
        size = int(rng.integers(1, len(x) + 1))
        found.append((x, y, point, rng.permutation(len(x))[:size]))
    return found


def example_gradients(x, y, point):
    """The gradient of each example alone, (n, 2), by autograd."""

    def loss(p, x, y):
        return 0.5 * (p[0] * x + p[1] - y) ** 2

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    return each(torch.tensor(point), torch.tensor(x), torch.tensor(y)).numpy()


def test_loss_and_batch_gradient_equal_autograd(run_model, problems):
    losses = run_model("BatchSize", "loss", [(x, y, point) for x, y, point, _ in problems])
    gradients = run_model("BatchSize", "gradient", problems)
    for (x, y, point, batch), loss, gradient in zip(problems, losses, gradients, strict=True):
        p = torch.tensor(point, requires_grad=True)
        errors = p[0] * torch.tensor(x) + p[1] - torch.tensor(y)
        assert loss == pytest.approx((0.5 * errors**2).mean().item(), rel=1e-9)
        (0.5 * errors[batch] ** 2).mean().backward()
        assert gradient == pytest.approx(p.grad.tolist(), rel=1e-9, abs=1e-9)


def test_covariance_equals_numpy_on_the_examples_gradients(run_model, problems):
    cases = [(x, y, point) for x, y, point, _ in problems]
    for case, found in zip(cases, run_model("BatchSize", "covariance", cases), strict=True):
        expected = np.cov(example_gradients(*case).T, ddof=0)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


def test_spread_is_that_of_all_batches_there_are(run_model):
    """No formula: every batch without replacement of up to seven examples is drawn once."""
    rng = np.random.default_rng(1)
    cases = []
    for _ in range(300):
        x, y, point = random_problem(rng, largest=8)
        cases += [(x, y, point, s) for s in range(1, len(x) + 1)]
    assert len(cases) > 1000
    for (x, y, point, s), found in zip(cases, run_model("BatchSize", "spread", cases), strict=True):
        each = example_gradients(x, y, point)
        all_of_them = np.array([each[list(b)].mean(0) for b in combinations(range(len(x)), s)])
        off = all_of_them - each.mean(0)
        assert found == pytest.approx(np.sqrt((off**2).sum(1).mean()), rel=1e-7, abs=1e-9)


def test_drawn_batches_have_different_examples_and_the_exact_spread(run_model):
    widget = BatchSize()
    x, y, n = widget.x, widget.y, len(widget.x)
    each = example_gradients(np.array(x), np.array(y), np.array(widget.start))
    sizes = [1, 2, 8, 64, 300, n - 1, n]
    drawn = run_model("BatchSize", "batches", [(n, s, 2000, 3) for s in sizes])
    exact = run_model("BatchSize", "spread", [(x, y, widget.start, s) for s in sizes])
    cases = []
    for s, batches in zip(sizes, drawn, strict=True):
        assert all(len(set(b)) == s and min(b) >= 0 and max(b) < n for b in batches)
        cases.append([[each[b].mean(0).tolist() for b in batches], each.mean(0)])
    found = run_model("BatchSize", "measuredSpread", cases)
    for (gradients, full), spread, formula in zip(cases, found, exact, strict=True):
        off = np.array(gradients) - full
        assert spread == pytest.approx(np.sqrt((off**2).sum(1).mean()), rel=1e-9, abs=1e-9)
        # 2,000 draws of two coordinates give a spread within a few per cent.
        assert spread == pytest.approx(formula, rel=0.06, abs=1e-9)


def test_every_batch_and_every_order_is_equally_likely(run_model):
    seeds = range(1, 41)
    drawn = run_model("BatchSize", "batches", [(6, 3, 100, seed) for seed in seeds])
    counts = dict.fromkeys(combinations(range(6), 3), 0)
    for batch in (b for batches in drawn for b in batches):
        counts[tuple(sorted(batch))] += 1
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3
    orders = run_model("BatchSize", "shuffles", [(4, 120, seed) for seed in seeds])
    _, times = np.unique([o for epochs in orders for o in epochs], axis=0, return_counts=True)
    assert len(times) == 24
    assert stats.chisquare(times).pvalue > 1e-3


def test_generator_equals_the_authors_c_program_and_repeats(run_model):
    # Printed by Tommy Ettinger's mulberry32.c, compiled, for the states 0, 1, 2 and 2³² − 1.
    expected = {
        0: [1144304738, 1416247, 958946056, 627933444],
        1: [2693262067, 11749833, 2265367787, 4213581821],
        2: [3153583793, 1395857638, 1225337227, 2310499808],
        4294967295: [3850105811],
    }
    cases = [(seed, len(values)) for seed, values in expected.items()]
    found = run_model("BatchSize", "uniforms", cases)
    for values, numbers in zip(expected.values(), found, strict=True):
        assert [round(number * 2**32) for number in numbers] == values
    one, same, other = run_model(
        "BatchSize", "batches", [(50, 9, 7, 4), (50, 9, 7, 4), (50, 9, 7, 5)]
    )
    assert one == same != other


def test_numbers_are_uniform_within_a_seed_and_across_seeds(run_model):
    (many,) = run_model("BatchSize", "uniforms", [(7, 200_000)])
    assert min(many) >= 0
    assert max(many) < 1
    assert stats.chisquare(np.histogram(many, 200, (0, 1))[0]).pvalue > 1e-3
    pairs = np.histogram2d(many[::2], many[1::2], 20, [[0, 1], [0, 1]])[0]
    assert stats.chisquare(pairs.ravel()).pvalue > 1e-3
    firsts = run_model("BatchSize", "uniforms", [(4096 * seed, 1) for seed in range(1, 5001)])
    assert stats.kstest(np.ravel(firsts), "uniform").pvalue > 1e-3
    (normals,) = run_model("BatchSize", "normals", [(7, 100_000)])
    assert stats.kstest(normals, "norm").pvalue > 1e-3


def test_sgd_equals_torch_fed_the_same_batches(run_model):
    rng = np.random.default_rng(2)
    cases = []
    for seed in range(1, 151):
        x, y, start = random_problem(rng)
        size = int(rng.integers(1, len(x) + 1))
        cases.append((x, y, start, 0.02, size, 2, seed))
    orders = run_model("BatchSize", "shuffles", [(len(c[0]), 2, c[6]) for c in cases])
    runs = run_model("BatchSize", "sgd", cases)
    steps = 0
    for (x, y, start, rate, size, epochs, _), order, run in zip(cases, orders, runs, strict=True):
        assert [sorted(o) for o in order] == [list(range(len(x)))] * epochs
        point = torch.nn.Parameter(torch.tensor(start))
        optimizer = torch.optim.SGD([point], lr=rate)
        batches = [b for o in order for b in torch.tensor(o).split(size)]
        assert run["seen"] == np.cumsum([0] + [len(b) for b in batches]).tolist()
        assert run["points"][0] == start.tolist()
        for batch, visited in zip(batches, run["points"][1:], strict=True):
            optimizer.zero_grad()
            outputs = point[0] * torch.tensor(x)[batch] + point[1]
            (0.5 * torch.nn.functional.mse_loss(outputs, torch.tensor(y)[batch])).backward()
            optimizer.step()
            assert visited == pytest.approx(point.tolist(), rel=1e-7, abs=1e-9)
            steps += 1
    assert steps >= 1000


def test_ellipse_lies_at_its_number_of_standard_deviations(run_model):
    rng = np.random.default_rng(3)
    cases = []
    for _ in range(1000):
        root = rng.normal(size=(2, 2)) * rng.choice([0.1, 1, 10])
        matrix = root @ root.T + 1e-3 * np.eye(2)
        cases.append((rng.normal(size=2), matrix, float(rng.uniform(0.5, 3)), 12))
    for (centre, matrix, deviations, _), points in zip(
        cases, run_model("BatchSize", "ellipse", cases), strict=True
    ):
        off = np.array(points) - centre
        squared = np.einsum("ij,jk,ik->i", off, np.linalg.inv(matrix), off)
        np.testing.assert_allclose(squared, deviations**2, rtol=1e-5)


def test_recorded_values_are_joined_by_lines_on_logarithmic_axes(run_model):
    rng = np.random.default_rng(4)
    sizes = [1, 2, 4, 16, 100, 4096]
    cases = []
    for _ in range(1000):
        values = np.exp(rng.normal(size=len(sizes)))
        cases.append((sizes, values, int(np.exp(rng.uniform(0, np.log(4096))))))
    for (_, values, s), found in zip(
        cases, run_model("BatchSize", "interpolate", cases), strict=True
    ):
        expected = np.exp(np.interp(np.log(s), np.log(sizes), np.log(values)))
        assert found == pytest.approx(expected, rel=1e-9)
    (error,) = run_model("BatchSize", "interpolate", [(sizes, sizes, 5000)])
    assert "5000 was not recorded" in str(error)


def test_rates_rungs_and_ends(run_model):
    rates = run_model("BatchSize", "rateFor", [(0.4, 8, False), (0.4, 8, True), (0.4, 64, True)])
    assert rates == pytest.approx([0.4, 0.1, 0.8])
    rungs = run_model("BatchSize", "doublings", [(2,), (12,), (20,), (512,)])
    assert rungs[:3] == [[1, 2], [1, 2, 3, 4, 6, 8, 12], [1, 2, 3, 4, 6, 8, 12, 16, 20]]
    assert rungs[3][-3:] == [256, 384, 512]
    updates = run_model("BatchSize", "updatesPerEpoch", [(512, 8), (512, 100), (10, 10)])
    assert updates == [64, 6, 1]
    within = run_model("BatchSize", "updatesWithin", [([0, 3, 6, 7], e) for e in (0, 2, 3, 6, 9)])
    assert within == [0, 0, 1, 2, 3]
    run = {"points": [[0, 0], [3, 4], [30, 40], [0, 0]], "seen": [0, 1, 2, 3]}
    whole, part = run_model("BatchSize", "untilBeyond", [(run, [0, 0], 50), (run, [0, 0], 20)])
    assert whole == run
    assert part == {"points": [[0, 0], [3, 4], [30, 40]], "seen": [0, 1, 2]}


def test_recorded_step_holds_together():
    recording = throughput.load()
    sizes, seconds = recording["batch_size"], recording["seconds"]
    assert sizes == [2**k for k in range(13)]
    # Kept for each example: 784 inputs, 256 hidden values, 10 log-probabilities in float32, the
    # label in int64; for the batch, the loss's total weight.
    assert recording["saved_bytes"] == [s * (4 * (784 + 256 + 10) + 8) + 4 for s in sizes]
    each = np.array(seconds) / sizes
    assert each[0] > 20 * each[-1]


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("batch_size", 0),
        ("batch_size", 2.5),
        ("learning_rate", float("nan")),
        ("seed", -1),
        ("progress", 129),
        ("start", [0.0]),
        ("scaled", 1),
        ("x", [1.0]),
        ("y", [float("inf"), 0.0]),
        ("throughput", {"batch_size": [1, 2]}),
        ("throughput", {"batch_size": [2, 1], "seconds": [1, 1], "saved_bytes": [1, 1]}),
        ("throughput", {"batch_size": [1, 2], "seconds": [1, -1], "saved_bytes": [1, 1]}),
    ],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = BatchSize()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before


def test_values_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match=r"x has 3 values and .*y has 2"):
        BatchSize(x=[0, 1, 2], y=[0, 1], batch_size=1)
    with pytest.raises(ValueError, match="with 3 examples it must be 1 to 3"):
        BatchSize(x=[0, 1, 2], y=[0, 1, 2], batch_size=4)
