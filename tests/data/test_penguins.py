"""The penguins are those of the published table."""

import pytest
import torch

from introml.data import penguins


def test_form_and_counts_are_those_of_the_published_table():
    """152, 68 and 124 penguins, of which one Adelie and one gentoo have no measurements."""
    X, y = penguins.load()
    assert X.shape == (342, 4)
    assert X.dtype == torch.float64
    assert y.dtype == torch.int64
    assert y.bincount().tolist() == [151, 68, 123]
    assert len(penguins.SPECIES) == 3
    assert len(penguins.MEASURED) == 4


def test_means_are_those_that_others_publish():
    """By species, as summaries of palmerpenguins on the web have them."""
    X, y = penguins.load()
    means = torch.stack([X[y == label].mean(0) for label in range(3)])
    assert means[:, 0].tolist() == pytest.approx([38.8, 48.8, 47.5], abs=0.06)
    assert means[:, 2].tolist() == pytest.approx([190, 196, 217], abs=0.6)
    assert means[:, 3].tolist() == pytest.approx([3701, 3733, 5076], abs=0.6)


def test_measurements_are_possible_ones():
    X, _ = penguins.load()
    low, high = X.min(0).values, X.max(0).values
    assert low.tolist() == [32.1, 13.1, 172, 2700]
    assert high.tolist() == [59.6, 21.5, 231, 6300]
