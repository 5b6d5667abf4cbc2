"""The model functions that ChannelStack ships, against torch, its autograd and its own counts."""

import re
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from traitlets import TraitError

from introml.cost import flops
from introml.widgets import ChannelStack

WIDGET = "ChannelStack"
NAMES = ("input", "weights", "channels", "outputs", "size", "groups")


def setting_of(**changes):
    widget = ChannelStack(**changes)
    return {name: getattr(widget, name) for name in NAMES}


REST = setting_of()


def tensors(setting):
    """The input (C, 3, 3) and the weights (O, C / groups, k, k) that the widget shows, or None."""
    C, O, k, groups = (setting[name] for name in ("channels", "outputs", "size", "groups"))
    if C % groups or O % groups:
        return None
    x = torch.tensor(setting["input"], dtype=torch.float64).reshape(4, 3, 3)[:C]
    every = torch.tensor(setting["weights"], dtype=torch.float64).reshape(4, 4, 3, 3)
    every = every[:O, :C, 3 - k :, 3 - k :]
    each = C // groups
    own = [every[o, o // (O // groups) * each :][:each] for o in range(O)]
    return x, torch.stack(own)


def torch_output(setting):
    """The output as torch gives it, or None where torch refuses the groups."""
    found = tensors(setting)
    if found is not None:
        return F.conv2d(found[0][None], found[1], groups=setting["groups"])[0]
    x = torch.zeros(1, setting["channels"], 3, 3)
    layer = torch.zeros(setting["outputs"], max(1, setting["channels"] // setting["groups"]), 1, 1)
    with pytest.raises(RuntimeError):
        F.conv2d(x, layer, groups=setting["groups"])
    return None


def random_setting(rng):
    return REST | {
        "input": (rng.integers(-40, 41, size=36) / 4).tolist(),
        "weights": (rng.integers(-40, 41, size=144) / 4).tolist(),
        "channels": int(rng.integers(1, 5)),
        "outputs": int(rng.integers(1, 5)),
        "size": int(rng.integers(1, 4)),
        "groups": int(rng.choice([1, 1, 1, 2, 3, 4])),
    }


def grid():
    """Every combination of channels, outputs, size and groups."""
    rng = np.random.default_rng(1)
    for channels, outputs, size, groups in product(
        (1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3), (1, 2, 3, 4)
    ):
        yield random_setting(rng) | {
            "channels": channels, "outputs": outputs, "size": size, "groups": groups
        }  # fmt: skip


@pytest.fixture(scope="module")
def settings():
    rng = np.random.default_rng(0)
    return [*grid(), *(random_setting(rng) for _ in range(2400))]


@pytest.fixture(scope="module")
def legal(settings):
    found = [setting for setting in settings if tensors(setting) is not None]
    assert len(found) >= 1100
    return found


def test_every_output_equals_torch_or_is_refused_as_by_torch(run_model, settings):
    outputs = run_model(WIDGET, "output", [(setting,) for setting in settings])
    problems = run_model(WIDGET, "problem", [(setting,) for setting in settings])
    refused = 0
    for setting, output, problem in zip(settings, outputs, problems, strict=True):
        expected = torch_output(setting)
        assert bool(problem) == (expected is None)
        if expected is None:
            assert "must divide both" in str(output)
            refused += 1
        else:
            assert np.array(output).shape == tuple(expected.shape)
            assert np.array(output) == pytest.approx(expected.numpy(), rel=1e-12, abs=1e-12)
    assert refused > 100


def test_the_shares_of_the_channels_are_torchs_and_add_up(run_model, legal):
    cases = [
        (s, o, c) for s in legal[:400] for o in range(s["outputs"]) for c in range(s["channels"])
    ]
    shares = iter(run_model(WIDGET, "share", cases))
    read = iter(run_model(WIDGET, "channelsRead", [(s, o) for s, o, c in cases if c == 0]))
    for setting in legal[:400]:
        x, weight = tensors(setting)
        for o in range(setting["outputs"]):
            each = [np.array(next(shares)) for _ in range(setting["channels"])]
            own = next(read)
            assert len(own) == weight.shape[1]
            for k, c in enumerate(own):
                alone = F.conv2d(x[None, c : c + 1], weight[o : o + 1, k : k + 1])[0, 0]
                assert each[c] == pytest.approx(alone.numpy(), rel=1e-12, abs=1e-12)


def test_what_lights_up_is_what_autograd_finds(run_model, legal):
    rng = np.random.default_rng(2)
    cases, expected = [], []
    for setting in legal[:1200]:
        positive = setting | {"weights": [abs(w) + 0.5 for w in setting["weights"]]}
        x, weight = tensors(positive)
        x.requires_grad_()
        y = F.conv2d(x[None], weight, groups=setting["groups"])[0]
        cell = [int(rng.integers(n)) for n in y.shape]
        (gradient,) = torch.autograd.grad(y[tuple(cell)], x)
        cases.append((positive, cell))
        expected.append(gradient.nonzero().tolist())
    assert run_model(WIDGET, "sourcesOf", cases) == expected


def test_counts_are_those_of_torchs_layers_and_of_its_flop_counter(run_model):
    settings = [setting for setting in grid() if tensors(setting) is not None]
    found = run_model(WIDGET, "costs", [(setting,) for setting in settings])
    lines = run_model(WIDGET, "costLines", [(setting,) for setting in settings])
    for setting, costs, told in zip(settings, found, lines, strict=True):
        C, O, k, groups = (setting[name] for name in ("channels", "outputs", "size", "groups"))
        layer = torch.nn.Conv2d(C, O, k, groups=groups, bias=False)
        y = torch_output(setting)
        assert costs["kernel"] == list(layer.weight.shape)
        assert costs["input"] == [C, 3, 3]
        assert costs["output"] == list(y.shape)
        assert costs["weights"] == layer.weight.numel()
        assert costs["flops"] == flops(layer, (1, C, 3, 3)) == 2 * costs["macs"]
        text = dict(told)
        assert f"{costs['macs']} MAC" in text["Work"]
        assert f"{costs['flops']} FLOPs" in text["Work"]
        assert text["Weights"].endswith(f" = {costs['weights']}")


def value_of(text):
    return eval(text.replace("−", "-").replace("·", "*"), {"__builtins__": {}})


def test_written_sums_have_the_value_of_torch(run_model, legal):
    rng = np.random.default_rng(3)
    cells = [[int(rng.integers(n)) for n in torch_output(setting).shape] for setting in legal]
    whole = [s | {name: np.round(s[name]).tolist() for name in ("input", "weights")} for s in legal]
    texts = run_model(WIDGET, "sumText", list(zip(whole, cells, strict=True)))
    for setting, cell, text in zip(whole, cells, texts, strict=True):
        expected = torch_output(setting)[tuple(cell)].item()
        formula = re.split(r", (?:from|one) ", text)[0]
        assert [value_of(part) for part in formula.split(" = ")] == [expected] * len(
            formula.split(" = ")
        )


@pytest.mark.parametrize(
    ("changes", "cell", "text"),
    [
        ({}, [0, 0, 0], "(0·0 + 1·1 + 3·2 + 4·3) + (1·1 + 2·2 + 4·3 + 5·4) = 19 + 37 = 56"),
        ({"channels": 1}, [0, 1, 1], "4·0 + 5·1 + 7·2 + 8·3 = 43, from channel 0 alone"),
        ({"size": 1}, [0, 0, 0], "0·3 + 1·4 = 4"),
        ({"size": 1, "input": [0.123] * 36}, [0, 0, 0], "0.12·3 + 0.12·4 ≈ 0.86"),
        (
            {"channels": 3},
            [0, 0, 0],
            "19 + 37 + 63 = 119, one sum of 4 products from each of 3 channels",
        ),
        (
            {"outputs": 2},
            [1, 0, 0],
            "(0·(−1) + 1·(−1) + 3·(−1) + 4·(−1)) + (1·1 + 2·1 + 4·1 + 5·1) = −8 + 12 = 4",
        ),
    ],
)  # fmt: skip
def test_sums_read_as_a_person_would_write_them(run_model, changes, cell, text):
    assert run_model(WIDGET, "sumText", [(REST | changes, cell)]) == [text]


def test_the_default_gives_the_numbers_worked_by_hand(run_model):
    assert run_model(WIDGET, "output", [(REST,)]) == [[[[56, 72], [104, 120]]]]
    (three,) = run_model(WIDGET, "output", [(REST | {"channels": 3},)])
    assert len(three) == 1  # what the question asks


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"groups": 2, "outputs": 1}, "2 groups cannot share 1 output channel evenly"),
        (
            {"groups": 2, "channels": 3, "outputs": 3},
            "2 groups cannot share 3 input channels and 3 output channels evenly",
        ),
    ],
)
def test_refusals_say_why(run_model, changes, words):
    assert words in run_model(WIDGET, "problem", [(REST | changes,)])[0]


def test_a_block_of_the_right_shape_is_taken_and_no_other():
    widget = ChannelStack(input=torch.ones(4, 3, 3), weights=np.zeros((4, 4, 3, 3)))
    assert widget.input == [1.0] * 36
    assert widget.weights == [0.0] * 144
    for wrong in (torch.ones(3, 4, 3), torch.ones(2, 3, 3), [1.0] * 35):
        with pytest.raises(TraitError, match="must be"):
            widget.input = wrong
    assert widget.input == [1.0] * 36
