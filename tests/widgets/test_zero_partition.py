"""The bytes that ZeroPartition ships, against a count part by part and against real ranks."""

import math
import random
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
from bs4 import BeautifulSoup
from torch import nn
from traitlets import TraitError

from introml.compute import gpu
from introml.optimizers import Adam
from introml.parallel.collectives import Communicator
from introml.parallel.ranks import run_ranks
from introml.parallel.zero import STAGES
from introml.widgets import ZeroPartition
from introml.widgets.base import bundle_path

#: What is kept of each parameter, in bytes: the format of each number, written out.
KEPT = {
    "mixed": {"parameters": ["bf16"], "gradients": ["bf16"], "states": ["fp32"] * 3},
    "fp32": {"parameters": ["fp32"], "gradients": ["fp32"], "states": ["fp32"] * 2},
}
WIDTH = {"bf16": 2, "fp32": 4}
#: From which stage on each kind is divided.
DIVIDED_FROM = {"states": 1, "gradients": 2, "parameters": 3}


def random_setting(rng, most=5000):
    return {
        "parameters": rng.randint(1, most),
        "ranks": rng.randint(1, 64),
        "stage": rng.randint(0, 3),
        "recipe": rng.choice(["mixed", "fp32"]),
    }


def dealt(setting):
    """Bytes of the fullest rank, when the parameters are dealt out one by one."""
    piles = [0] * setting["ranks"]
    for i in range(setting["parameters"]):
        piles[i % setting["ranks"]] += 1
    found = {}
    for kind, formats in KEPT[setting["recipe"]].items():
        divided = setting["stage"] >= DIVIDED_FROM[kind]
        count = max(piles) if divided else setting["parameters"]
        found[kind] = count * sum(WIDTH[each] for each in formats)
    return found | {"total": sum(found.values())}


def test_held_is_what_dealing_the_parameters_out_gives(run_model):
    rng = random.Random(0)
    settings = [random_setting(rng) for _ in range(1500)]
    found = run_model("ZeroPartition", "held", [(setting,) for setting in settings])
    assert found == [dealt(setting) for setting in settings]


def test_large_models_too(run_model):
    settings = [
        {"parameters": count, "ranks": n, "stage": stage, "recipe": recipe}
        for count in (7_000_000_000, 175_000_000_001, 10**12)
        for n in (1, 3, 64)
        for stage in range(4)
        for recipe in KEPT
    ]
    found = run_model("ZeroPartition", "held", [(setting,) for setting in settings])
    for setting, held in zip(settings, found, strict=True):
        own = math.ceil(Fraction(setting["parameters"], setting["ranks"]))
        for kind, formats in KEPT[setting["recipe"]].items():
            divided = setting["stage"] >= DIVIDED_FROM[kind]
            count = own if divided else setting["parameters"]
            assert held[kind] == count * sum(WIDTH[each] for each in formats)


def test_hand_worked_seven_billion(run_model):
    """112 GB: 14 + 14 + 84; 4 ranks have 49, 38.5 and 28 GB in stages 1, 2 and 3."""
    setting = {"parameters": 7e9, "ranks": 4, "recipe": "mixed"}
    found = run_model("ZeroPartition", "held", [(setting | {"stage": k},) for k in range(4)])
    assert [each["total"] for each in found] == [112e9, 49e9, 38.5e9, 28e9]
    assert found[0] == {"parameters": 14e9, "gradients": 14e9, "states": 84e9, "total": 112e9}


def measured(rank, stage, count, recipe):
    """Bytes of the storages and of the messages of a rank that trains `count` parameters."""
    layer = nn.Linear(count, 1, bias=False)
    if recipe == "mixed":
        layer = layer.bfloat16()
    comm = Communicator()
    trainer = STAGES[stage]([layer], F.mse_loss, comm, lambda: Adam(lr=0.1))
    X, y = (
        torch.ones(1, count, dtype=layer.weight.dtype),
        torch.ones(1, 1, dtype=layer.weight.dtype),
    )
    trainer.step(X, y)
    sent = comm.bytes_sent
    trainer.backward(X, y)
    return trainer.held(), sent


