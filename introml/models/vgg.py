"""VGG: one kind of convolution, repeated; 16 or 19 layers with weights (2014)."""

from torch import nn

CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""How many 3 × 3 convolutions stand in front of each of the five poolings."""

CHANNELS = (64, 128, 256, 512, 512)


def vgg(layers: int = 16, classes: int = 1000) -> nn.Sequential:
    """Five groups of 3 × 3 convolutions, each with 2 × 2 max pooling, then three dense layers.

    (N, 3, 224, 224) -> scores (N, classes). `layers` counts those with weights, 16 or 19;
    138,357,544 or 143,667,240 parameters for a thousand classes.
    Raises `ValueError` for another number of layers.
    Source: Simonyan and Zisserman (2015), table 1, columns D and E.
    Taught in {ref}`sec-lenet-to-vgg`.
    """
    if layers not in CONVOLUTIONS:
        raise ValueError(f"layers is {layers}; it must be 16 or 19.")
    parts: list[nn.Module] = []
    seen = 3
    for repeats, channels in zip(CONVOLUTIONS[layers], CHANNELS, strict=True):
        for _ in range(repeats):
            parts += [nn.Conv2d(seen, channels, 3, padding=1), nn.ReLU()]
            seen = channels
        parts.append(nn.MaxPool2d(2))
    dense = [
        nn.Flatten(),
        nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Dropout(),
        nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(),
        nn.Linear(4096, classes),
    ]  # fmt: skip
    return nn.Sequential(*parts, *dense)
