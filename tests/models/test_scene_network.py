"""The network with four heads: its shapes, its cut-outs, and that it learns what it is shown."""

import pytest
import torch

from introml.detection import mean_average_precision
from introml.models.scene_network import (
    GRID,
    PLACES,
    SceneNetwork,
    detect,
    pasted,
    places,
    scene_classifier,
    train,
)
from introml.scenes import SIZE, draw_scenes


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def built(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return SceneNetwork()


@pytest.fixture(scope="module")
def trained():
    return train(built(), draw_scenes(1500, seed=0), epochs=3)


def test_shapes_of_the_answers():
    net, pictures = built(), draw_scenes(3, seed=0).pictures
    said = net(pictures)
    assert said.label.shape == (3, 3)
    assert said.pixels.shape == (3, 4, SIZE, SIZE)
    assert said.cells.shape == (3, 4, GRID, GRID)
    assert said.boxes.shape == (3, 4, GRID, GRID)
    boxes = torch.tensor([[0.0, 0, 8, 8], [4, 4, 20, 12]])
    assert net.masks(said.features, torch.tensor([0, 2]), boxes).shape == (2, PLACES, PLACES)
    assert scene_classifier(5)(pictures[:, None]).shape == (3, 5)


def test_places_lie_evenly_in_the_box():
    """A box of 8 × 8 pixels from (4, 0) has a place in the middle of each of its pixels."""
    found = (places(torch.tensor([[4.0, 0, 12, 8]]))[0] + 1) / 2 * SIZE
    assert found[0, 0].tolist() == pytest.approx([4.5, 0.5])
    assert found[1, 7].tolist() == pytest.approx([11.5, 1.5])


def test_masks_are_pasted_where_their_boxes_are():
    logits = torch.full((1, PLACES, PLACES), -1.0)
    logits[0, :, : PLACES // 2] = 1  # the left half
    mask = pasted(logits, torch.tensor([[4.0, 8, 12, 24]]))[0]
    expected = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    expected[8:24, 4:8] = True
    assert torch.equal(mask, expected)


def test_a_mask_that_is_cut_out_and_pasted_back_is_nearly_itself():
    scenes = draw_scenes(40, seed=0)
    own = scenes.kinds >= 0
    masks, boxes = scenes.masks[own], scenes.boxes[own].float()
    cut = torch.nn.functional.grid_sample(
        masks[:, None].float(), places(boxes), align_corners=False
    )[:, 0]
    back = pasted(cut - 0.5, boxes)
    iou = (back & masks).sum((1, 2)) / (back | masks).sum((1, 2))
    assert iou.mean() > 0.93


def test_it_learns_all_four_answers(trained):
    unseen = draw_scenes(100, seed=1)
    with torch.no_grad():
        said = trained(unseen.pictures)
    assert (said.label.argmax(1) == unseen.label).float().mean() > 0.8
    assert (said.pixels.argmax(1) == unseen.pixels).float().mean() > 0.9
    found = detect(trained, unseen.pictures)
    assert mean_average_precision(found, unseen) > 0.65
    assert mean_average_precision(found, unseen, by="masks") > 0.65
    assert not trained.training


def test_it_is_the_same_for_the_same_seeds():
    scenes = draw_scenes(40, seed=0)
    first, again, other = (
        train(built(), scenes, epochs=1, seed=seed).state_dict() for seed in (0, 0, 1)
    )
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first["label.weight"], other["label.weight"])


def test_detections_are_sorted_sure_enough_and_without_doubles(trained):
    from introml.detection import box_iou

    some = 0
    for found in detect(trained, draw_scenes(30, seed=2).pictures, least=0.2):
        assert (found.scores >= 0.2).all()
        assert (found.scores.diff() <= 0).all()
        overlap = box_iou(found.boxes, found.boxes).fill_diagonal_(0)
        assert overlap.numel() == 0 or overlap.max() <= 0.5
        assert found.masks.shape == (len(found.boxes), SIZE, SIZE)
        some += len(found.scores)
    assert some > 20


def test_nothing_to_report_is_an_empty_answer(trained):
    (found,) = detect(trained, torch.zeros(1, SIZE, SIZE), least=1.1)
    assert len(found.scores) == 0
    assert found.masks.shape == (0, SIZE, SIZE)


def test_each_head_is_trained():
    scenes = draw_scenes(20, seed=0)
    before = built().state_dict()
    after = train(built(), scenes, epochs=1, batch_size=20).state_dict()
    for head in ("label.weight", "pixels.weight", "cells.weight", "mask.1.weight"):
        assert not torch.equal(before[head], after[head]), head
