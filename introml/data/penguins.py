"""Penguins of three species, with four measurements each."""

import csv

import torch
from torch import Tensor

from introml.book.assets import asset

SPECIES = ("Adelie", "Chinstrap", "Gentoo")

#: The columns of X: lengths in millimetres, the mass in grams.
MEASURED = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")


def load() -> tuple[Tensor, Tensor]:
    """(X, y): X float64 (342, 4), the columns `MEASURED`; y int64 (342,), an index of `SPECIES`.

    The penguins stand species by species, in the order of the published table.
    Raises `FileNotFoundError`, with the command that brings it, when the file is missing.
    Source: Gorman, Williams and Fraser (2014); see assets/data/README.md.
    Taught in {ref}`sec-learning-problems`.
    """
    lines = asset("data/penguins.csv").read_text(encoding="ascii").splitlines()
    rows = list(csv.DictReader(lines))
    X = [[float(row[name]) for name in MEASURED] for row in rows]
    y = [SPECIES.index(row["species"]) for row in rows]
    return torch.tensor(X, dtype=torch.float64), torch.tensor(y)
