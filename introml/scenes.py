"""Small grey pictures of bright shapes, with the whole truth about each: drawn, not photographed.

Letters: n scenes, M places for things in each, S × S pixels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

#: Pixels along each side of a scene.
SIZE = 32
#: The most things that a scene holds.
MOST = 4
#: Things that are tried for a scene, one after the other, until it has as many as it should.
TRIES = 12
#: What the scenes of the book show; a thing's kind is its number in this list.
KINDS = ("disc", "square", "triangle")
#: Shapes that can be drawn, but are of no kind: for scenes unlike those of the training.
STRANGERS = ("ring", "cross")


@dataclass(frozen=True)
class Scenes:
    """n scenes and what is to be known of them. Places without a thing have the kind −1.

    Taught in {ref}`sec-vision-tasks`.
    """

    #: (n, S, S), grey levels around ½.
    pictures: Tensor
    #: (n, M), the kind of each thing: its number in the `kinds` that were asked for.
    kinds: Tensor
    #: (n, M, 4): left, top, right and lower edge of what is seen of each thing, in pixels.
    boxes: Tensor
    #: (n, M, S, S), bool: the pixels on which each thing is seen. No pixel belongs to two.
    masks: Tensor

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def label(self) -> Tensor:
        """(n,): the kind of the thing of which the most pixels are seen."""
        return self.kinds.gather(1, self.masks.sum((2, 3)).argmax(1, keepdim=True))[:, 0]

    @property
    def pixels(self) -> Tensor:
        """(n, S, S): 0 where the background is seen, 1 + the kind of a thing where it is."""
        return (self.masks * (self.kinds + 1)[:, :, None, None]).sum(1)


def inside(shape: str, dx: Tensor, dy: Tensor, r: Tensor) -> Tensor:
    """Whether points lie in a shape of size r around (0, 0), y downward: all broadcast, -> bool.

    Disc, square, triangle and cross of one size have areas near each other, about πr².
    Raises `ValueError` for a shape that cannot be drawn.
    Taught in {ref}`sec-vision-tasks`.
    """
    if shape == "disc":
        return dx**2 + dy**2 <= r**2
    if shape == "square":
        return torch.maximum(dx.abs(), dy.abs()) <= 0.89 * r
    if shape == "triangle":  # one corner up, 1.4 r from the middle; a height of 2.1 r
        return (dy <= 0.7 * r) & (math.sqrt(3) * dx.abs() <= dy + 1.4 * r)
    if shape == "ring":
        return (dx**2 + dy**2 <= r**2) & (dx**2 + dy**2 >= (0.55 * r) ** 2)
    if shape == "cross":
        arm = torch.minimum(dx.abs(), dy.abs()) <= 0.45 * r
        return arm & (torch.maximum(dx.abs(), dy.abs()) <= 1.1 * r)
    raise ValueError(f"no shape is called {shape!r}; there are {', '.join(KINDS + STRANGERS)}.")


def draw_scenes(
    n: int, seed: int, *, kinds: Sequence[str] = KINDS, things: tuple[int, int] = (1, MOST)
) -> Scenes:
    """n scenes, the same for the same seed, each of a few things on a ground that is lit unevenly.

    `things` are the fewest and the most to a scene (fewer, where twelve tries find no room). Of a
    thing, at most a tenth of the pixels is hidden by others. (0, 0) asks for empty scenes.
    Raises `ValueError` for a shape that cannot be drawn, and for numbers of things outside 0 to M.
    Taught in {ref}`sec-vision-tasks`.
    """
    fewest, most = things
    if not 0 <= fewest <= most <= MOST:
        raise ValueError(f"things is {things}; give the fewest and the most, from 0 to {MOST}.")
    generator = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=generator)

    # More are tried than are kept, from front to back: a thing is seen where none before it is.
    kind = torch.randint(len(kinds), (n, TRIES), generator=generator)
    wanted = torch.randint(fewest, most + 1, (n,), generator=generator)
    r = uniform(3, 6.5, n, TRIES)[..., None, None]
    reach = 1.4 * r
    x, y = (reach + uniform(0, 1, n, TRIES, 1, 1) * (SIZE - 2 * reach) for _ in range(2))
    at = torch.arange(SIZE) + 0.5
    solid = torch.zeros(n, TRIES, SIZE, SIZE, dtype=torch.bool)
    for number, shape in enumerate(kinds):
        drawn = inside(shape, at - x, at[:, None] - y, r)
        solid |= drawn & (kind == number)[..., None, None]
    masks = torch.zeros(n, MOST, SIZE, SIZE, dtype=torch.bool)
    kept = torch.full((n, MOST), -1)
    count = torch.zeros(n, dtype=torch.long)
    for one in range(TRIES):
        own = solid[:, one]
        seen = own & ~masks.any(1)
        keep = (count < wanted) & (seen.sum((1, 2)) >= 0.9 * own.sum((1, 2)))
        masks[keep, count[keep]] = seen[keep]
        kept[keep, count[keep]] = kind[keep, one]
        count += keep

    tilt = uniform(-0.1, 0.1, n, 2, 1, 1)
    ramp = at / SIZE - 0.5
    ground = uniform(0.2, 0.4, n, 1, 1) + tilt[:, 0] * ramp[:, None] + tilt[:, 1] * ramp
    contrast = uniform(0.2, 0.5, n, MOST)[..., None, None]
    noise = 0.05 * torch.randn(n, SIZE, SIZE, generator=generator)
    return Scenes(ground + (masks * contrast).sum(1) + noise, kept, boxes_around(masks), masks)


def boxes_around(masks: Tensor) -> Tensor:
    """The smallest box around the true pixels of each mask, zeros if there are none.

    (…, H, W) bool -> (…, 4): left, top, right and lower edge. One pixel (row 2, column 5) has the
    box (5, 2, 6, 3).
    Taught in {ref}`sec-vision-tasks`.
    """
    columns, rows = masks.any(-2), masks.any(-1)
    low = [side.int().argmax(-1) for side in (columns, rows)]
    high = [side.shape[-1] - side.flip(-1).int().argmax(-1) for side in (columns, rows)]
    boxes = torch.stack([*low, *high], -1)
    return boxes * masks.any(-1).any(-1)[..., None]
