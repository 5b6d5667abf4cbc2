"""Convolution, transposed convolution and pooling of a small image, one output cell at a time."""

from typing import Any

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Numbers, Switch


class Pair(Numbers):
    """Two whole numbers (down, across); one number stands for both."""

    def __init__(self, default: tuple[int, int], low: int, high: int, **kwargs: Any):
        super().__init__(list(default), low=low, high=high, least=2, most=2, whole=True, **kwargs)

    def validate(self, obj: Any, value: Any) -> list[int]:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = [value, value]
        return super().validate(obj, value)


class ConvolutionVisualizer(Widget):
    """Padded input, kernel and output, the cells behind the selected output cell, and its sum.

    Taught in {ref}`sec-convolution`, {ref}`sec-padding-and-stride` and {ref}`sec-pooling`.
    Values, sizes and refusals are those of `torch.nn.functional`: `pad` and `conv2d`,
    `conv_transpose2d`, `max_pool2d`, `avg_pool2d`. Settings for two directions are pairs (down,
    across), or one number for both. A combination that torch refuses is shown with the reason.
    """

    input = Numbers(
        [[0, 1, 2], [3, 4, 5], [6, 7, 8]], dims=2, low=-1e4, high=1e4, most=16, help="the image"
    ).tag(sync=True)
    kernel = Numbers(
        [[0, 1], [2, 3]], dims=2, low=-1e4, high=1e4, most=7, help="weights of the convolution"
    ).tag(sync=True)
    mode = Choice(
        "convolution",
        ("convolution", "transposed", "max", "average"),
        help="convolution, transposed or not, or a kind of pooling",
    ).tag(sync=True)
    flip = Switch(False, help="turn the kernel by 180°: true convolution").tag(sync=True)
    window = Pair((2, 2), 1, 7, help="kernel_size of the pooling").tag(sync=True)
    stride = Pair((1, 1), 1, 8, help="steps of the window").tag(sync=True)
    padding = Pair((0, 0), 0, 8, help="cells added on either side").tag(sync=True)
    padding_mode = Choice(
        "zeros",
        ("zeros", "reflect", "replicate", "circular"),
        help="what the convolution's padding holds",
    ).tag(sync=True)
    output_padding = Pair(
        (0, 0), 0, 7, help="transposed convolution: cells added at the far end of the output"
    ).tag(sync=True)
    dilation = Pair((1, 1), 1, 8, help="distance of the cells that a window reads").tag(sync=True)
    ceil_mode = Switch(False, help="pooling: round the output's size up").tag(sync=True)
    count_include_pad = Switch(True, help="average pooling: padding counts as cells").tag(sync=True)
    cell = Pair((0, 0), 0, 31, help="row and column of the selected output cell").tag(sync=True)
    controls = Choice(
        "all",
        ("kernel", "border", "pooling", "all"),
        help="which controls stand open; the others are folded",
    ).tag(sync=True)
    question = Choice(
        "none",
        ("none", "middle", "stride", "winner"),
        help="what the reader is asked before moving anything",
    ).tag(sync=True)
