"""introml.scenes: what is said of a scene is what is drawn."""

import math

import pytest
import torch

from introml import scenes
from introml.scenes import KINDS, MOST, SIZE, STRANGERS, boxes_around, draw_scenes, inside


@pytest.fixture(scope="module")
def drawn():
    return draw_scenes(300, seed=0)


def test_a_seed_gives_the_same_scenes_and_leaves_torchs_state_alone(drawn):
    before = torch.get_rng_state()
    again, other = draw_scenes(300, seed=0), draw_scenes(300, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    for name in ("pictures", "kinds", "boxes", "masks"):
        assert torch.equal(getattr(drawn, name), getattr(again, name))
    assert not torch.equal(drawn.pictures, other.pictures)


def test_shapes_and_types(drawn):
    assert len(drawn) == 300
    assert drawn.pictures.shape == (300, SIZE, SIZE)
    assert drawn.kinds.shape == (300, MOST)
    assert drawn.boxes.shape == (300, MOST, 4)
    assert drawn.masks.shape == (300, MOST, SIZE, SIZE)
    assert drawn.masks.dtype == torch.bool


def test_every_scene_has_one_to_four_things_of_every_kind_in_turn(drawn):
    counts = (drawn.kinds >= 0).sum(1)
    assert set(counts.tolist()) == {1, 2, 3, 4}
    shares = torch.stack([(drawn.kinds == k).sum() for k in range(3)]) / counts.sum()
    assert (shares > 0.25).all()


def test_a_place_has_a_mask_and_a_box_just_if_it_has_a_thing(drawn):
    there = drawn.kinds >= 0
    assert torch.equal(drawn.masks.any(3).any(2), there)
    assert torch.equal(drawn.boxes.any(2), there)


def test_no_pixel_belongs_to_two_things_and_things_are_brighter(drawn):
    assert drawn.masks.sum(1).max() == 1
    assert torch.equal(drawn.pixels > 0, drawn.masks.any(1))
    bright = drawn.pictures[drawn.pixels > 0].mean()
    assert bright - drawn.pictures[drawn.pixels == 0].mean() > 0.25


def test_touching_things_of_one_kind_occur(drawn):
    """Else pixels alone would tell things apart, and the page would have nothing to say."""
    grown = torch.nn.functional.max_pool2d(drawn.masks.float(), 3, 1, 1) > 0
    touching = 0
    for i in range(len(drawn)):
        for a in range(MOST):
            for b in range(a):
                same = drawn.kinds[i, a] == drawn.kinds[i, b] >= 0
                touching += bool(same and (grown[i, a] & drawn.masks[i, b]).any())
    assert touching > 10


def test_boxes_by_hand_and_against_loops(drawn):
    mask = torch.zeros(4, 7, dtype=torch.bool)
    assert boxes_around(mask).tolist() == [0, 0, 0, 0]
    mask[2, 5] = True
    assert boxes_around(mask).tolist() == [5, 2, 6, 3]
    mask[0, 1] = True
    assert boxes_around(mask).tolist() == [1, 0, 6, 3]
    for box, seen in zip(
        drawn.boxes[:40].flatten(0, 1), drawn.masks[:40].flatten(0, 1), strict=True
    ):
        if seen.any():
            rows, columns = seen.nonzero().T.tolist()
            expected = [min(columns), min(rows), max(columns) + 1, max(rows) + 1]
            assert box.tolist() == expected


def test_label_is_the_kind_of_the_largest_thing(drawn):
    for i in range(60):
        sizes = drawn.masks[i].sum((1, 2)).tolist()
        assert drawn.label[i] == drawn.kinds[i][sizes.index(max(sizes))]


def test_pixels_count_from_one_above_the_background(drawn):
    for kind in range(3):
        own = drawn.masks & (drawn.kinds == kind)[:, :, None, None]
        assert torch.equal(drawn.pixels == kind + 1, own.any(1))


@pytest.mark.parametrize("shape", KINDS + STRANGERS)
def test_areas_of_shapes(shape):
    """By formulas of school geometry, on a fine grid; the size is 10."""
    at = torch.arange(-20, 20, 0.05) + 0.025
    found = inside(shape, at, at[:, None], torch.tensor(10.0)).sum() * 0.05**2
    across = 2 * 2.1 * 10 / math.sqrt(3)  # of the triangle's base
    expected = {
        "disc": math.pi * 100,
        "square": (2 * 8.9) ** 2,
        "triangle": across * 21 / 2,
        "ring": math.pi * (100 - 5.5**2),
        "cross": 2 * 22 * 9 - 81,
    }
    assert found == pytest.approx(expected[shape], rel=0.01)


def test_a_triangle_points_up():
    zero, r = torch.tensor(0.0), torch.tensor(10.0)
    assert inside("triangle", zero, torch.tensor(-13.9), r)
    assert not inside("triangle", zero, torch.tensor(7.1), r)


def test_empty_scenes_and_strangers():
    empty = draw_scenes(5, seed=0, things=(0, 0))
    assert not empty.masks.any()
    assert (empty.kinds == -1).all()
    strange = draw_scenes(5, seed=0, kinds=STRANGERS, things=(1, 1))
    assert ((strange.kinds >= 0).sum(1) == 1).all()


def test_hardly_anything_is_hidden(drawn):
    """A square fills its box, and a disc π/4 of it; a tenth at most may be missing."""
    share = drawn.masks.sum((2, 3)) / (
        (drawn.boxes[..., 2] - drawn.boxes[..., 0]) * (drawn.boxes[..., 3] - drawn.boxes[..., 1])
    )
    assert share[drawn.kinds == 1].min() > 0.8
    assert share[drawn.kinds == 0].min() > 0.6


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="no shape is called 'star'; there are disc, square"):
        draw_scenes(2, seed=0, kinds=("disc", "star"))
    for things in ((2, 1), (-1, 2), (0, scenes.MOST + 1)):
        with pytest.raises(ValueError, match="from 0 to 4"):
            draw_scenes(2, seed=0, things=things)
