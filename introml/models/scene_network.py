"""One small network with four answers to a scene: its name, its pixels, its boxes, their masks.

Letters: N scenes of S × S pixels, K kinds, G × G cells of 4 × 4 pixels, B boxes, M × M places of a
box.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from introml.detection import Detections, without_doubles
from introml.scenes import KINDS, SIZE, Scenes

#: Pixels along a cell; the cell in which the middle of a box lies reports it.
CELL = 4
#: Places along a box at which its mask is guessed.
PLACES = 8
GRID = SIZE // CELL


@dataclass(frozen=True)
class Answers:
    """What the network says of N scenes, before any choice is made.

    Taught in {ref}`sec-vision-tasks`.
    """

    #: (N, K): the logits of the scene's name.
    label: Tensor
    #: (N, 1 + K, S, S): the logits of each pixel, the background first.
    pixels: Tensor
    #: (N, 1 + K, G, G): the logits of each cell: nothing, or a thing of a kind.
    cells: Tensor
    #: (N, 4, G, G): the box that each cell would report.
    boxes: Tensor
    #: (N, C, S / 2, S / 2): what masks are guessed from.
    features: Tensor


def prepared(pictures: Tensor) -> Tensor:
    """Grey levels as the networks take them, around 0: (N, S, S) -> (N, 1, S, S).

    Taught in {ref}`sec-vision-tasks`.
    """
    return 4 * (pictures[:, None] - 0.3)


def block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution, batch normalization, ReLU."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())


def scene_classifier(kinds: int = len(KINDS)) -> nn.Sequential:
    """Three convolutions and the largest value of each map: (N, 1, S, S) -> logits (N, K).

    Taught in {ref}`sec-vision-tasks`.
    """
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(32, kinds),
    )  # fmt: skip


class SceneNetwork(nn.Module):
    """A trunk of convolutions, and on it four heads: label, pixels, cells with boxes, masks.

    Source of the plan: He, Gkioxari, Dollár and Girshick, Mask R-CNN (2017); here without its
    stage of proposals.
    Taught in {ref}`sec-vision-tasks`.
    """

    def __init__(self, kinds: int = len(KINDS), width: int = 16):
        super().__init__()
        self.middle = nn.Sequential(block(1, width, kernel=4, stride=2), block(width, width))
        self.coarse = nn.Sequential(block(width, 2 * width), block(2 * width, 2 * width))
        self.back = nn.Conv2d(2 * width, width, 1)
        self.features = block(width, width)
        self.label = nn.Linear(2 * width, kinds)
        self.pixels = nn.Conv2d(width, 4 * (1 + kinds), 1)
        self.cells = nn.Conv2d(2 * width, 1 + kinds + 4, 1)
        self.mask = nn.Sequential(block(width + 2, width), nn.Conv2d(width, 1, 1))

    def forward(self, pictures: Tensor) -> Answers:
        """(N, S, S) -> the answers to all but the last question, which needs boxes."""
        middle = self.middle(prepared(pictures))
        coarse = self.coarse(F.max_pool2d(middle, 2))
        features = self.features(middle + F.interpolate(self.back(coarse), scale_factor=2))
        cells = self.cells(coarse)
        at = CELL * (torch.arange(GRID) + 0.5)
        centre = torch.stack([at.expand(GRID, GRID), at[:, None].expand(GRID, GRID)])  # x, y
        near, far = (2 * CELL * edge for edge in cells[:, -4:].split(2, 1))
        return Answers(
            label=self.label(coarse.amax((2, 3))),
            pixels=F.pixel_shuffle(self.pixels(features), 2),
            cells=cells[:, :-4],
            boxes=torch.cat([centre - near, centre + far], 1),
            features=features,
        )

    def masks(self, features: Tensor, scene: Tensor, boxes: Tensor) -> Tensor:
        """Logits of the mask in each box: (N, C, ·, ·), (B,), (B, 4) -> (B, M, M).

        `scene` says in which of the N scenes a box lies.
        """
        inside = F.grid_sample(features[scene], places(boxes), align_corners=False)
        at = torch.linspace(-1, 1, PLACES)
        own = torch.stack([at.expand(PLACES, PLACES), at[:, None].expand(PLACES, PLACES)])
        return self.mask(torch.cat([inside, own.expand(len(boxes), -1, -1, -1)], 1))[:, 0]


def places(boxes: Tensor) -> Tensor:
    """M × M places spread over each box, as `grid_sample` takes them: (B, 4) -> (B, M, M, 2)."""
    part = (torch.arange(PLACES) + 0.5) / PLACES
    x, y = (
        boxes[:, i, None] + part * (boxes[:, i + 2] - boxes[:, i])[:, None] for i in range(2)
    )  # (B, M)
    pairs = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), -1)
    return 2 * pairs / SIZE - 1


def pasted(logits: Tensor, boxes: Tensor) -> Tensor:
    """The masks of boxes, put back into the picture: (B, M, M), (B, 4) -> bool (B, S, S)."""
    at = torch.arange(SIZE) + 0.5
    x, y = (
        2 * (at - boxes[:, i, None]) / (boxes[:, i + 2] - boxes[:, i])[:, None] - 1
        for i in range(2)
    )
    pairs = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), -1)
    inside = (pairs.abs() <= 1).all(-1)
    drawn = F.grid_sample(logits[:, None], pairs, align_corners=False, padding_mode="border")
    return (drawn[:, 0] > 0) & inside


def train(
    net: SceneNetwork,
    scenes: Scenes,
    *,
    epochs: int = 4,
    batch_size: int = 20,
    lr: float = 1e-2,
    seed: int = 0,
) -> SceneNetwork:
    """The network after `epochs` passes over the scenes, all four heads at once.

    The loss is the sum of those of the heads: cross-entropy for label, pixels, cells and masks, and
    the smoothed absolute error of the edges of boxes. Steps are AdamW's; the rate rises to `lr` and
    falls again. `seed` is that of the order of scenes.
    Taught in {ref}`sec-vision-tasks`.
    """
    generator = torch.Generator().manual_seed(seed)
    scene, place = (scenes.kinds >= 0).nonzero().T
    boxes, masks = scenes.boxes[scene, place].float(), scenes.masks[scene, place].float()
    x, y = (((boxes[:, :2] + boxes[:, 2:]) / 2) // CELL).long().T
    cells = torch.zeros(len(scenes), GRID, GRID, dtype=torch.long)
    cells[scene, y, x] = 1 + scenes.kinds[scene, place]
    pixels, label = scenes.pixels, scenes.label
    weight = torch.ones(1 + len(KINDS))
    weight[0] = 0.3  # most cells hold nothing

    optimizer = torch.optim.AdamW(net.parameters(), lr=lr, fused=True)
    steps = epochs * -(-len(scenes) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, lr, total_steps=steps, pct_start=0.2, cycle_momentum=False
    )
    net.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(scenes), generator=generator).split(batch_size):
            which, things = (scene == batch[:, None]).nonzero().T
            said = net(scenes.pictures[batch])
            own = boxes[things]
            guessed = net.masks(said.features, which, own)
            mask = F.grid_sample(masks[things, None], places(own), align_corners=False)[:, 0]
            loss = (
                F.cross_entropy(said.label, label[batch])
                + F.cross_entropy(said.pixels, pixels[batch])
                + F.cross_entropy(said.cells, cells[batch], weight)
                + F.smooth_l1_loss(said.boxes[which, :, y[things], x[things]], own) / 2
                + F.binary_cross_entropy_with_logits(guessed, mask)
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net.eval()


@torch.no_grad()
def detect(net: SceneNetwork, pictures: Tensor, least: float = 0.05) -> list[Detections]:
    """What the network reports in each picture (N, S, S): all with a score of at least `least`.

    Doubles are struck out: of two boxes that share more than half, whatever their kinds, the better
    one stays.
    Taught in {ref}`sec-vision-tasks`.
    """
    net.eval()
    said = net(pictures)
    scores, kinds = said.cells.softmax(1)[:, 1:].flatten(2).max(1)  # (N, G · G)
    boxes = said.boxes.flatten(2).transpose(1, 2)  # (N, G · G, 4)
    found = []
    for i in range(len(pictures)):
        cell = (scores[i] >= least).nonzero()[:, 0]
        cell = cell[without_doubles(boxes[i, cell], scores[i, cell])]
        own = boxes[i, cell]
        logits = net.masks(said.features, torch.full((len(own),), i), own)
        found.append(Detections(kinds[i, cell], scores[i, cell], own, pasted(logits, own)))
    return found
