"""The small digits against scikit-learn's own arrays."""

import pytest
import torch
from sklearn.datasets import load_digits

from introml.data import small_digits


def test_the_three_parts_are_scikit_learns_pictures_each_once():
    parts = [small_digits.load(part) for part in ("train", "choose", "test")]
    assert [len(X) for X, _ in parts] == [len(y) for _, y in parts] == [1200, 300, 297]
    rows = sorted((*X.tolist(), y.item()) for Xs, ys in parts for X, y in zip(Xs, ys, strict=True))
    pictures, digits = load_digits(return_X_y=True)
    expected = sorted(
        (*(p / 16).tolist(), d) for p, d in zip(pictures, digits.tolist(), strict=True)
    )
    assert rows == expected


def test_parts_are_mixed_and_the_same_each_time():
    (X, y), (again, _) = small_digits.load("train"), small_digits.load("train")
    assert torch.equal(X, again)
    assert X.dtype == torch.float32
    assert y.bincount().min() > 100  # of 1,200 in ten classes


def test_another_part_is_refused():
    with pytest.raises(
        ValueError, match="'validation'; it must be one of 'train', 'choose', 'test'"
    ):
        small_digits.load("validation")
