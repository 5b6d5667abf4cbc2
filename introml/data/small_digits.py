"""Handwritten digits, 8 × 8, in ten classes: small enough to train many networks on."""

import torch
from torch import Tensor

PARTS = {"train": (0, 1200), "choose": (1200, 1500), "test": (1500, 1797)}
"""To learn from, to choose by, and to judge the choice; always the same, in a mixed order."""


def load(part: str = "train") -> tuple[Tensor, Tensor]:
    """(X, y): X float32 (n, 64), 0 for paper and 1 for ink; y int64 (n,), the digit.

    n is 1,200 for the part "train", 300 for "choose" and 297 for "test".
    Raises `ValueError` for another part.
    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits (1998), its test set, as
    scikit-learn ships it.
    Taught in {ref}`sec-learning-rate`.
    """
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    if part not in PARTS:
        raise ValueError(f"part is {part!r}; it must be one of {', '.join(map(repr, PARTS))}.")
    pictures, digits = load_digits(return_X_y=True)
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(0))
    mine = order[slice(*PARTS[part])]
    return torch.tensor(pictures)[mine].float() / 16, torch.tensor(digits)[mine]
