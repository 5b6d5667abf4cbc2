"""MNIST: handwritten digits, 28 × 28, in ten classes."""

import torch
from torch import Tensor

from introml.data.images import ImageSet

CLASSES = tuple(str(digit) for digit in range(10))

MNIST = ImageSet(
    name="mnist",
    embedded="data/mnist-10k.npz",
    embedded_train=8000,
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    sha256={
        "train-images-idx3-ubyte.gz": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte.gz": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    },
)


def load(
    split: str = "train", full: bool = False, device: torch.device | str | None = None
) -> tuple[Tensor, Tensor]:
    """(X, y): X float32 (n, 28, 28), 0 for paper and 1 for ink; y int64 (n,), the digit.

    n is 8,000 for the split "train" and 2,000 for "test", real digits inside the book. With `full`,
    60,000 and 10,000, fetched on first use (11.6 MB, checked by SHA-256) into the cache, and
    without a network a warning and the part inside the book.
    Raises `ValueError` for another split or a download of the wrong checksum, `FileNotFoundError`,
    with the command that brings it, when the book's own file is missing.
    Source: LeCun, Cortes and Burges, The MNIST Database; see assets/data/README.md.
    Taught in {ref}`sec-what-is-machine-learning`.
    """
    return MNIST.load(split, full, device)
