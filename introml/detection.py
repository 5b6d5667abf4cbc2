"""What a detector reports, against the truth: overlap, doubles, hits, average precision.

Letters: n detections, m things that are there, H × W pixels. A box is (left, top, right, bottom).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from introml.scenes import Scenes

#: How the curve of precision over recall is read; `average_precision` says what each does.
READINGS = ("steps", "envelope", "101 points", "11 points")


@dataclass(frozen=True)
class Detections:
    """The n things that a detector reports in one picture, by falling score.

    Taught in {ref}`sec-vision-tasks`.
    """

    #: (n,)
    kinds: Tensor
    #: (n,): how sure it is.
    scores: Tensor
    #: (n, 4): left, top, right and lower edge, in pixels.
    boxes: Tensor
    #: (n, H, W), bool.
    masks: Tensor


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of each box of a with each of b: (n, 4), (m, 4) -> (n, m).

    0 where both boxes are empty.
    Taught in {ref}`sec-vision-tasks`.
    """
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    both = (high - low).clamp(min=0).prod(-1)
    area_a, area_b = ((box[:, 2:] - box[:, :2]).clamp(min=0).prod(-1) for box in (a, b))
    union = area_a[:, None] + area_b - both
    return torch.where(union > 0, both / union, 0.0)


def mask_iou(a: Tensor, b: Tensor) -> Tensor:
    """The same of sets of pixels: bool (n, H, W), (m, H, W) -> (n, m).

    Taught in {ref}`sec-vision-tasks`.
    """
    a, b = (mask.flatten(1).float() for mask in (a, b))
    both = a @ b.T
    union = a.sum(1)[:, None] + b.sum(1) - both
    return torch.where(union > 0, both / union, 0.0)


def without_doubles(boxes: Tensor, scores: Tensor, threshold: float = 0.5) -> Tensor:
    """Which boxes stay when, from the highest score down, each strikes out those over it.

    (n, 4), (n,) -> the indices of those that stay, by falling score. A box goes if its IoU with one
    that stays is above `threshold`. This is called non-maximum suppression.
    Taught in {ref}`sec-vision-tasks`.
    """
    stay: list[int] = []
    overlap = box_iou(boxes, boxes)
    for i in scores.argsort(descending=True, stable=True).tolist():
        if not stay or overlap[i, stay].max() <= threshold:
            stay.append(i)
    return torch.tensor(stay, dtype=torch.long)


def hits(overlap: Tensor, scores: Tensor, threshold: float = 0.5) -> Tensor:
    """Which of one picture's detections, all of one kind, find a thing that is there: bool (n,).

    `overlap` (n, m) are the IoUs with the things. From the highest score down each detection takes,
    of the things still free, the one it overlaps most, if by at least `threshold`: COCO's rule.
    Taught in {ref}`sec-vision-tasks`.
    """
    found = torch.zeros(len(overlap), dtype=torch.bool)
    free = overlap.clone()
    for i in scores.argsort(descending=True, stable=True).tolist():
        if free.shape[1] and free[i].max() >= threshold:
            found[i] = True
            free[:, free[i].argmax()] = -1
    return found


def precision_recall(hit: Tensor, scores: Tensor, m: int) -> tuple[Tensor, Tensor]:
    """(precision, recall) after each detection, by falling score: (n,), (n,) -> (n,), (n,).

    `m` is the number of things that are there. Raises `ValueError` if there are none.
    Taught in {ref}`sec-vision-tasks`.
    """
    if m < 1:
        raise ValueError(f"m is {m}; without a thing to find there is no recall.")
    order = scores.argsort(descending=True, stable=True)
    right = hit[order].double().cumsum(0)
    return right / torch.arange(1, len(hit) + 1), right / m


def average_precision(hit: Tensor, scores: Tensor, m: int, reading: str = "steps") -> float:
    """The area under precision over recall, of n detections and m things: (n,), (n,) -> 0 … 1.

    "steps" adds up the precision at each hit, over m. "envelope" lifts each to the highest one that
    comes later, as PASCAL VOC does since 2010. "101 points" and "11 points" take the mean of the
    lifted curve at recalls 0, 0.01, …, 1 (COCO) and 0, 0.1, …, 1 (VOC until 2009).
    Raises `ValueError` for another reading, or without a thing to find.
    Taught in {ref}`sec-vision-tasks`.
    """
    precision, recall = precision_recall(hit, scores, m)
    order = scores.argsort(descending=True, stable=True)
    if reading == "steps":
        return (precision[hit[order]].sum() / m).item()
    lifted = precision.flip(0).cummax(0).values.flip(0)
    if reading == "envelope":
        return (lifted[hit[order]].sum() / m).item()
    if reading not in READINGS:
        raise ValueError(f"reading is {reading!r}; choose one of {', '.join(READINGS)}.")
    points = int(reading.split()[0])
    at = torch.linspace(0, 1, points, dtype=torch.float64)
    first = torch.searchsorted(recall.contiguous(), at - 1e-9)  # the first place with that recall
    return (torch.cat([lifted, lifted.new_zeros(1)])[first].sum() / points).item()


def mean_average_precision(
    found: Sequence[Detections],
    scenes: Scenes,
    threshold: float = 0.5,
    *,
    by: str = "boxes",
    reading: str = "steps",
) -> float:
    """The mean over kinds of the average precision, with hits judged by boxes or by masks.

    Detections of all scenes are ranked together; each may only hit things of its kind in its scene.
    Kinds of which there is no thing are left out.
    Raises `ValueError` unless there is one `Detections` for each scene, and `by` is one of the two.
    Taught in {ref}`sec-vision-tasks`.
    """
    if by not in ("boxes", "masks"):
        raise ValueError(f"by is {by!r}; choose 'boxes' or 'masks'.")
    if len(found) != len(scenes):
        raise ValueError(f"{len(found)} detections for {len(scenes)} scenes; give one for each.")
    precisions = []
    for kind in range(int(scenes.kinds.max()) + 1):
        there = scenes.kinds == kind
        if not there.any():
            continue
        hit, scores = [], []
        for i, one in enumerate(found):
            own = one.kinds == kind
            if by == "boxes":
                overlap = box_iou(one.boxes[own], scenes.boxes[i][there[i]].float())
            else:
                overlap = mask_iou(one.masks[own], scenes.masks[i][there[i]])
            hit.append(hits(overlap, one.scores[own], threshold))
            scores.append(one.scores[own])
        m = int(there.sum())
        precisions.append(average_precision(torch.cat(hit), torch.cat(scores), m, reading))
    return sum(precisions) / len(precisions)