@pytest.mark.parametrize("stage", range(4))
def test_held_and_sent_are_measured_on_real_ranks(stage, run_model):
    for n, count, recipe in [
        (1, 5, "mixed"),
        (2, 7, "fp32"),
        (2, 8, "mixed"),
        (3, 10, "mixed"),
        (3, 9, "fp32"),
        (4, 13, "mixed"),
    ]:
        ranks = run_ranks(measured, n, stage, count, recipe)
        setting = {"parameters": count, "ranks": n, "stage": stage, "recipe": recipe}
        (held,) = run_model("ZeroPartition", "held", [(setting,)])
        fullest = max((each for each, _ in ranks), key=lambda each: sum(each.values()))
        assert {kind: held[kind] for kind in fullest} == fullest
        (sent,) = run_model("ZeroPartition", "sent", [(setting,)])
        assert sent == pytest.approx(sum(bytes_sent for _, bytes_sent in ranks) / n)


def test_sent_is_what_a_ring_of_messages_adds_up_to(run_model):
    """1,000 settings: each collective sends each part along n − 1 links of the ring."""
    rng = random.Random(1)
    settings = [random_setting(rng) for _ in range(1000)]
    found = run_model("ZeroPartition", "sent", [(setting,) for setting in settings])
    for setting, sent in zip(settings, found, strict=True):
        count, n = setting["parameters"], setting["ranks"]
        parts = [len(range(count)[rank::n]) for rank in range(n)]
        links = sum(part for part in parts for _ in range(n - 1))
        collectives = {0: 2, 1: 2, 2: 2, 3: 3}[setting["stage"]]
        size = WIDTH[KEPT[setting["recipe"]]["parameters"][0]]
        assert sent == pytest.approx(collectives * links * size / n)


def test_ranks_to_fit_is_the_first_number_that_fits(run_model):
    rng = random.Random(2)
    cases = [(random_setting(rng, most=60), rng.randint(1, 900)) for _ in range(1000)]
    found = run_model("ZeroPartition", "ranksToFit", cases)
    for (setting, memory), needed in zip(cases, found, strict=True):
        fitting = (
            n
            for n in range(1, setting["parameters"] + 1)
            if dealt(setting | {"ranks": n})["total"] <= memory
        )
        assert needed == next(fitting, None)
    assert None in found


def test_its_traits_refuse_what_makes_no_sense():
    for bad in ({"ranks": 0}, {"ranks": 65}, {"stage": 4}, {"parameters": 0}, {"recipe": "fp8"}):
        with pytest.raises(TraitError):
            ZeroPartition(**bad)
    with pytest.raises(ValueError, match="not in the catalogue"):
        ZeroPartition(catalogue=[{"name": "mine", "memory": 1e9}])


def test_memories_are_those_of_the_facts():
    found = {each["name"]: each["memory"] for each in ZeroPartition().catalogue}
    assert found["H100 SXM"] == gpu("H100 SXM").memory


@pytest.mark.parametrize(
    "moved", [{"stage": 1}, {"ranks": 5}, {"recipe": "fp32"}, {"gpu": "B200 SXM"}]
)
def test_the_picture_holds_back_the_answer_until_something_is_moved(moved, stills):
    def drawn(**traits):
        widget = ZeroPartition(question=True, **traits)
        state = {trait: getattr(widget, trait) for trait in (*widget.public_traits(), "_forms")}
        bundle = str(bundle_path("ZeroPartition", ".mjs"))
        html = stills.ask({"bundle": bundle, "anchor": "a", "state": state})["html"]
        page = BeautifulSoup(html, "html.parser")
        colors = {rect["style"] for rect in page.select("svg rect[style]")}
        return len(colors), page.select_one("[data-readout]").text

    assert drawn()[0] == 1
    assert "optimizer states" not in drawn()[1]
    assert drawn(**moved)[0] == 3
    assert "optimizer states" in drawn(**moved)[1]
