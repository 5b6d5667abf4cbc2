"""ResNet: blocks that learn what to add to their input (2015)."""

from torch import Tensor, nn

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
"""How many blocks work at each of the four sizes of the maps."""


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution without bias, padded by half of its kernel, and batch normalization.

    (N, inputs, H, W) -> (N, outputs, H / stride, W / stride), rounded up.
    Taught in {ref}`sec-inception-and-resnet`.
    """
    padding = kernel // 2
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=False),
        nn.BatchNorm2d(outputs),
    )


class Residual(nn.Module):
    """ReLU(residual(x) + shortcut(x)): (N, C, H, W) -> what the residual's last layer gives.

    The shortcut hands on x as it is, or through a 1 × 1 convolution where the shape changes.
    Source: He et al. (2016), figure 2.
    Taught in {ref}`sec-inception-and-resnet`.
    """

    def __init__(self, residual: nn.Module, shortcut: nn.Module | None = None):
        super().__init__()
        self.residual = residual
        self.shortcut = shortcut if shortcut is not None else nn.Identity()
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """The block's output."""
        return self.relu(self.residual(x) + self.shortcut(x))


def basic_block(inputs: int, channels: int, stride: int = 1) -> Residual:
    """Two 3 × 3 convolutions: (N, inputs, H, W) -> (N, channels, H / stride, W / stride).

    Source: He et al. (2016), figure 5, left.
    Taught in {ref}`sec-inception-and-resnet`.
    """
    residual = nn.Sequential(
        convolution(inputs, channels, 3, stride), nn.ReLU(), convolution(channels, channels, 3)
    )
    return Residual(residual, _shortcut(inputs, channels, stride))


def bottleneck(inputs: int, channels: int, stride: int = 1) -> Residual:
    """1 × 1 down to a quarter of the channels, 3 × 3, and 1 × 1 up again.

    (N, inputs, H, W) -> (N, channels, H / stride, W / stride). The 3 × 3 convolution has the
    stride, as in most later implementations; in the paper it was the first 1 × 1.
    Source: He et al. (2016), figure 5, right.
    Taught in {ref}`sec-inception-and-resnet`.
    """
    narrow = channels // 4
    residual = nn.Sequential(
        convolution(inputs, narrow, 1), nn.ReLU(),
        convolution(narrow, narrow, 3, stride), nn.ReLU(),
        convolution(narrow, channels, 1),
    )  # fmt: skip
    return Residual(residual, _shortcut(inputs, channels, stride))


def resnet(layers: int = 18, classes: int = 1000) -> nn.Sequential:
    """One convolution, sixteen or eight residual blocks, the mean of each map, one dense layer.

    (N, 3, 224, 224) -> scores (N, classes). `layers` is 18 or 34, with basic blocks, or 50, with
    bottlenecks: 11,689,512, 21,797,672 or 25,557,032 parameters for a thousand classes.
    Raises `ValueError` for another number of layers.
    Source: He et al. (2016), table 1.
    Taught in {ref}`sec-inception-and-resnet`.
    """
    if layers not in BLOCKS:
        raise ValueError(f"layers is {layers}; it must be 18, 34 or 50.")
    block, widen = (bottleneck, 4) if layers == 50 else (basic_block, 1)
    parts: list[nn.Module] = [
        convolution(3, 64, 7, stride=2), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1),
    ]  # fmt: skip
    seen = 64
    for stage, repeats in enumerate(BLOCKS[layers]):
        channels = 64 * 2**stage * widen
        for number in range(repeats):
            parts.append(block(seen, channels, stride=2 if stage and number == 0 else 1))
            seen = channels
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(seen, classes)]
    return nn.Sequential(*parts, *head)


def _shortcut(inputs: int, channels: int, stride: int) -> nn.Module | None:
    return None if inputs == channels and stride == 1 else convolution(inputs, channels, 1, stride)
