"""Numbers that prose quotes: what `quote` leaves in the notebook for the text to find."""

import ast

import numpy as np
import pytest
import torch

from introml.book.glue import glue

PREFIX = "application/papermill.record/"


@pytest.fixture
def quoted(monkeypatch):
    """`quoted(name=value)`: what the page's text will find, by name."""
    shown = []

    def display(data, metadata, raw):
        assert raw
        shown.append((data, metadata))

    monkeypatch.setattr("IPython.display.display", display)

    def run(**numbers):
        glue(**numbers)
        found = {}
        for data, metadata in shown:
            assert metadata["scrapbook"]["mime_prefix"] == PREFIX
            # Only under the prefix: the cell itself shows nothing.
            assert list(data) == [f"{PREFIX}text/plain"]
            found[metadata["scrapbook"]["name"]] = data[f"{PREFIX}text/plain"]
        return found

    return run


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (0.0625, "0.0625"),
        (-1e-12, "-1e-12"),
        (True, "True"),
        ("seven", "'seven'"),
        (np.float64(0.5), "0.5"),
        (np.float32(0.5), "0.5"),
        (np.int64(4), "4"),
        (torch.tensor(0.25), "0.25"),
        (torch.tensor([7]), "7"),
    ],
)
def test_a_value_is_kept_as_plain_python_that_formats(quoted, value, text):
    found = quoted(x=value)
    assert found == {"x": text}
    assert ast.literal_eval(found["x"]) == value


def test_several_values_are_kept_each_under_its_name(quoted):
    assert quoted(loss=0.5, steps=40) == {"loss": "0.5", "steps": "40"}


def test_a_tensor_of_many_numbers_is_refused(quoted):
    with pytest.raises((ValueError, RuntimeError)):
        quoted(x=torch.tensor([1.0, 2.0]))
