"""introml.detection against counted pixels, scikit-learn, and work by hand."""

import itertools

import pytest
import torch
from sklearn.metrics import average_precision_score

from introml import detection
from introml.detection import Detections
from introml.scenes import draw_scenes


def drawn(boxes, size=14):
    masks = torch.zeros(len(boxes), size, size, dtype=torch.bool)
    for mask, (left, top, right, low) in zip(masks, boxes.tolist(), strict=True):
        mask[top:low, left:right] = True
    return masks


def some_boxes(n, generator):
    corners = torch.randint(0, 13, (2, n, 2), generator=generator)
    return torch.cat([corners.amin(0), corners.amax(0) + 1], 1)


def test_iou_by_hand():
    a = torch.tensor([[1.0, 1, 5, 5]])
    b = torch.tensor([[1.0, 1, 5, 5], [2, 2, 6, 6], [5, 1, 9, 5], [0, 0, 10, 8], [3, 3, 3, 9]])
    expected = torch.tensor([[1, 9 / 23, 0, 0.2, 0]])
    torch.testing.assert_close(detection.box_iou(a, b), expected)
    empty = torch.zeros(1, 4)
    assert detection.box_iou(empty, empty) == 0


@pytest.mark.parametrize("seed", range(20))
def test_iou_of_boxes_and_masks_equals_counting_pixels(seed):
    generator = torch.Generator().manual_seed(seed)
    a, b = some_boxes(8, generator), some_boxes(5, generator)
    expected = torch.zeros(8, 5)
    for (i, one), (j, other) in itertools.product(enumerate(drawn(a)), enumerate(drawn(b))):
        expected[i, j] = (one & other).sum() / (one | other).sum()
    torch.testing.assert_close(detection.box_iou(a.float(), b.float()), expected)
    torch.testing.assert_close(detection.mask_iou(drawn(a), drawn(b)), expected)


def test_the_iou_of_empty_masks_is_zero():
    nothing = torch.zeros(1, 3, 3, dtype=torch.bool)
    assert detection.mask_iou(nothing, nothing) == 0


def test_doubles_are_struck_out_by_hand():
    """The second lies over the first by 9/11 > ½, the third over neither; the first is surest."""
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
    scores = torch.tensor([0.9, 0.8, 0.95])
    assert detection.without_doubles(boxes, scores).tolist() == [2, 0]
    assert detection.without_doubles(boxes, scores, 0.85).tolist() == [2, 0, 1]
    assert detection.without_doubles(boxes[:0], scores[:0]).tolist() == []


def test_what_was_struck_out_strikes_out_nothing():
    """B lies over A, C over B but not over A: B goes, and C stays."""
    boxes = torch.tensor([[0.0, 0, 10, 1], [3, 0, 13, 1], [6, 0, 16, 1]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    assert detection.without_doubles(boxes, scores).tolist() == [0, 2]


def test_a_thing_is_hit_once_and_by_the_surest_box():
    overlap = torch.tensor([[0.6, 0.0], [0.9, 0.2], [0.0, 0.4]])
    assert detection.hits(overlap, torch.tensor([0.8, 0.7, 0.6])).tolist() == [True, False, False]
    assert detection.hits(overlap, torch.tensor([0.7, 0.8, 0.6])).tolist() == [False, True, False]
    assert detection.hits(overlap, torch.tensor([0.8, 0.7, 0.6]), 0.4).tolist() == [
        True,
        False,
        True,
    ]


def test_a_box_takes_the_best_thing_that_is_still_free():
    """COCO's rule: the second box's best thing is taken, so it takes the other one."""
    overlap = torch.tensor([[0.9, 0.1], [0.8, 0.6]])
    assert detection.hits(overlap, torch.tensor([0.9, 0.8])).tolist() == [True, True]


def test_without_things_nothing_hits():
    assert detection.hits(torch.zeros(2, 0), torch.tensor([0.9, 0.8])).tolist() == [False, False]
    assert detection.hits(torch.zeros(0, 2), torch.zeros(0)).tolist() == []


@pytest.mark.parametrize("seed", range(50))
def test_average_precision_is_scikit_learns_times_the_share_found(seed):
    generator = torch.Generator().manual_seed(seed)
    n, more = 1 + seed, seed % 4
    hit = torch.rand(n, generator=generator) < 0.5
    hit[0] = True
    scores = torch.rand(n, generator=generator)
    m = int(hit.sum()) + more
    expected = average_precision_score(hit, scores) * int(hit.sum()) / m
    assert detection.average_precision(hit, scores, m) == pytest.approx(expected, abs=1e-9)


FIVE = torch.tensor([True, False, True, True, False]), torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5])


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ("steps", (1 + 2 / 3 + 3 / 4) / 4),
        ("envelope", (1 + 3 / 4 + 3 / 4) / 4),
        ("101 points", (26 * 1 + 50 * 3 / 4) / 101),
        ("11 points", (3 * 1 + 5 * 3 / 4) / 11),
    ],
)
def test_each_reading_by_hand(reading, expected):
    """Precision 1, ½, ⅔, ¾, ⅗ at recall ¼, ¼, ½, ¾, ¾; of 4 things, one is never found."""
    assert detection.average_precision(*FIVE, 4, reading) == pytest.approx(expected, abs=1e-12)


