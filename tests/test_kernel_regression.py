"""introml.kernel_regression against scikit-learn's neighbours and torch's attention."""

import math
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsRegressor, RadiusNeighborsRegressor

from introml.kernel_regression import KERNELS, kernel_regression, leave_one_out_loss

#: The kernels once more, as functions of a distance in bandwidths.
SHAPES = {
    "gaussian": lambda u: np.exp(-0.5 * u**2),
    "box": np.ones_like,
    "epanechnikov": lambda u: 1 - u**2,
}


def neighbours(kernel: str, bandwidth: float) -> RadiusNeighborsRegressor:
    """Scikit-learn's model; a Gaussian has no end, so every key lies in its radius."""

    def weights(distances):  # one array of distances for each query
        of_each = [SHAPES[kernel](d.astype(float) / bandwidth) for d in distances]
        found = np.empty(len(of_each), dtype=object)
        found[:] = of_each
        return found

    radius = 1e6 if kernel == "gaussian" else bandwidth
    return RadiusNeighborsRegressor(radius=radius, weights=weights)


def random(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_three_readings_by_hand():
    """Distances 1, 1 and 2 at bandwidth 1: the weights are as e^−½, e^−½ and e^−2."""
    near, far = math.exp(-0.5), math.exp(-2)
    total = 2 * near + far
    output, weights = kernel_regression(
        torch.tensor([9.0]),
        torch.tensor([8.0, 10.0, 11.0]),
        torch.tensor([12.0, 14.0, 20.0]),
        bandwidth=1.0,
    )
    expected = torch.tensor([[near / total, near / total, far / total]])
    torch.testing.assert_close(weights, expected)
    torch.testing.assert_close(output, torch.tensor([(26 * near + 20 * far) / total]))
    assert output.item() == pytest.approx(13.70, abs=0.005)


@pytest.mark.parametrize(
    ("kernel", "parts"), [("box", [1, 1, 0]), ("epanechnikov", [0.75, 0.75, 0])]
)
def test_kernels_that_end_by_hand(kernel, parts):
    """At bandwidth 2 the distances are ½, ½ and 1.5 of it."""
    _, weights = kernel_regression(
        torch.tensor([9.0]), torch.tensor([8.0, 10.0, 12.0]), torch.zeros(3), 2.0, kernel
    )
    expected = torch.tensor([parts], dtype=torch.float32)
    torch.testing.assert_close(weights, expected / expected.sum())


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 10**6), st.sampled_from(sorted(KERNELS)), st.integers(1, 3))
def test_predictions_equal_scikit_learns(seed, kernel, d):
    keys, values = random(seed, 30, d), random(seed + 1, 30, 2)
    query = keys[:9] + 0.3 * random(seed + 2, 9, d)
    bandwidth = 0.5 + (seed % 50) / 20
    model = neighbours(kernel, bandwidth)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*no neighbors within specified radius")
        expected = model.fit(keys.numpy(), values.numpy()).predict(query.numpy())
    output, weights = kernel_regression(query, keys, values, bandwidth, kernel)
    torch.testing.assert_close(output, torch.from_numpy(expected), equal_nan=True)
    reached = ~output.isnan().any(-1)
    torch.testing.assert_close(weights[reached].sum(-1), torch.ones(int(reached.sum())).double())


@pytest.mark.parametrize("kernel", ["box", "epanechnikov"])
def test_a_query_that_reaches_no_key_is_nan_as_in_scikit_learn(kernel):
    keys, values = torch.tensor([0.0, 1.0]), torch.tensor([10.0, 20.0])
    output, weights = kernel_regression(torch.tensor([5.0, 0.2]), keys, values, 2.0, kernel)
    assert output.isnan().tolist() == [True, False]
    assert weights[0].isnan().all()
    model = RadiusNeighborsRegressor(radius=2.0).fit(keys[:, None], values)
    with pytest.warns(UserWarning, match="no neighbors"):
        assert np.isnan(model.predict([[5.0]])).all()


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 3))
def test_gaussian_weights_are_torchs_softmax_and_so_are_all_gradients(seed, d):
    """The scores as torch.cdist has them, handed to torch's attention as an added mask."""
    leaves = [
        random(seed + i, *shape).requires_grad_()
        for i, shape in enumerate([(5, d), (7, d), (7, 2)])
    ]
    bandwidth = torch.tensor(0.5 + (seed % 30) / 10, dtype=torch.float64, requires_grad=True)
    query, keys, values = leaves
    output, weights = kernel_regression(query, keys, values, bandwidth)
    scores = -(torch.cdist(query, keys, compute_mode="donot_use_mm_for_euclid_dist") ** 2)
    scores = scores / (2 * bandwidth**2)
    nothing = torch.zeros_like(keys)
    expected = F.scaled_dot_product_attention(nothing[:5], nothing, values, attn_mask=scores)
    torch.testing.assert_close(weights, scores.softmax(-1))
    torch.testing.assert_close(output, expected)
    upstream = random(seed + 9, 5, 2)
    torch.testing.assert_close(
        torch.autograd.grad(output, [*leaves, bandwidth], upstream),
        torch.autograd.grad(expected, [*leaves, bandwidth], upstream),
    )


