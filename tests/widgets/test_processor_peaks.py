"""The model functions that ProcessorPeaks ships, against the facts and plain search."""

import random

import pytest
from traitlets import TraitError

from introml.book.facts import facts_below, whole_fact
from introml.hardware import processors
from introml.widgets import ProcessorPeaks

NAME = "ProcessorPeaks"
FORMATS = ("fp32", "tf32", "bf16")


def table(draw):
    """Some machines with figures that are often equal, and peaks for some of the formats."""
    machines = [
        {"name": str(i), "bandwidth": draw.randint(1, 4)} for i in range(draw.randint(1, 9))
    ]
    peaks = [
        {"name": one["name"], "format": f, "density": d, "flops": draw.randint(1, 4)}
        for one in machines
        for f in (1, 2, 3)
        for d in (1, 2)
        if draw.random() < 0.6
    ]
    return machines, draw.sample(peaks, len(peaks))


@pytest.fixture(scope="module")
def tables():
    draw = random.Random(0)
    return [(*table(draw), draw.randint(1, 3), draw.randint(1, 2)) for _ in range(1000)]


def test_a_record_is_found_or_null(run_model, tables):
    cases = [(peaks, machines[0]["name"], f, d) for machines, peaks, f, d in tables]
    missing = 0
    found = run_model(NAME, "recordOf", cases)
    for (peaks, *key), record in zip(cases, found, strict=True):
        by_key = {(each["name"], each["format"], each["density"]): each for each in peaks}
        assert record == by_key.get(tuple(key))
        missing += record is None
    assert 200 < missing < 800


def test_the_ranking_is_that_of_a_sort_by_peak_and_then_by_bandwidth(run_model, tables):
    for (machines, peaks, f, d), order in zip(
        tables, run_model(NAME, "ranking", tables), strict=True
    ):
        flops = {e["name"]: e["flops"] for e in peaks if (e["format"], e["density"]) == (f, d)}
        having = [i for i, one in enumerate(machines) if one["name"] in flops]
        assert order == sorted(
            having, key=lambda i: (-flops[machines[i]["name"]], -machines[i]["bandwidth"], i)
        )


def test_products_and_flops_per_byte_by_counting_cycles(run_model):
    """A second, simulated: each unit does its FLOPs in each of the clock's cycles."""
    draw = random.Random(1)
    cases = [
        {
            "units": draw.randint(1, 20),
            "clock": draw.randint(1, 20),
            "per_cycle": draw.randint(1, 64),
        }
        for _ in range(1000)
    ]
    found = run_model(NAME, "product", [(case,) for case in cases])
    for case, flops in zip(cases, found, strict=True):
        cycles = range(case["clock"])
        assert flops == sum(case["per_cycle"] for _ in cycles for _ in range(case["units"]))
    pairs = [(draw.uniform(1e12, 1e15), draw.uniform(1e11, 1e13)) for _ in range(1000)]
    for (flops, bandwidth), ratio in zip(
        pairs, run_model(NAME, "flopsPerByte", pairs), strict=True
    ):
        assert ratio * bandwidth == pytest.approx(flops, rel=1e-9)


def test_its_records_are_the_facts_file(run_model):
    widget = ProcessorPeaks()
    assert (widget.format, widget.sparse, widget.measured) == ("fp32", False, False)
    names = {each.name for each in processors()}
    assert [one["name"] for one in widget.machines] == [each.name for each in processors()]
    stated = {
        entry["value"]
        for key in facts_below("hardware")
        for each in facts_below(f"hardware.{key}")
        if each.endswith(("_dense", "_sparse")) and not each.startswith("fp64")
        if key != "tpu_v3"  # of the page on TPUs alone
        for entry in [whole_fact(f"hardware.{key}.{each}")]
    }
    assert {peak["flops"] for peak in widget.peaks} == stated
    products = run_model(NAME, "product", [(each,) for each in widget.factors])
    for each, product in zip(widget.factors, products, strict=True):
        (peak,) = (
            peak["flops"]
            for peak in widget.peaks
            if all(peak[field] == each[field] for field in ("name", "format", "density"))
        )
        assert product == pytest.approx(peak, rel=0.01)
    assert {each["name"] for each in widget.reached} <= names


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("format", "fp16"),
        ("chosen", 1.5),
        ("sparse", 1),
        ("peaks", []),
        ("machines", [{"name": "x"}]),
    ],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = ProcessorPeaks()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before


def test_a_processor_that_is_not_there_is_refused():
    with pytest.raises((TraitError, ValueError), match="of 9 processors the last is 8"):
        ProcessorPeaks(chosen=9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["RTX 4090: 82.6 TFLOP/s of dense fp32", "16,384 cores × 2.52 GHz × 2 FLOPs a cycle"]),
        ({"chosen": 0}, ["48 cores × 2.1 GHz × 64 FLOPs a cycle = 6.451 TFLOP/s", "333 GB/s"]),
        (
            {"chosen": 4, "format": "tf32", "sparse": True},
            ["H100 PCIe: 756 TFLOP/s of sparse tf32", "456 tensor cores", "1,024 FLOPs a cycle"],
        ),
        ({"chosen": 6}, ["H200 SXM: 67 TFLOP/s", "the factors aren't published", "4.8 TB/s"]),
        ({"measured": True}, ["Nothing measured is published for this one."]),
        ({"chosen": 8}, ["For TPU v5e no fp32 peak is published."]),
        ({"chosen": 8, "format": "bf16"}, ["4 matrix units × 1.5 GHz × 32,768 FLOPs a cycle"]),
        (
            {"chosen": 5, "format": "bf16", "measured": True},
            ["989.5 TFLOP/s of dense bf16", "Measured at best: 794.5 TFLOP/s, 80% of that."],
        ),
    ],
)
def test_the_sentence_says_what_the_picture_shows(stills, changes, words):
    from bs4 import BeautifulSoup

    from introml.widgets.base import bundle_path

    widget = ProcessorPeaks(**changes)
    state = {trait: getattr(widget, trait) for trait in (*widget.public_traits(), "_forms")}
    bundle = str(bundle_path(NAME, ".mjs"))
    html = stills.ask({"bundle": bundle, "anchor": "a", "state": state})["html"]
    text = BeautifulSoup(html, "html.parser").select_one("[data-readout]").get_text()
    for each in words:
        assert each in text, text
