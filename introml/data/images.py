"""Sets of 28 × 28 grey images: the part inside the book, and the whole set from the network."""

import gzip
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from introml.book.assets import asset
from introml.data.fetch import cache_folder, fetch

# The third byte of an IDX file says the type of its numbers; 8 is an unsigned byte.
_UNSIGNED_BYTE = 8


@dataclass(frozen=True)
class ImageSet:
    """Where a set lies, in the book and outside it, and how the part in the book is split."""

    name: str
    embedded: str
    """The asset: an .npz with `x` uint8 (n, 28, 28) and `y` uint8 (n,)."""
    embedded_train: int
    """So many of its first images are for training, the rest for testing."""
    mirrors: tuple[str, ...]
    sha256: Mapping[str, str]
    """The four gzipped IDX files of the whole set, with their checksums."""

    def load(
        self, split: str, full: bool, device: torch.device | str | None
    ) -> tuple[Tensor, Tensor]:
        """X float32 (n, 28, 28) in [0, 1] and y int64 (n,); see `introml.data.mnist.load`."""
        if split not in ("train", "test"):
            raise ValueError(f'split is {split!r}; it must be "train" or "test".')
        arrays = self._whole(split) if full else None
        images, labels = arrays or self._embedded(split)
        X = torch.from_numpy(images).to(device).float() / 255
        return X, torch.from_numpy(labels).to(device).long()

    def _embedded(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        # allow_pickle=False: a pickle inside an .npz could run code.
        with np.load(asset(self.embedded), allow_pickle=False) as arrays:
            part = (
                np.s_[: self.embedded_train] if split == "train" else np.s_[self.embedded_train :]
            )
            return arrays["x"][part], arrays["y"][part]

    def _whole(self, split: str) -> tuple[np.ndarray, np.ndarray] | None:
        """The split of the whole set, or None, with a warning, when it cannot be fetched."""
        try:
            # All four files or none. The book's test images are training images of the whole set:
            # to train on the whole and test on the book's part would be to test on what was seen.
            paths = fetch(self.name, self.mirrors, self.sha256)
        except OSError as error:
            warnings.warn(
                f"The whole of {self.name} could not be fetched, so the part inside the book is "
                "used, and scores will be lower. To get the whole, go online and call "
                f"load(full=True) again; it is kept in {cache_folder()} (INTROML_DATA names "
                f"another folder). The reason: {error}",
                stacklevel=4,
            )
            return None
        prefix = "train" if split == "train" else "t10k"
        return (
            read_idx(paths[f"{prefix}-images-idx3-ubyte.gz"]),
            read_idx(paths[f"{prefix}-labels-idx1-ubyte.gz"]),
        )


def read_idx(path: Path) -> np.ndarray:
    """The array of bytes in a gzipped IDX file: 0, 0, type, rank, then the sizes, then the numbers.

    Sizes are 4 bytes each, most significant first.
    Raises `ValueError` when the file is not that or its length does not agree with its sizes.
    Source: LeCun, Cortes and Burges, The MNIST Database, "File formats".
    """
    with gzip.open(path) as file:
        content = file.read()
    if len(content) < 4 or content[:3] != bytes((0, 0, _UNSIGNED_BYTE)):
        raise ValueError(f"{path} is no IDX file of bytes: it begins with {content[:4].hex(' ')}.")
    rank = content[3]
    sizes = np.frombuffer(content, ">u4", count=rank, offset=4).astype(int)
    numbers = np.frombuffer(content, np.uint8, offset=4 + 4 * rank)
    if len(numbers) != sizes.prod():
        raise ValueError(
            f"{path} holds {len(numbers)} numbers; its sizes {sizes.tolist()} need {sizes.prod()}."
        )
    return numbers.reshape(sizes).copy()
