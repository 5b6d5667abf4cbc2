"""The model functions that ModelComparison ships, against the package's and plain search."""

import itertools
import math
import random

import pytest
from traitlets import TraitError

from introml.model_comparison import image_models, pareto_front, standard_error
from introml.widgets import ModelComparison
from introml.widgets.model_comparison import KINDS

NAME = "ModelComparison"


def networks(draw):
    """Some networks with figures that are often equal."""
    return [
        {
            "name": str(i),
            "kind": draw.randint(1, 5),
            "parameters": draw.randint(1, 5),
            "macs": draw.randint(1, 5),
            "top1": draw.randint(50, 55),
        }
        for i in range(draw.randint(1, 12))
    ]


@pytest.fixture(scope="module")
def many():
    draw = random.Random(0)
    return [networks(draw) for _ in range(1000)]


def test_the_front_is_the_packages(run_model, many):
    cases = [([one["macs"] for one in nets], [one["top1"] for one in nets]) for nets in many]
    for case, front in zip(cases, run_model(NAME, "paretoFront", cases), strict=True):
        assert front == pareto_front(*case)


def test_the_limits_hold_for_both_costs_and_the_best_within_them_is_found(run_model, many):
    draw = random.Random(1)
    limits = [(draw.randint(0, 5), draw.randint(0, 5)) for _ in many]
    cases = [(nets, *limit) for nets, limit in zip(many, limits, strict=True)]
    inside = run_model(NAME, "within", cases)
    scores = [[one["top1"] for one in nets] for nets in many]
    best = run_model(NAME, "best", list(zip(many, scores, inside, strict=True)))
    nobody = 0
    for (nets, size, work), found, top in zip(cases, inside, best, strict=True):
        expected = [
            i for i, one in enumerate(nets) if one["parameters"] <= size and one["macs"] <= work
        ]
        assert found == expected
        nobody += not expected
        if expected:
            key = max((nets[i]["top1"], -nets[i]["macs"]) for i in expected)
            assert (nets[top]["top1"], -nets[top]["macs"]) == key
            assert top in expected
        else:
            assert top == -1
    assert 100 < nobody < 900


def test_better_networks_cost_no_more_of_both(run_model, many):
    cases = [(nets, [one["top1"] for one in nets], 0) for nets in many]
    for (nets, _, _), found in zip(cases, run_model(NAME, "better", cases), strict=True):
        one = nets[0]
        assert found == [
            i
            for i, other in enumerate(nets)
            if i
            and other["top1"] >= one["top1"]
            and other["parameters"] <= one["parameters"]
            and other["macs"] <= one["macs"]
        ]


def test_the_standard_error_is_the_packages(run_model):
    cases = [(p / 20, n) for p in range(21) for n in (1, 10, 2000, 50_000)]
    for case, value in zip(cases, run_model(NAME, "standardError", cases), strict=True):
        assert value == pytest.approx(standard_error(*case), rel=1e-12, abs=1e-15)


def boxes(bubbles, placed):
    for bubble, at in zip(bubbles, placed, strict=True):
        if at is None:
            continue
        width = 6.3 * len(bubble["name"])
        left = at["x"] - {"start": 0, "middle": width / 2, "end": width}[at["anchor"]]
        yield left, at["y"] - 10, width, 13


def gap(box, bubble):
    """From the edge of a bubble to the nearest point of a box, less than 0 where it lies inside."""
    x, y, w, h = box
    across = max(x - bubble["x"], 0, bubble["x"] - x - w)
    down = max(y - bubble["y"], 0, bubble["y"] - y - h)
    return math.hypot(across, down) - bubble["r"]


def test_names_lie_neither_on_each_other_nor_outside_and_nearest_to_their_own_bubbles(run_model):
    draw = random.Random(2)
    frame = {"x": 40, "y": 10, "width": 600, "height": 340}
    cases = []
    for _ in range(300):
        bubbles = [
            {
                "x": draw.uniform(40, 640),
                "y": draw.uniform(10, 350),
                "r": draw.uniform(3, 24),
                "name": "N" * draw.randint(3, 16),
            }
            for _ in range(24)
        ]
        cases.append((bubbles, frame))
    placed_names = 0
    for (bubbles, _), placed in zip(cases, run_model(NAME, "placeNames", cases), strict=True):
        found = list(boxes(bubbles, placed))
        placed_names += len(found)
        for (ax, ay, aw, ah), (bx, by, bw, bh) in itertools.combinations(found, 2):
            apart = ax + aw <= bx + 1e-6 or bx + bw <= ax + 1e-6
            assert apart or ay + ah <= by + 1e-6 or by + bh <= ay + 1e-6
        for x, y, w, h in found:
            assert x >= 40 - 1e-6
            assert x + w <= 640 + 1e-6
            assert y >= 10 - 1e-6
            assert y + h <= 350 + 1e-6
        for own, box in zip(
            (i for i, at in enumerate(placed) if at), boxes(bubbles, placed), strict=True
        ):
            gaps = [gap(box, bubble) for bubble in bubbles]
            assert gaps[own] == min(gaps)
            assert sorted(gaps)[1] > 4.9
    assert placed_names > 300 * 8


def test_its_networks_are_the_facts():
    shown = ModelComparison().networks
    for record, model in zip(shown, image_models(), strict=True):
        assert record["name"] == model.name
        assert KINDS[record["kind"] - 1] == model.kind
        assert record["retrained"] == (model.retrained or model.top1)
        for field in ("parameters", "macs", "top1", "resolution"):
            assert record[field] == getattr(model, field)


def test_a_network_that_is_not_there_is_refused():
    with pytest.raises((TraitError, ValueError), match="of 24 networks the last is 23"):
        ModelComparison(chosen=24)


def test_at_first_no_limit_leaves_a_network_out():
    widget = ModelComparison()
    for one in widget.networks:
        assert one["parameters"] <= widget.most_parameters
        assert one["macs"] <= widget.most_macs
