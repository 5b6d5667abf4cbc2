"""The model functions that Roofline ships, against counted FLOPs and bytes and against search."""

import random

import pytest
import torch
from bs4 import BeautifulSoup
from torch.utils.flop_counter import FlopCounterMode
from traitlets import TraitError

from introml.hardware import processor
from introml.roofline import attainable, best_products
from introml.widgets import Roofline
from introml.widgets.base import bundle_path

NAME = "Roofline"
DTYPES = {1: torch.float32, 2: torch.float32, 3: torch.bfloat16}


def settings(count, seed):
    draw = random.Random(seed)
    return [(draw.randint(1, 60), draw.randint(1, 60), draw.randint(1, 3)) for _ in range(count)]


def test_a_products_flops_and_bytes_are_those_of_tensors(run_model):
    cases = settings(1000, 0)
    for (batch, width, place), found in zip(cases, run_model(NAME, "product", cases), strict=True):
        with torch.device("meta"):
            X = torch.empty(batch, width, dtype=DTYPES[place])
            W = torch.empty(width, width, dtype=DTYPES[place])
        with FlopCounterMode(display=False) as counter:
            Y = X @ W
        assert found["flops"] == counter.get_total_flops()
        assert found["bytes"] == X.nbytes + W.nbytes + Y.nbytes
        assert found["intensity"] == pytest.approx(found["flops"] / found["bytes"])


def test_the_roof_is_the_packages_and_bends_at_the_ridge(run_model):
    draw = random.Random(1)
    cases = [
        (10 ** draw.uniform(-2, 5), 10 ** draw.uniform(10, 16), 10 ** draw.uniform(9, 13))
        for _ in range(1000)
    ]
    for case, found in zip(cases, run_model(NAME, "attainable", cases), strict=True):
        assert found == pytest.approx(attainable(*case), rel=1e-12)
    ridges = run_model(NAME, "ridge", [case[1:] for case in cases])
    for (_, peak, bandwidth), at in zip(cases, ridges, strict=True):
        assert attainable(at * 0.999, peak, bandwidth) < peak
        assert attainable(at * 1.001, peak, bandwidth) == peak


def test_the_balanced_batch_is_the_first_that_a_search_finds(run_model):
    draw = random.Random(2)
    cases = [
        (draw.randint(1, 300), draw.randint(1, 3), draw.uniform(1, 400), draw.uniform(1, 20))
        for _ in range(1000)
    ]
    without = 0
    for (width, place, peak, bandwidth), found in zip(
        cases, run_model(NAME, "balancedBatch", cases), strict=True
    ):
        size = 2 if place == 3 else 4

        def memory_waits(batch, width=width, size=size, roof=peak / bandwidth):
            moved = size * (width * width + 2 * batch * width)
            return 2 * batch * width * width / moved >= roof * (1 - 1e-9)

        if found is None:
            without += 1
            assert not memory_waits(10**7)
        elif found < 10**5:
            first = next(b for b in range(1, 10**5 + 1) if memory_waits(b))
            assert found == first
    assert 100 < without < 900


@pytest.mark.parametrize(
    ("trait", "value"),
    [("machine", "H100"), ("format", "fp16"), ("batch", 0), ("width", 0.5), ("dots", [])],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = Roofline()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before


def test_a_machine_without_figures_is_refused_and_a_single_one_is_drawn(stills):
    own = {"name": "mine", "bandwidth": 3e10}
    with pytest.raises(
        ValueError, match="'H100 SXM', which is not in machines; it has mine, yours"
    ):
        Roofline(machines=[own, own | {"name": "yours"}])
    peak = {"name": "mine", "format": 1, "flops": 1e11}
    widget = Roofline(machines=[own], peaks=[peak], format="fp32")
    assert "The mine balances at 3.33" in readout(stills, widget)


def test_it_opens_with_the_facts():
    widget = Roofline()
    assert (widget.machine, widget.format, widget.batch, widget.measured) == (
        "H100 SXM", "bf16", 1, False,
    )  # fmt: skip
    h100 = processor("H100 SXM")
    stated = {(each["name"], each["format"]): each["flops"] for each in widget.peaks}
    assert stated["H100 SXM", 3] == h100.peaks["bf16", "dense"].flops
    assert {each["name"]: each["flops"] for each in widget.dots} == {
        name: flops for name, (_, flops) in best_products().items()
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["One row through 4,096 × 4,096 weights in bf16: 1 FLOP a byte", "balances at 295",
              "memory sets the pace: at most 3.35 TFLOP/s, 0.34%", "From 346 rows on"]),
        ({"batch": 1024}, ["the arithmetic sets the pace: 990 TFLOP/s, the peak."]),
        ({"machine": "TPU v5e", "format": "fp32"}, ["For the TPU v5e no fp32 peak is published."]),
        ({"width": 64}, ["the matrix is too small"]),
    ],
)  # fmt: skip
def test_the_sentence_says_what_the_picture_shows(stills, changes, words):
    text = readout(stills, Roofline(**changes))
    for each in words:
        assert each in text, text


def readout(stills, widget):
    """The sentence below the picture of a widget."""
    state = {trait: getattr(widget, trait) for trait in (*widget.public_traits(), "_forms")}
    bundle = str(bundle_path(NAME, ".mjs"))
    html = stills.ask({"bundle": bundle, "anchor": "a", "state": state})["html"]
    return BeautifulSoup(html, "html.parser").select_one("[data-readout]").get_text()