@pytest.mark.parametrize("kernel", ["gaussian", "epanechnikov"])
@pytest.mark.parametrize("leave_one_out", [False, True])
def test_gradients_equal_finite_differences(kernel, leave_one_out):
    x, y = random(3, 6).requires_grad_(), random(4, 6).requires_grad_()
    bandwidth = torch.tensor(2.5, dtype=torch.float64, requires_grad=True)

    def predict(x, y, bandwidth):
        return kernel_regression(x, x, y, bandwidth, kernel, leave_one_out)[0]

    assert torch.autograd.gradcheck(predict, (x, y, bandwidth))


def test_keys_of_one_norm_make_it_dot_product_attention():
    query, values = random(11, 5, 3), random(12, 7, 2)
    keys = F.normalize(random(13, 7, 3), dim=-1)
    output, _ = kernel_regression(query, keys, values, bandwidth=0.4)
    expected = F.scaled_dot_product_attention(query, keys, values, scale=1 / 0.4**2)
    torch.testing.assert_close(output, expected)


def test_narrow_is_the_nearest_neighbour_and_wide_the_mean():
    keys, values, query = random(20, 40, 2), random(21, 40), random(22, 15, 2)
    nearest = KNeighborsRegressor(1).fit(keys, values).predict(query)
    torch.testing.assert_close(
        kernel_regression(query, keys, values, 1e-4)[0], torch.from_numpy(nearest)
    )
    torch.testing.assert_close(
        kernel_regression(query, keys, values, 1e6)[0], values.mean().expand(15)
    )


def test_a_query_far_from_all_keys_gives_the_nearest_value():
    keys, values = torch.tensor([0.0, 1.0]), torch.tensor([10.0, 20.0])
    output, weights = kernel_regression(torch.tensor([1000.0]), keys, values, 1.0)
    assert output.tolist() == [20.0]
    assert torch.exp(torch.tensor(-(999.0**2) / 2)) == 0
    assert weights.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("kernel", sorted(KERNELS))
def test_leave_one_out_equals_deleting_the_example(kernel):
    x, y = random(30, 12, 2), random(31, 12)
    output, weights = kernel_regression(x, x, y, 3.0, kernel, leave_one_out=True)
    assert (weights.diagonal() == 0).all()
    for i in range(12):
        others = torch.arange(12) != i
        alone, _ = kernel_regression(x[i : i + 1], x[others], y[others], 3.0, kernel)
        torch.testing.assert_close(output[i : i + 1], alone)


def test_leave_one_out_loss_equals_scikit_learns_folds_of_one():
    x, y, h = random(40, 25), random(41, 25), 0.6
    model = neighbours("gaussian", h)
    errors = []
    for i in range(25):
        others = np.arange(25) != i
        model.fit(x[others, None], y[others])
        errors.append((model.predict(x[i : i + 1, None]) - y[i].item()).item() ** 2)
    assert leave_one_out_loss(x, y, h).item() == pytest.approx(np.mean(errors), rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_and_shapes_are_those_of_the_values(dtype):
    query, keys, values = (random(i, n).to(dtype) for i, n in enumerate((3, 5, 5)))
    output, weights = kernel_regression(query, keys, values, 1.0)
    assert (output.dtype, output.shape, weights.shape) == (dtype, (3,), (3, 5))
    wide, _ = kernel_regression(query, keys, values[:, None].expand(5, 4), 1.0)
    torch.testing.assert_close(wide, output[:, None].expand(3, 4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bandwidth": 0.0}, "bandwidth is 0; it must be above 0"),
        ({"bandwidth": torch.tensor(-1.0)}, "bandwidth is -1"),
        ({"bandwidth": float("nan")}, "bandwidth is nan"),
        ({"kernel": "boxcar"}, "must be one of gaussian, box, epanechnikov"),
        ({"values": torch.zeros(4)}, "do not fit"),
        ({"query": torch.zeros(3, 2)}, "do not fit"),
        ({"leave_one_out": True}, "3 queries and 5 keys"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(change, message):
    given = {
        "query": torch.zeros(3), "keys": torch.zeros(5), "values": torch.zeros(5), "bandwidth": 1.0
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        kernel_regression(**(given | change))
