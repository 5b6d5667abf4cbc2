"""The model functions that ActivationExplorer ships, against torch's values and autograd."""

import math

import pytest
import torch
from torch.nn import functional as F

from introml.widgets.activation_explorer import FUNCTIONS, ActivationExplorer

PYTORCHS = {
    "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": F.relu,
    "leaky_relu": F.leaky_relu, "gelu": F.gelu, "silu": F.silu,
}  # fmt: skip


#: PyTorch's GELU loses its digits far to the left, where 1 + erf is nearly 0; erfc keeps them.
IN_LAYERS = PYTORCHS | {"gelu": lambda x: x * 0.5 * torch.erfc(-x / math.sqrt(2))}


def check(found, expected, case=""):
    for walk in ("signal", "gradient"):
        for layer, pair in enumerate(zip(found[walk], expected[walk], strict=True)):
            assert math.isclose(*pair, rel_tol=1e-6, abs_tol=1e-300), (walk, layer, pair, case)


def by_autograd(name, network, scale, depth):
    """The norms that `passes` returns, from torch's forward and reverse derivatives."""
    layers = torch.tensor(network["layers"], dtype=torch.float64)
    x, nudge, top = (
        torch.tensor(network[part], dtype=torch.float64) for part in ("input", "nudge", "top")
    )
    width = len(x)

    def after(h, first, last):
        for layer in range(first, last):
            h = IN_LAYERS[name](scale * layers[layer].view(width, width) @ h)
        return h

    signal, gradient = [], []
    for layer in range(depth + 1):
        change = torch.func.jvp(lambda h, last=layer: after(h, 0, last), (x,), (nudge,))[1]
        signal.append((change.norm() / nudge.norm()).item())
        h = after(x, 0, layer).detach().requires_grad_()
        (arriving,) = torch.autograd.grad(after(h, layer, depth) @ top, h)
        gradient.append((arriving.norm() / top.norm()).item())
    return {"signal": signal, "gradient": gradient}


def random_network(generator, width, depth):
    def numbers(count):
        return torch.randn(count, generator=generator, dtype=torch.float64).tolist()

    parts = {part: numbers(width) for part in ("input", "nudge", "top")}
    return parts | {"layers": [numbers(width * width) for _ in range(depth)]}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_slopes_equal_torchs_on_a_grid(run_model, name):
    places = [x / 50 for x in range(-600, 601)] + [-60.0, 60.0]
    x = torch.tensor(places, dtype=torch.float64, requires_grad=True)
    values = PYTORCHS[name](x)
    (slopes,) = torch.autograd.grad(values.sum(), x)
    found = run_model("ActivationExplorer", "valueAndSlope", [(name, place) for place in places])
    for pair, value, slope in zip(found, values.tolist(), slopes.tolist(), strict=True):
        assert pair[0] == pytest.approx(value, rel=1e-9, abs=1e-14)
        assert pair[1] == pytest.approx(slope, rel=1e-9, abs=1e-14)


def test_the_normal_distribution_keeps_its_digits_in_both_tails(run_model):
    places = [x / 20 for x in range(-200, 201)]
    found = run_model("ActivationExplorer", "normalBelow", [(x,) for x in places])
    for x, below in zip(places, found, strict=True):
        assert below == pytest.approx(0.5 * math.erfc(-x / math.sqrt(2)), rel=1e-9)


@pytest.fixture(scope="module")
def networks():
    """(function, network, scale, depth): 1,200 small random ones, every function among them."""
    generator = torch.Generator().manual_seed(0)
    cases = []
    for i in range(1200):
        width = 1 + i % 5
        depth = 1 + (i // 5) % 7
        scale = 0.2 + 1.8 * torch.rand((), generator=generator).item()
        network = random_network(generator, width, depth)
        cases.append((FUNCTIONS[i % len(FUNCTIONS)], network, scale, depth))
    return cases


def test_both_walks_equal_autograds_on_random_networks(run_model, networks):
    zeros = 0
    for case, found in zip(
        networks, run_model("ActivationExplorer", "passes", networks), strict=True
    ):
        expected = by_autograd(*case)
        check(found, expected, case)
        zeros += expected["gradient"][0] == 0
    assert 0 < zeros < 400  # some are dead, most are not


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_network_that_is_drawn_has_autograds_norms(run_model, name):
    """With the weights that the page draws, at its full size; each entry of both curves."""
    [network] = run_model("ActivationExplorer", "draw", [(3,)])
    for scheme, variance in (("xavier", 1 / 64), ("he", 2 / 64), ("pytorch", 1 / 192)):
        [found] = run_model("ActivationExplorer", "passesOf", [(name, scheme, 30, 3)])
        expected = by_autograd(name, network, variance**0.5, 30)
        check(found, expected)


def test_fewer_layers_are_the_first_ones(run_model):
    deep, shallow = run_model(
        "ActivationExplorer", "passesOf", [("tanh", "xavier", depth, 1) for depth in (30, 11)]
    )
    assert shallow["signal"] == deep["signal"][:12]
    assert len(shallow["gradient"]) == 12


def test_the_drawn_numbers_are_standard_normal(run_model):
    [network] = run_model("ActivationExplorer", "draw", [(0,)])
    weights = torch.tensor(network["layers"])
    assert weights.shape == (30, 64 * 64)
    assert abs(weights.mean()) < 0.01
    assert abs(weights.std() - 1) < 0.01
    assert abs((weights**4).mean() - 3) < 0.1


def test_the_variances_are_those_of_pytorchs_own_initializations(run_model):
    """Measured on layers that PyTorch draws itself, 64 to 64."""
    torch.manual_seed(0)
    measured = {}
    for scheme, start in (
        ("xavier", torch.nn.init.xavier_normal_),
        ("he", torch.nn.init.kaiming_normal_),
        ("pytorch", lambda weight: weight),
    ):
        drawn = [torch.nn.Linear(64, 64).weight for _ in range(50)]
        measured[scheme] = torch.stack([start(weight) for weight in drawn]).var().item()
    for scheme, variance in measured.items():
        [ours] = run_model("ActivationExplorer", "variance", [(scheme,)])
        assert ours == pytest.approx(variance, rel=0.02)


def test_an_overflow_and_an_underflow_keep_their_norm(run_model):
    one = {"layers": [[1.0]] * 30, "input": [1.0], "nudge": [1.0], "top": [1.0]}
    for scale in (1e-9, 1e9):
        [found] = run_model("ActivationExplorer", "passes", [("relu", one, scale, 30)])
        assert found["signal"] == pytest.approx([scale**k for k in range(31)], rel=1e-9)


@pytest.mark.parametrize(
    ("left", "said"),
    [(0, "vanishes"), (9e-4, "vanishes"), (0.2, "survives"), (999, "survives"), (1001, "explodes")],
)
def test_the_verdict_says_what_is_left(run_model, left, said):
    assert run_model("ActivationExplorer", "verdict", [(left,)]) == [said]


def test_thirty_quarters(run_model):
    assert run_model("ActivationExplorer", "chained", [(0.25, 30)]) == [0.25**30]


def test_every_function_of_the_class_is_drawn(run_model):
    for name in FUNCTIONS:
        assert ActivationExplorer(activation=name).activation == name
        [(value, slope)] = run_model("ActivationExplorer", "valueAndSlope", [(name, 0.7)])
        assert 0 < value <= 0.7
        assert 0 < slope <= 1.1
    with pytest.raises(ValueError, match="must be one of"):
        ActivationExplorer(activation="elu")