def by_definition(hit, scores, m, points):
    """The mean over recalls r of the highest precision at a recall of at least r."""
    rows = sorted(zip(scores.tolist(), hit.tolist(), strict=True), reverse=True)
    curve, right = [], 0
    for k, (_, good) in enumerate(rows, 1):
        right += good
        curve.append((right / m, right / k))
    at = [i / (points - 1) for i in range(points)]
    return sum(max([p for r, p in curve if r >= a - 1e-12], default=0) for a in at) / points


@pytest.mark.parametrize("seed", range(30))
def test_readings_at_points_equal_their_definition(seed):
    generator = torch.Generator().manual_seed(seed)
    n = 1 + seed
    hit = torch.rand(n, generator=generator) < 0.6
    scores = torch.rand(n, generator=generator)
    m = int(hit.sum()) + 1 + seed % 3
    for points in (11, 101):
        found = detection.average_precision(hit, scores, m, f"{points} points")
        assert found == pytest.approx(by_definition(hit, scores, m, points), abs=1e-9)
    fine = by_definition(hit, scores, m, 20001)
    assert detection.average_precision(hit, scores, m, "envelope") == pytest.approx(fine, abs=2e-3)


def test_precision_and_recall_by_hand():
    precision, recall = detection.precision_recall(*FIVE, 4)
    assert precision.tolist() == pytest.approx([1, 1 / 2, 2 / 3, 3 / 4, 3 / 5])
    assert recall.tolist() == [0.25, 0.25, 0.5, 0.75, 0.75]


def test_no_detection_is_worth_nothing():
    nothing = torch.zeros(0, dtype=torch.bool), torch.zeros(0)
    for reading in detection.READINGS:
        assert detection.average_precision(*nothing, 3, reading) == 0


def truth(scenes, scores=1.0):
    found = []
    for kinds, boxes, masks in zip(scenes.kinds, scenes.boxes, scenes.masks, strict=True):
        own = kinds >= 0
        sure = torch.full((int(own.sum()),), scores)
        found.append(Detections(kinds[own], sure, boxes[own].float(), masks[own]))
    return found


@pytest.mark.parametrize("by", ["boxes", "masks"])
def test_the_truth_scores_one_and_other_kinds_zero(by):
    scenes = draw_scenes(12, seed=3)
    found = truth(scenes)
    assert detection.mean_average_precision(found, scenes, 0.99, by=by) == 1
    wrong = [Detections((d.kinds + 1) % 3, d.scores, d.boxes, d.masks) for d in found]
    assert detection.mean_average_precision(wrong, scenes, 0.5, by=by) == 0


def test_detections_of_all_scenes_are_ranked_together():
    """One disc in each of two scenes: one is found by 0.4, the other missed by a box of 0.9."""
    scenes = draw_scenes(2, seed=0, kinds=("disc",), things=(1, 1))
    first, second = truth(scenes, 0.4)
    away = Detections(second.kinds, torch.tensor([0.9]), second.boxes + 40, second.masks)
    found = detection.mean_average_precision([first, away], scenes)
    assert found == pytest.approx(1 / 2 * 1 / 2)  # precision ½ at the only hit, of two things


def test_kinds_that_are_nowhere_are_left_out():
    scenes = draw_scenes(6, seed=0, kinds=("disc",), things=(1, 1))
    scenes.kinds[scenes.kinds == 0] = 2
    assert detection.mean_average_precision(truth(scenes), scenes) == 1


def test_what_cannot_be_scored_is_refused():
    scenes = draw_scenes(2, seed=0)
    with pytest.raises(ValueError, match="without a thing to find"):
        detection.average_precision(*FIVE, 0)
    with pytest.raises(ValueError, match="choose one of steps"):
        detection.average_precision(*FIVE, 4, "7 points")
    with pytest.raises(ValueError, match="one for each"):
        detection.mean_average_precision(truth(scenes)[:1], scenes)
    with pytest.raises(ValueError, match="'boxes' or 'masks'"):
        detection.mean_average_precision(truth(scenes), scenes, by="names")
