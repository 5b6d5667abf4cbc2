"""LeNet-5, the network of 1998 that read handwritten digits, as it is built today."""

from collections.abc import Callable

from torch import nn

PLACES = 5 * 5
"""What the second pooling leaves of a picture of 28 × 28: 5 × 5 places."""


def lenet(
    classes: int = 10,
    *,
    bend: Callable[[], nn.Module] = nn.Tanh,
    pool: Callable[[int], nn.Module] = nn.AvgPool2d,
) -> nn.Sequential:
    """Two convolutions, each with a pooling, then three dense layers; a bend between them.

    In 1998 the bend was tanh and the poolings took means; later networks have `bend=nn.ReLU` and
    `pool=nn.MaxPool2d`. (N, 1, 28, 28) -> scores (N, classes). 61,706 parameters for ten classes.
    In the original, 60,000: there the second convolution saw only some of the six maps, each
    pooled map had two parameters, and the last layer measured distances.
    Source: LeCun, Bottou, Bengio and Haffner (1998), section II.B.
    Taught in {ref}`sec-lenet-to-vgg`.
    """
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), bend(), pool(2),
        nn.Conv2d(6, 16, 5), bend(), pool(2),
        nn.Flatten(),
        nn.Linear(16 * PLACES, 120), bend(),
        nn.Linear(120, 84), bend(),
        nn.Linear(84, classes),
    )  # fmt: skip
