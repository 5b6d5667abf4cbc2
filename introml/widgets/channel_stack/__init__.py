"""A convolution of several channels: every grid that enters an output cell, and what it costs."""

from typing import Any

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Numbers, Whole

MOST = 4
"""Channels, at most, of the input and of the output."""
SIDE = 3
"""Rows and columns of an input channel, and of the largest kernel."""


class Block(Numbers):
    """A block of numbers of one shape, kept as a flat list; a block of that shape is taken too."""

    def __init__(self, default: list[float], shape: tuple[int, ...], **kwargs: Any):
        self.shape = shape
        super().__init__(
            default, low=-1e4, high=1e4, least=len(default), most=len(default), **kwargs
        )

    def validate(self, obj: Any, value: Any) -> list:
        shape = getattr(value, "shape", None)
        if shape is not None and tuple(shape) == self.shape:
            value = value.reshape(-1)
        return super().validate(obj, value)


def _counting() -> list[float]:
    """Channel c holds c, c + 1, …, c + 8."""
    return [float(c + at) for c in range(MOST) for at in range(SIDE * SIDE)]


def _kernels() -> list[float]:
    """Kernel 0 counts on from channel to channel; the others sum, compare and pick channels."""
    corners = [  # (O, C, 2 × 2)
        [[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]],
        [[-1, -1, -1, -1], [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]],
        [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]],
        [[0, 0, 0, 0], [1, -1, 1, -1], [0, 0, 0, 0], [1, 1, -1, -1]],
    ]
    # A smaller kernel is the lower right corner of the 3 × 3 one.
    return [float(v) for o in corners for a, b, c, d in o for v in (1, 0, 1, 0, a, b, 1, c, d)]


class ChannelStack(Widget):
    """Input channels, a kernel for each, their sums, and the output channels, as grids of numbers.

    `input` is (4, 3, 3) and `weights` (4, 4, 3, 3), output channel before input channel; what is
    shown are the first `channels` and `outputs` of them, and the lower right `size` × `size` of
    each kernel. Values and counts are those of a `torch.nn.Conv2d` without bias.
    Taught in {ref}`sec-channels`.
    """

    input = Block(_counting(), (MOST, SIDE, SIDE), help="numbers of the input channels").tag(
        sync=True
    )
    weights = Block(_kernels(), (MOST, MOST, SIDE, SIDE), help="kernels of all outputs").tag(
        sync=True
    )
    channels = Whole(2, 1, MOST, help="input channels").tag(sync=True)
    outputs = Whole(1, 1, MOST, help="output channels").tag(sync=True)
    size = Whole(2, 1, SIDE, help="rows and columns of each kernel").tag(sync=True)
    groups = Whole(1, 1, MOST, help="groups that the channels are split into").tag(sync=True)
    cell = Numbers(
        [0, 0, 0], low=0, high=MOST - 1, least=3, most=3, whole=True,
        help="channel, row and column of the selected output",
    ).tag(sync=True)  # fmt: skip
    question = Choice(
        "none", ("none", "grids"), help="what the reader is asked before moving anything"
    ).tag(sync=True)
