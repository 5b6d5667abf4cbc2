"""The model functions that Unroller ships, against torch's recurrent layers and autograd."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from introml.widgets.unroller import CELLS, Unroller

PARTS = {"rnn": 1, "linear": 1, "lstm": 4, "gru": 3}
LAYERS = {"rnn": nn.RNN, "linear": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def torch_layer(cell: str, weights: dict) -> nn.Module:
    """torch's own layer with these weights; for "linear" an RNN that only holds them."""
    W_x, W_h, b = (torch.tensor(weights[name], dtype=torch.float64) for name in ("W_x", "W_h", "b"))
    layer = LAYERS[cell](W_x.shape[0], W_h.shape[0], batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(W_x.T)
        layer.weight_hh_l0.copy_(W_h.T)
        layer.bias_ih_l0.copy_(b)
        layer.bias_hh_l0.zero_()
    return layer


def states_of(cell: str, layer: nn.Module, X: torch.Tensor, starts: list[int]) -> torch.Tensor:
    """(T, H), detached wherever one of `starts` begins; for "linear" by a plain loop."""
    size = layer.hidden_size
    zeros = torch.zeros(1, 1, size, dtype=torch.float64)
    state = (zeros, zeros) if cell == "lstm" else zeros
    pieces = []
    for begin, end in itertools.pairwise([*starts, len(X)]):
        state = tuple(s.detach() for s in state) if cell == "lstm" else state.detach()
        if cell == "linear":
            h = state[0, 0]
            for x in X[begin:end]:
                h = layer.weight_ih_l0 @ x + layer.bias_ih_l0 + layer.weight_hh_l0 @ h
                pieces.append(h[None])
            state = h[None, None]
        else:
            piece, state = layer(X[None, begin:end], state)
            pieces.append(piece[0])
    return torch.cat(pieces)


def by_autograd(cell, weights, inputs, window=0):
    layer = torch_layer(cell, weights)
    X = torch.tensor(inputs, dtype=torch.float64, requires_grad=True)
    starts = list(range(0, len(X), window)) if window else [0]
    states = states_of(cell, layer, X, starts)
    loss = states[-1].sum() / states.shape[1] ** 0.5
    parameters = [layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0]
    by_x, *rest = torch.autograd.grad(loss, [X, *parameters])
    total = torch.stack([g.norm() for g in rest]).norm().item()
    return states.detach().numpy(), by_x.norm(dim=1).numpy(), total


@pytest.fixture(scope="module")
def cases():
    """(cell, weights, inputs, window): 1,200 small layers, every kind among them."""
    rng = np.random.default_rng(0)
    made = []
    for i in range(1200):
        cell = CELLS[i % 4]
        D, H, T = (int(rng.integers(1, most + 1)) for most in (3, 4, 7))
        scale = rng.uniform(0.2, 1.6)
        weights = {
            name: (scale * rng.standard_normal(shape)).tolist()
            for name, shape in (
                ("W_x", (D, PARTS[cell] * H)),
                ("W_h", (H, PARTS[cell] * H)),
                ("b", PARTS[cell] * H),
            )
        }
        made.append((cell, weights, rng.standard_normal((T, D)).tolist(), int(rng.integers(0, 5))))
    return made


def test_random_layers_have_torchs_states_and_autograds_gradients(run_model, cases):
    forward = run_model("Unroller", "forward", [case[:3] for case in cases])
    backward = run_model("Unroller", "backward", cases)
    cut = 0
    for case, steps, walk in zip(cases, forward, backward, strict=True):
        states, by_x, total = by_autograd(*case)
        np.testing.assert_allclose([step["h"] for step in steps], states, atol=1e-12, rtol=1e-9)
        np.testing.assert_allclose(walk["inputs"], by_x, atol=1e-12, rtol=1e-6)
        assert walk["total"] == pytest.approx(total, rel=1e-6, abs=1e-12)
        cut += by_x[0] == 0
    assert 200 < cut < 900, "some walks are cut, some are whole"


@pytest.mark.parametrize("cell", CELLS)
def test_the_layer_that_is_drawn_has_autograds_gradients(run_model, cell):
    """At its full size over a grid of settings, with the inputs that the figure draws."""
    [inputs] = run_model("Unroller", "inputsOf", [(list("the cat that sat on the mat was fat"),)])
    grid = [
        (cell, seed, radius, keep)
        for seed in (0, 7)
        for radius in (0.1, 0.9, 2)
        for keep in (-3, 0, 6)
    ]
    layers = run_model("Unroller", "layer", grid)
    for weights in layers:
        for window in (0, 6):
            [walk] = run_model("Unroller", "backward", [(cell, weights, inputs, window)])
            _, by_x, total = by_autograd(cell, weights, inputs, window)
            np.testing.assert_allclose(walk["inputs"], by_x, rtol=1e-6, atol=1e-300)
            assert walk["total"] == pytest.approx(total, rel=1e-6)


def test_the_gradient_by_a_state_is_one_at_the_end_and_powers_of_a_rotation_before(run_model):
    """A linear layer that turns by a quarter and halves: 1, 1/2, 1/4, … by hand."""
    weights = {"W_x": [[0, 0]], "W_h": [[0, 0.5], [-0.5, 0]], "b": [0, 0]}
    [walk] = run_model("Unroller", "backward", [("linear", weights, [[0]] * 5, 0)])
    assert walk["states"] == pytest.approx([1 / 16, 1 / 8, 1 / 4, 1 / 2, 1])


def test_spectral_radii_equal_numpys(run_model):
    rng = np.random.default_rng(1)
    matrices = [
        (rng.uniform(0.1, 3) * rng.standard_normal((n, n))).tolist()
        for n in rng.integers(1, 17, 1000)
    ]
    found = run_model("Unroller", "spectralRadius", [(matrix,) for matrix in matrices])
    for matrix, radius in zip(matrices, found, strict=True):
        assert radius == pytest.approx(np.abs(np.linalg.eigvals(matrix)).max(), rel=1e-6)


def test_spectral_radii_of_special_matrices(run_model):
    rotation, shift, zeros = [[0, -1], [1, 0]], [[0, 5], [0, 0]], [[0, 0], [0, 0]]
    found = run_model("Unroller", "spectralRadius", [(rotation,), (shift,), (zeros,)])
    assert found == [pytest.approx(1), 0, 0]


def test_the_drawn_layer_has_the_radius_and_the_bias_that_were_asked_for(run_model):
    plain, gated, other = run_model(
        "Unroller", "layer", [("rnn", 3, 1.3, 0), ("lstm", 3, 1, 2.5), ("gru", 3, 1, 2.5)]
    )
    assert np.abs(np.linalg.eigvals(plain["W_h"])).max() == pytest.approx(1.3, rel=1e-6)
    # torch's order: an LSTM's parts are i, f, g, o; a GRU's r, z, n. The second one keeps.
    assert gated["b"] == [0] * 16 + [2.5] * 16 + [0] * 32
    assert other["b"] == [0] * 16 + [2.5] * 16 + [0] * 16


def test_a_character_is_always_the_same_numbers(run_model):
    [rows] = run_model("Unroller", "inputsOf", [(list("abcab"),)])
    assert rows[0] == rows[3]
    assert rows[1] == rows[4]
    assert np.linalg.matrix_rank(rows[:3]) == 3


@pytest.mark.parametrize("case", [(3.0, 0.0), (3.0, 4.0), (3.0, 1.5), (0.0, 1.0)])
def test_clipping_is_torchs(run_model, case):
    total, most = case
    [factor] = run_model("Unroller", "clipFactor", [case])
    leaf = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    leaf.grad = torch.tensor([total, 0.0], dtype=torch.float64)
    torch.nn.utils.clip_grad_norm_([leaf], most or float("inf"))
    assert factor * total == pytest.approx(leaf.grad[0].item(), rel=1e-5)


@pytest.mark.parametrize("text", ["a\nb", "x" * 41, 3])
def test_a_text_that_cannot_be_shown_is_refused(text):
    with pytest.raises(ValueError, match=r"Unroller\.text must be"):
        Unroller(text=text)
