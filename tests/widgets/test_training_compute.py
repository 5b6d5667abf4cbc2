"""The arithmetic that TrainingCompute ships, against torch's FLOP counter, counted bytes, units."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from traitlets import TraitError

from introml import compute
from introml.widgets import TrainingCompute


def stack(rng):
    """Linear layers without biases, and how many parameters they have."""
    widths = [int(width) for width in rng.integers(1, 40, size=int(rng.integers(2, 6)))]
    layers = [nn.Linear(a, b, bias=False) for a, b in pairwise(widths)]
    return nn.Sequential(*layers), sum(layer.weight.numel() for layer in layers), widths[0]


def test_training_flops_are_what_torch_counts_forward_and_backward(run_model):
    rng = np.random.default_rng(0)
    cases, counted = [], []
    for _ in range(100):
        net, parameters, width = stack(rng)
        tokens = int(rng.integers(1, 50))
        # The input's gradient is asked for, as below a first layer there is an embedding.
        x = torch.ones(tokens, width, requires_grad=True)
        with FlopCounterMode(display=False) as counter:
            net(x).sum().backward()
        cases.append((parameters, tokens))
        counted.append(counter.get_total_flops())
    assert run_model("TrainingCompute", "trainingFlops", cases) == counted


def test_a_tokens_flops_are_what_torch_counts_forward(run_model):
    rng = np.random.default_rng(1)
    cases, counted = [], []
    for _ in range(100):
        net, parameters, width = stack(rng)
        batch = int(rng.integers(1, 50))
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(torch.ones(batch, width))
        setting = {"parameters": parameters, "batch": batch}
        cases.append((setting | {"peak": 1e12, "bandwidth": 1e9, "count": 1},))
        counted.append(counter.get_total_flops())
    found = run_model("TrainingCompute", "token", cases)
    assert [each["flops"] for each in found] == counted


def test_bytes_are_those_of_tensors_in_mixed_precision_training_with_adam(run_model):
    """Counted on real tensors: bfloat16 weights and gradients, float32 weights, Adam's state."""
    cases, weights, states = [], [], []
    for rows, columns in ((3, 2), (17, 40), (64, 64)):
        master = nn.Parameter(torch.randn(rows, columns))
        low = master.detach().bfloat16().requires_grad_()
        low.sum().backward()
        master.grad = low.grad.float()
        adam = torch.optim.Adam([master])
        adam.step()
        moments = [v for v in adam.state[master].values() if v.shape == master.shape]
        assert len(moments) == 2
        kept = [low, low.grad, master, *moments]
        cases.append((master.numel(),))
        weights.append(low.nbytes)
        states.append(sum(tensor.nbytes for tensor in kept))
    found = run_model("TrainingCompute", "bytes", cases)
    assert [each["weights"] for each in found] == weights
    assert [each["state"] for each in found] == states


def test_training_time_is_work_over_pace(run_model):
    """A year of 1,000 GPUs at half of 2 PFLOP/s and 500 W, put together from units alone."""
    year = 365 * 24 * 3600
    flops = 1000 * year * 1e15
    setting = {"flops": flops, "peak": 2e15, "power": 500, "count": 1000, "utilization": 0.5}
    (found,) = run_model("TrainingCompute", "training", [(setting,)])
    assert found["seconds"] == pytest.approx(year)
    assert found["gpuHours"] == pytest.approx(1000 * 365 * 24)
    assert found["joules"] == pytest.approx(1000 * 500 * year)
    within = {"peak": 2e15, "count": 1000, "utilization": 0.5, "days": 365}
    assert run_model("TrainingCompute", "flopsWithin", [(within,)]) == [pytest.approx(flops)]


def test_gpt3_on_one_h100_takes_25_years(run_model):
    """By hand: 3.15e23 / (0.4 · 9.895e14) = 7.96e8 s, a year being 3.156e7 s."""
    h100 = compute.gpu("H100 SXM")
    (flops,) = run_model("TrainingCompute", "trainingFlops", [(175e9, 300e9)])
    assert flops == pytest.approx(3.15e23)
    setting = {"flops": flops, "peak": h100.peak, "power": 700, "count": 1, "utilization": 0.4}
    (found,) = run_model("TrainingCompute", "training", [(setting,)])
    assert found["seconds"] / 3.156e7 == pytest.approx(25.2, abs=0.1)


