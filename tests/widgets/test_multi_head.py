"""The model functions that MultiHead ships, against torch's nn.MultiheadAttention."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from traitlets import TraitError

from introml.widgets import MultiHead

WIDGET = "MultiHead"


def by_torch(layer, heads):
    """q, weights, joined rows and output of torch's layer with these matrices."""
    X, *W = (torch.tensor(layer[name], dtype=torch.float64) for name in ("X", "Wq", "Wk", "Wv"))
    W_o = torch.tensor(layer["Wo"], dtype=torch.float64)
    d = X.shape[1]
    module = nn.MultiheadAttention(d, heads, bias=False, dtype=torch.float64)
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.cat([matrix.T for matrix in W]))
        module.out_proj.weight.copy_(W_o.T)
        output, weights = module(X, X, X, average_attn_weights=False)
        module.out_proj.weight.copy_(torch.eye(d))
        joined, _ = module(X, X, X)
    return weights, joined, output


@pytest.fixture(scope="module")
def cases():
    """(layer, heads): every size on a grid, then random ones."""
    rng = np.random.default_rng(0)
    sizes = [(T, d, h) for T in (1, 2, 4) for d in (2, 4, 8) for h in (1, 2, 4, 8) if d % h == 0]
    while len(sizes) < 1050:
        heads = int(rng.integers(1, 5))
        sizes.append((int(rng.integers(1, 7)), heads * int(rng.integers(1, 4)), heads))
    made = []
    for T, d, heads in sizes:
        layer = {name: rng.normal(size=(d, d)) for name in ("Wq", "Wk", "Wv", "Wo")}
        made.append((layer | {"X": rng.normal(size=(T, d))}, heads))
    return made


def test_all_steps_equal_torchs(run_model, cases):
    for (layer, heads), found in zip(cases, run_model(WIDGET, "multiHead", cases), strict=True):
        weights, joined, output = by_torch(layer, heads)
        assert np.array(found["weights"]) == pytest.approx(weights.numpy(), abs=1e-9)
        assert np.array(found["joined"]) == pytest.approx(joined.numpy(), abs=1e-9)
        assert np.array(found["output"]) == pytest.approx(output.numpy(), abs=1e-9)
        for name in "qkv":
            expected = layer["X"] @ layer[f"W{name}"]
            assert np.array(found[name]) == pytest.approx(expected, abs=1e-9)


def test_a_head_has_the_columns_that_torch_gives_it(run_model, cases):
    made = [(layer["X"], heads, head) for layer, heads in cases for head in range(heads)]
    for (matrix, heads, head), found in zip(made, run_model(WIDGET, "part", made), strict=True):
        T, d = matrix.shape
        expected = torch.tensor(matrix).view(T, heads, d // heads)[:, head]
        assert np.array(found) == pytest.approx(expected.numpy())
    (refused,) = run_model(WIDGET, "part", [(np.zeros((2, 8)), 3, 0)])
    assert "8 columns cannot be cut into 3 heads" in str(refused)


def test_the_layer_shown_is_that_of_torch_in_every_cut_and_counts_its_parameters(run_model):
    layers = run_model(WIDGET, "layer", [(seed,) for seed in range(1, 60)])
    counts = run_model(WIDGET, "parameters", [(layer,) for layer in layers])
    module = nn.MultiheadAttention(8, 2, bias=False)
    assert set(counts) == {sum(p.numel() for p in module.parameters())}
    made = [(layer, heads) for layer in layers for heads in (1, 2, 4, 8)]
    for (layer, heads), found in zip(made, run_model(WIDGET, "multiHead", made), strict=True):
        assert np.array(found["output"]) == pytest.approx(
            by_torch(layer, heads)[2].numpy(), abs=1e-9
        )


def test_the_random_numbers_are_normal(run_model):
    layers = run_model(WIDGET, "layer", [(seed,) for seed in range(1, 60)])
    for name, scale in (("X", 1), ("Wq", 2 / 8**0.5), ("Wk", 8**-0.5), ("Wo", 8**-0.5)):
        numbers = np.concatenate([np.ravel(layer[name]) for layer in layers]) / scale
        assert stats.kstest(numbers, "norm").pvalue > 0.001
    assert run_model(WIDGET, "layer", [(7,)])[0] == layers[6]


@pytest.mark.parametrize(
    ("trait", "value"), [("heads", 3), ("head", 8), ("token", "it"), ("seed", 0)]
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = MultiHead()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before
