"""Fashion-MNIST: pictures of clothes, 28 × 28, in ten classes; harder than digits."""

import torch
from torch import Tensor

from introml.data.images import ImageSet

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

FASHION_MNIST = ImageSet(
    name="fashion-mnist",
    embedded="data/fashion-mnist-6k.npz",
    embedded_train=5000,
    mirrors=(
        # This bucket's web address has no https; the checksums stand in for it.
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    sha256={
        "train-images-idx3-ubyte.gz": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        "train-labels-idx1-ubyte.gz": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    },
)


def load(
    split: str = "train", full: bool = False, device: torch.device | str | None = None
) -> tuple[Tensor, Tensor]:
    """(X, y): X float32 (n, 28, 28) in [0, 1]; y int64 (n,), an index of `CLASSES`.

    n is 5,000 for the split "train" and 1,000 for "test", real pictures inside the book. With
    `full`, 60,000 and 10,000, fetched on first use (30.9 MB, checked by SHA-256) into the cache,
    and without a network a warning and the part inside the book.
    Raises `ValueError` for another split or a download of the wrong checksum, `FileNotFoundError`,
    with the command that brings it, when the book's own file is missing.
    Source: Xiao, Rasul and Vollgraf, Fashion-MNIST (2017); see assets/data/README.md.
    """
    return FASHION_MNIST.load(split, full, device)
