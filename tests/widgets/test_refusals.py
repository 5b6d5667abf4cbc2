"""What no widget may take: each trait of each class is given values that fit none or few."""

import json
import math

import numpy as np
import pytest
import torch
import traitlets

import introml.widgets

NAN, INF = math.nan, math.inf
CASES = [
    (name, trait)
    for name in introml.widgets.__all__
    for trait in getattr(introml.widgets, name).public_traits()
]
#: No trait of any widget may hold one of these.
NEVER = [
    *(NAN, INF, -INF, 10**400, -(10**400), -1e300, 1j, b"7", object(), {1}, {}, {"a": 1}),
    *([], [[]], [NAN, 1.0], [[NAN]], [1, INF], [[1, 2], [3]], [None, None], ["a", "b"], [[[1.0]]]),
    *(list(range(10_001)), [[0] * 1000] * 1000, "x" * 100_000, "\x00", np.full((3, 3), NAN)),
    *(np.zeros((2, 2, 2)), torch.tensor([NAN, 1]), torch.zeros(0), [1e300, 1], [[10**400, 1]]),
    *([True, False], [[True]], lambda: 1, type),
]
#: These are right for some traits; what is taken must be sound.
SOMETIMES = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        0.5,
        1e9,
        "",
        "sum",
        "none",
        [1, 2],
        [0, 0],
        [-1, -1],
        [0.5, 0.5],
    ),
    *([1], [1, 2, 3], [[1.0]], [[1, 2], [3, 4]], [1e5, 1e5], [[1e5]], [99, 99], np.float32(0.5)),
]


@pytest.fixture(scope="module")
def made():
    """One widget of each class, made once: a class may train a network for its default."""
    return {name: getattr(introml.widgets, name)() for name in introml.widgets.__all__}


def words_of(value):
    return repr(value)[:60]


def refused(widget, trait, value):
    """The error that setting the trait raises, or None."""
    try:
        setattr(widget, trait, value)
    except traitlets.TraitError as error:
        return error
    return None


@pytest.mark.parametrize(("name", "trait"), CASES)
def test_a_trait_refuses_what_no_figure_can_draw(name, trait, made):
    widget = made[name]
    before = getattr(widget, trait)
    kept = json.dumps(before)
    for value in NEVER:
        # A sentence may be any short text.
        if isinstance(value, str) and value == "\x00" and trait == "sentence":
            continue
        refusal = refused(widget, trait, value)
        assert isinstance(refusal, ValueError), words_of(value)
        words = str(refusal)
        assert words.startswith(f"{name}.{trait} must be "), words_of(value)
        assert len(words) < 600, words_of(value)
        assert json.dumps(getattr(widget, trait)) == kept, words_of(value)


@pytest.mark.parametrize(("name", "trait"), CASES)
def test_a_trait_takes_a_value_whole_or_refuses_it_in_words(name, trait, made):
    widget = made[name]
    before = getattr(widget, trait)
    for value in SOMETIMES:
        refusal = refused(widget, trait, value)
        if refusal is not None:
            assert isinstance(refusal, ValueError), words_of(value)
            assert str(refusal).startswith(f"{name}.{trait} must be "), words_of(value)
            assert getattr(widget, trait) == before, words_of(value)
        # What is in the trait goes to a browser as JSON, which has no NaN.
        json.dumps(getattr(widget, trait), allow_nan=False)
        setattr(widget, trait, before)
