"""The model functions that ParameterCounter ships, against real networks of torch.nn."""

import itertools
import random

import pytest
import torch
from bs4 import BeautifulSoup
from torch import nn
from traitlets import TraitError

from introml.widgets import ParameterCounter
from introml.widgets.base import bundle_path
from introml.widgets.parameter_counter import MOST_LAYERS


def networks():
    """(widths, batch): every small one of up to two layers, and 1,200 random ones."""
    rng = random.Random(0)
    small = [[a, b] for a in range(1, 5) for b in range(1, 5)]
    small += [[*pair, c] for pair in small for c in range(1, 5)]
    drawn = [
        [rng.choice([1, 2, 3, 10, rng.randint(1, 4096)]) for _ in range(rng.randint(2, 6))]
        for _ in range(1200)
    ]
    return [(widths, rng.choice([1, rng.randint(1, 1024)])) for widths in small + drawn]


NETWORKS = networks()


def built(widths):
    """The network in torch, without memory for its numbers."""
    modules = []
    with torch.device("meta"):
        for inputs, outputs in itertools.pairwise(widths):
            modules += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def test_shapes_and_counts_of_each_layer_are_those_of_torchs_modules(run_model):
    found = run_model("ParameterCounter", "layersOf", NETWORKS)
    for (widths, batch), layers in zip(NETWORKS, found, strict=True):
        net = built(widths)
        flowing = torch.zeros(batch, widths[0], device="meta")
        expected, follows = [], [*net[1:], None]
        for module, after in zip(net, follows, strict=True):
            before, flowing = flowing, module(flowing)
            if isinstance(module, nn.Linear):
                expected.append(
                    {
                        "weight": list(module.weight.shape),
                        "bias": list(module.bias.shape),
                        "weights": module.weight.numel(),
                        "biases": module.bias.numel(),
                        "parameters": sum(p.numel() for p in module.parameters()),
                        "input": list(before.shape),
                        "output": list(flowing.shape),
                        "bends": isinstance(after, nn.ReLU),
                    }
                )
        assert layers == expected, (widths, batch)


def test_totals_are_those_of_the_whole_network(run_model):
    found = run_model("ParameterCounter", "totals", [(widths,) for widths, _ in NETWORKS])
    for (widths, _), total in zip(NETWORKS, found, strict=True):
        sizes = {name: p.numel() for name, p in built(widths).named_parameters()}
        weights = sum(size for name, size in sizes.items() if name.endswith("weight"))
        assert total == {
            "weights": weights,
            "biases": sum(sizes.values()) - weights,
            "parameters": sum(sizes.values()),
        }, widths


def test_the_line_of_code_builds_that_network(run_model):
    cases = [(widths,) for widths, _ in NETWORKS[:200]]
    found = run_model("ParameterCounter", "modules", cases)
    for (widths,), modules in zip(cases, found, strict=True):
        with torch.device("meta"):
            net = eval(f"nn.Sequential({', '.join(modules)})", {"nn": nn})
        assert str(net) == str(built(widths))


def test_known_networks(run_model):
    """By hand: 2·2 + 2 + 2 + 1; 64·32 + 32 + 32·10 + 10; 784·512 + 512 + 512·512 + …"""
    known = {(2, 2, 1): 9, (2, 4, 1): 17, (64, 32, 10): 2410, (784, 512, 512, 10): 669_706}
    found = run_model("ParameterCounter", "totals", [(list(widths),) for widths in known])
    assert [total["parameters"] for total in found] == list(known.values())


def test_what_is_left_out_of_a_drawing_lies_in_the_middle(run_model):
    cases = [(width, most) for width in range(1, 40) for most in range(4, 10)]
    for (width, most), drawn in zip(
        cases, run_model("ParameterCounter", "drawnNeurons", cases), strict=True
    ):
        if width <= most:
            assert drawn == list(range(width))
            continue
        assert len(drawn) == most
        assert drawn.count(None) == 1
        gap = drawn.index(None)
        assert drawn[:gap] == list(range(gap))
        assert drawn[gap + 1 :] == [width - 2, width - 1]


