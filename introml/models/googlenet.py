"""GoogLeNet: blocks that look through windows of several sizes side by side (2014)."""

import torch
from torch import Tensor, nn

BLOCKS = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}
"""Channels of each block's branches: 1 × 1; 1 × 1, then 3 × 3; 1 × 1, then 5 × 5; pooled, 1 × 1."""


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution padded by half of its kernel, and a ReLU: (N, inputs, H, W) -> (N, outputs, …).

    Taught in {ref}`sec-inception-and-resnet`.
    """
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2), nn.ReLU()
    )


class Inception(nn.Module):
    """Four branches on one input, whose channels are then stacked: (N, C, H, W) -> (N, …, H, W).

    `one`, `three`, `five` and `pooled` are the channels of the branches, as in `BLOCKS`; the first
    number of a pair is that of the 1 × 1 convolution in front.
    Source: Szegedy et al. (2015), figure 2b.
    Taught in {ref}`sec-inception-and-resnet`.
    """

    def __init__(
        self, inputs: int, one: int, three: tuple[int, int], five: tuple[int, int], pooled: int
    ):
        super().__init__()
        self.branches = nn.ModuleList(
            [
                convolution(inputs, one, 1),
                nn.Sequential(convolution(inputs, three[0], 1), convolution(*three, 3)),
                nn.Sequential(convolution(inputs, five[0], 1), convolution(*five, 5)),
                nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), convolution(inputs, pooled, 1)),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        """The branches' maps, one after another along the channels."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def googlenet(classes: int = 1000) -> nn.Sequential:
    """Three convolutions, nine Inception blocks, the mean of each map, and one dense layer.

    (N, 3, 224, 224) -> scores (N, classes). 6,998,552 parameters for a thousand classes, without
    the two auxiliary classifiers that only training used; the paper's local response normalization,
    which has no parameters, is left out. Poolings round up.
    Source: Szegedy et al. (2015), table 1.
    Taught in {ref}`sec-inception-and-resnet`.
    """

    def halve() -> nn.MaxPool2d:
        return nn.MaxPool2d(3, stride=2, ceil_mode=True)

    parts = [
        convolution(3, 64, 7, stride=2), halve(),
        convolution(64, 64, 1), convolution(64, 192, 3), halve(),
    ]  # fmt: skip
    seen = 192
    for name, (one, three, five, pooled) in BLOCKS.items():
        if name in ("4a", "5a"):
            parts.append(halve())
        parts.append(Inception(seen, one, three, five, pooled))
        seen = one + three[1] + five[1] + pooled
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.4), nn.Linear(seen, classes)]
    return nn.Sequential(*parts, *head)
