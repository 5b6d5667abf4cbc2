"""AlexNet, the network of eight layers that won the ImageNet contest of 2012."""

from torch import nn


def alexnet(classes: int = 1000) -> nn.Sequential:
    """Five convolutions, three of them with max pooling, then three dense layers with dropout.

    (N, 3, 224, 224) -> scores (N, classes). 61,100,840 parameters for a thousand classes. This is
    the form for one processor (64, 192, 384, 256 and 256 channels). The network of 2012 had 96,
    256, 384, 384 and 256, split over two GPUs, which saw each other's channels in some layers only.
    Source: Krizhevsky, One Weird Trick for Parallelizing Convolutional Neural Networks (2014).
    Taught in {ref}`sec-lenet-to-vgg`.
    """
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        nn.Flatten(),
        nn.Dropout(), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(),
        nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Linear(4096, classes),
    )  # fmt: skip