def test_a_hidden_layer_comes_and_goes_before_the_outputs(run_model):
    cases = [([2, 1],), ([2, 3, 1],), ([5, 4, 3, 2],)]
    deeper = run_model("ParameterCounter", "deeper", cases)
    assert deeper == [[2, 4, 1], [2, 3, 3, 1], [5, 4, 3, 3, 2]]
    back = run_model("ParameterCounter", "shallower", [(widths,) for widths in deeper])
    assert back == [widths for (widths,) in cases]
    assert run_model("ParameterCounter", "shallower", [([7, 3],)]) == [[7, 3]]


def drawn(stills, **traits):
    widget = ParameterCounter(**traits)
    state = {name: getattr(widget, name) for name in (*widget.public_traits(), "_forms")}
    bundle = str(bundle_path("ParameterCounter", ".mjs"))
    html = stills.ask({"bundle": bundle, "anchor": "a", "state": state})["html"]
    page = BeautifulSoup(html, "html.parser")
    return page.select_one("[data-readout]").get_text(), page


def test_what_is_said_and_drawn_of_the_staircase(stills):
    said, page = drawn(stills)
    assert said == (
        "9 parameters: 6 weights, one for each arrow, and 3 biases, one for each neuron that "
        "arrows lead to. A batch of 4 examples goes in with the shape (4, 2) and comes out with "
        "(4, 1)."
    )
    assert len(page.select(".iml-parameter-counter-layer line")) == 6
    assert len(page.select(".iml-parameter-counter-column circle")) == 5
    assert page.select_one("pre").get_text() == (
        "nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))"
    )
    rows = [[cell.get_text() for cell in row.select("th, td")] for row in page.select("tbody tr")]
    assert rows == [
        ["1", "(2, 2)", "(2,)", "6", "(4, 2)"],
        ["2", "(1, 2)", "(1,)", "3", "(4, 1)"],
        ["all", "", "", "9", ""],
    ]


def test_what_is_said_of_one_layer(stills):
    said, page = drawn(stills, widths=[784, 512, 512, 10], batch=64, layer=1)
    assert said == (
        "Layer 1 turns (64, 784) into (64, 512). It has 512 neurons, each with 784 weights and a "
        "bias: 512 · (784 + 1) = 401,920 parameters. A ReLU follows, which changes no shape."
    )
    assert len(page.select("tr.iml-parameter-counter-now")) == 1
    said, _ = drawn(stills, widths=[1, 1], batch=1, layer=5)
    assert said == (
        "Layer 1 turns (1, 1) into (1, 1). It has 1 neuron, each with 1 weight and a bias: "
        "1 · (1 + 1) = 2 parameters. No ReLU follows: it is the last."
    )


def test_each_width_can_be_set_within_the_bounds_of_its_trait(stills):
    _, page = drawn(stills, widths=[3, 5, 7, 2])
    fields = page.select(".iml-parameter-counter-fields input")
    assert [field["value"] for field in fields] == ["3", "5", "7", "2"]
    assert {(field["min"], field["max"]) for field in fields} == {("1", "4096")}
    labels = [label.get_text() for label in page.select(".iml-parameter-counter-fields label")]
    assert labels == ["Inputs", "Hidden 1", "Hidden 2", "Outputs"]


@pytest.mark.parametrize(
    ("trait", "value"),
    [("widths", [3]), ("widths", [2] * (MOST_LAYERS + 2)), ("widths", [2, 0]),
     ("widths", [2, 4097]), ("widths", [2, 1.5]), ("batch", 0), ("batch", 1025), ("layer", -1),
     ("question", 1)],
)  # fmt: skip
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = ParameterCounter()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before