def test_a_token_takes_the_longer_of_reading_and_arithmetic(run_model):
    """A simulated clock: bytes and products in slices of a microsecond, both at once."""
    rng = np.random.default_rng(2)
    cases = []
    for _ in range(300):
        setting = {
            "parameters": float(rng.integers(10**6, 10**9)),
            "batch": int(rng.integers(1, 1025)),
            "peak": 10 ** rng.uniform(13, 15.5),
            "bandwidth": 10 ** rng.uniform(11, 13),
            "count": int(rng.integers(1, 9)),
        }
        cases.append((setting,))
    for (case,), found in zip(cases, run_model("TrainingCompute", "token", cases), strict=True):
        read, products = 2 * case["parameters"], 2 * case["parameters"] * case["batch"]
        slices = [
            math.ceil(read / (case["bandwidth"] * case["count"] * 1e-6)),
            math.ceil(products / (case["peak"] * case["count"] * 1e-6)),
        ]
        seconds = max(slices) * 1e-6
        assert case["batch"] / found["tokensPerSecond"] == pytest.approx(seconds, abs=1e-6)
        if slices[0] != slices[1]:
            assert found["bound"] == ("memory" if slices[0] > slices[1] else "compute")
        assert (found["bound"] == "memory") == (case["batch"] <= found["balance"])


def test_the_fewest_gpus_that_hold_the_bytes(run_model):
    cases = [(size, 80) for size in (1, 79, 80, 81, 160, 161)]
    found = run_model("TrainingCompute", "gpusToHold", cases)
    assert found == [1, 1, 1, 2, 2, 3]
    for (size, memory), count in zip(cases, found, strict=True):
        assert count * memory >= size > (count - 1) * memory


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("view", "days"),
        ("parameters", 0),
        ("parameters", float("nan")),
        ("tokens", 1e20),
        ("gpu", "H100"),
        ("count", 1.5),
        ("utilization", 1.1),
        ("batch", 0),
        ("catalogue", []),
        ("catalogue", [{"name": "H100 SXM"}]),
        ("models", [{"name": "GPT-3", "parameters": -1, "tokens": 1, "flops": 1}]),
    ],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = TrainingCompute()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before


def test_a_catalogue_without_the_chosen_gpu_is_refused():
    own = {"name": "mine", "peak": 1e12, "bandwidth": 1e11, "memory": 1e9, "power": 50}
    with pytest.raises(ValueError, match="'H100 SXM', which is not in the catalogue; it has mine"):
        TrainingCompute(catalogue=[own])


def test_it_opens_with_the_facts_of_the_book():
    widget = TrainingCompute()
    assert (widget.view, widget.gpu, widget.count) == ("training", "H100 SXM", 1)
    assert (widget.utilization, widget.batch) == (0.4, 1)
    assert [each["name"] for each in widget.catalogue] == [gpu.name for gpu in compute.gpus()]
    assert [each["flops"] for each in widget.models] == [
        model.flops for model in compute.trained_models()
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["3.2 × 10²³ FLOPs", "989.5 TFLOP/s needs 25 years", "221,000 GPU-hours", "155 MWh"]),
        ({"gpu": "H100 PCIe"}, ["756 TFLOP/s", "350 W"]),
        ({"count": 1024}, ["1,024 GPUs (H100 SXM)", "each need 9 days"]),
        ({"view": "memory"}, ["350 GB", "2.8 TB", "35 GPUs (H100 SXM); you have 1"]),
        ({"view": "memory", "parameters": 1e9}, ["16 GB", "That alone takes 1 GPU (H100 SXM)."]),
        ({"view": "token"}, ["The reading sets the pace", "balance at 295 texts", "you have 1"]),
        ({"view": "token", "batch": 1024, "count": 8}, ["The arithmetic sets the pace"]),
    ],
)
def test_the_sentence_says_what_the_picture_shows(stills, changes, words):
    from bs4 import BeautifulSoup

    from introml.widgets.base import bundle_path

    widget = TrainingCompute(**changes)
    state = {trait: getattr(widget, trait) for trait in (*widget.public_traits(), "_forms")}
    bundle = str(bundle_path("TrainingCompute", ".mjs"))
    html = stills.ask({"bundle": bundle, "anchor": "a", "state": state})["html"]
    text = BeautifulSoup(html, "html.parser").select_one("[data-readout]").get_text()
    for each in words:
        assert each in text, text
