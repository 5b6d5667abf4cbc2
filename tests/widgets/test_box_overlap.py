"""The model functions that BoxOverlap ships, against the package and counted cells."""

import re

import numpy as np
import pytest
import torch
from traitlets import TraitError

from introml.detection import box_iou
from introml.widgets import BoxOverlap
from introml.widgets.base import bundle_path

NAME = "BoxOverlap"


def random_boxes(n, seed):
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.uniform(0, 10, size=(n, 2, 2)), axis=1)
    return corners.reshape(n, 4)  # left, top, right, low


def test_overlap_equals_torchs_in_1000_random_cases(run_model):
    a, b = random_boxes(1000, 0), random_boxes(1000, 1)
    found = run_model(NAME, "overlap", list(zip(a, b, strict=True)))
    expected = box_iou(torch.tensor(a), torch.tensor(b)).diagonal()
    for one, iou in zip(found, expected.tolist(), strict=True):
        assert one["iou"] == pytest.approx(iou, abs=1e-12)
        assert one["both"] == pytest.approx(one["iou"] * one["together"], abs=1e-9)


def test_areas_equal_counted_cells_on_a_grid_of_guesses(run_model):
    truth = [1, 1, 5, 5]
    cases = [
        (truth, [left, top, left + w, top + h])
        for left in range(0, 9, 2)
        for top in range(0, 7, 2)
        for w in (1, 3, 5)
        for h in (1, 4)
    ]
    for (_, guess), found in zip(cases, run_model(NAME, "overlap", cases), strict=True):
        cells = np.zeros((2, 20, 20), bool)
        for field, (left, top, right, low) in zip(cells, (truth, guess), strict=True):
            field[top:low, left:right] = True
        assert found["both"] == (cells[0] & cells[1]).sum()
        assert found["together"] == (cells[0] | cells[1]).sum()


def test_boxes_that_only_touch_share_nothing(run_model):
    assert run_model(NAME, "shared", [([0, 0, 2, 2], [2, 0, 4, 2])]) == [None]
    assert run_model(NAME, "shared", [([0, 0, 2, 2], [1, 1, 4, 4])]) == [[1, 1, 2, 2]]


def readout(stills, widget):
    """The sentence below the picture, drawn without a browser."""
    traits = {name: getattr(widget, name) for name in (*widget.public_traits(), "_forms")}
    bundle = str(bundle_path(NAME, ".mjs"))
    html = stills.ask({"bundle": bundle, "anchor": "a", "state": traits})["html"]
    return re.search(r'data-readout=""[^>]*>([^<]*)', html)[1]


def test_the_sentence_has_the_numbers(stills):
    assert (
        "share 9 cells, and together they cover 23 cells. The IoU is 9/23 = 0.39, and a"
        in readout(stills, BoxOverlap())
    )
    assert readout(stills, BoxOverlap()).endswith("calls it a miss.")
    assert "= 1.00, and a threshold of 0.5 calls it a hit." in readout(
        stills, BoxOverlap(left=1, top=1)
    )
    assert "share nothing" in readout(stills, BoxOverlap(left=6))
    assert "a threshold of 0.35 calls it a hit" in readout(stills, BoxOverlap(threshold=0.35))
    half = readout(stills, BoxOverlap(left=1, top=1, height=2))
    assert "8/16 = 0.50" in half
    assert half.endswith("a hit.")


@pytest.mark.parametrize(
    ("trait", "value"), [("left", -1), ("top", 8), ("width", 0), ("height", float("nan"))]
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = BoxOverlap()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before
