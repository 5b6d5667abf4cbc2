"""The schedules that PipelineSchedule ships, against the simulator in Python."""

import random

import pytest
from bs4 import BeautifulSoup

from introml.parallel.schedules import gpipe, interleaved, one_f_one_b, simulate, zero_bubble
from introml.widgets import PipelineSchedule
from introml.widgets.base import bundle_path

NAME = "PipelineSchedule"
MAKE = {
    "GPipe": lambda p, m, v: gpipe(p, m),
    "1F1B": lambda p, m, v: one_f_one_b(p, m),
    "interleaved": interleaved,
    "zero bubble": lambda p, m, v: zero_bubble(p, m),
}


def settings(count, seed):
    """Random settings; with few microbatches more often, so that all fits into one answer."""
    draw = random.Random(seed)
    cases = []
    while len(cases) < count:
        kind, p = draw.choice(list(MAKE)), draw.randint(1, 8)
        m, v = draw.choice([draw.randint(1, 8), draw.randint(1, 32)]), draw.randint(1, 4)
        if kind == "interleaved" and v > 1:
            m = p * draw.randint(1, max(1, m // p))
        times = [draw.choice([1, draw.randint(1, 8) / 2, draw.uniform(0.5, 4)]) for _ in range(3)]
        cases.append((kind, p, m, v, *times))
    return cases


@pytest.mark.parametrize("seed", range(4))
def test_every_start_end_and_peak_is_the_simulators(run_model, seed):
    cases = settings(300, seed)
    for case, found in zip(cases, run_model(NAME, "simulate", cases), strict=True):
        kind, p, m, v, f, b, w = case
        schedule = MAKE[kind](p, m, v)
        expected = simulate(schedule, f, b, w)
        rows = [[[*span.operation, span.start, span.end] for span in row] for row in expected.spans]
        for ours, theirs in zip(found["spans"], rows, strict=True):
            assert [each[:3] for each in ours] == [each[:3] for each in theirs]
            times = [t for each in theirs for t in each[3:]]
            assert [t for each in ours for t in each[3:]] == pytest.approx(times, rel=1e-12)
        assert found["step"] == pytest.approx(expected.step)
        assert found["fraction"] == pytest.approx(expected.bubble_fraction, abs=1e-12)
        assert found["ratio"] == pytest.approx(expected.bubble_ratio, abs=1e-12)
        assert found["peaks"] == schedule.peaks()


def test_what_python_refuses_is_refused_and_nothing_else(run_model):
    cases = [
        (kind, p, m, v)
        for kind in MAKE
        for p in range(1, 9)
        for m in range(1, 33)
        for v in (1, 2, 4)
    ]
    for (kind, p, m, v), found in zip(cases, run_model(NAME, "refusal", cases), strict=True):
        try:
            MAKE[kind](p, m, v)
            refused = False
        except ValueError:
            refused = True
        assert refused == (found is not None)


def test_moments_are_the_different_ends(run_model):
    rows = [["F", 0, 0, 0, 1], ["B", 0, 0, 3, 5]], [["F", 0, 0, 1, 2], ["B", 0, 0, 2, 3 + 1e-12]]
    assert run_model(NAME, "moments", [(rows,)]) == [[1, 2, 3, 5]]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["takes 9 units", "33.3% of the step (the fraction)", "50.0% of the time without"]),
        ({}, ["At most 2 activations of"]),
        ({"ranks": 4, "microbatches": 16}, ["15.8% of the step", "18.8% of the time"]),
        ({"ranks": 4, "microbatches": 16, "schedule": "interleaved"}, ["8.6% of the step", "9.4%"]),
        ({"ranks": 4, "microbatches": 6, "schedule": "interleaved"}, ["by 4. Choose 8 micro"]),
        ({"moment": 1}, ["Just before time 1: rank 0 forward 0, rank 1 idle. 1 of 2 idle."]),
    ],
)  # fmt: skip
def test_the_sentence_says_what_the_picture_shows(stills, changes, words):
    widget = PipelineSchedule(**changes)
    state = {trait: getattr(widget, trait) for trait in (*widget.public_traits(), "_forms")}
    asked = {"bundle": str(bundle_path(NAME, ".mjs")), "anchor": "a", "state": state}
    page = BeautifulSoup(stills.ask(asked)["html"], "html.parser")
    text = page.select_one("[data-readout]").get_text()
    for each in words:
        assert each in text, text


@pytest.mark.parametrize(
    "bad", [{"ranks": 9}, {"microbatches": 33}, {"chunks": 0}, {"forward": 0}, {"schedule": "none"}]
)
def test_a_schedule_that_cannot_be_drawn_is_refused(bad):
    with pytest.raises(ValueError, match="PipelineSchedule"):
        PipelineSchedule(**bad)
