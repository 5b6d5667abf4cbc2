"""Widget traits: what they take, what they refuse and in which words; the old value stays."""

import math

import numpy as np
import pytest
import torch
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

from introml.widgets.traits import BadValue, Choice, Numbers, Real, Switch, Whole


class Probe(traitlets.HasTraits):
    """One trait of each kind."""

    rate = Real(0.5, 0, 2)
    steps = Whole(3, 1, 10)
    kind = Choice("sum", ("sum", "mean", 1))
    shown = Switch(True)
    points = Numbers([1.0, 2.0], low=-10, high=10, least=2, most=4)
    image = Numbers([[0, 1], [1, 0]], dims=2, low=0, high=1, least=1, most=3)
    sizes = Numbers([2, 3], low=1, high=5, most=3, whole=True)


NAN, INF = math.nan, math.inf
HUGE = 10**400  # a whole number that no float can hold


def accepted(trait, value):
    probe = Probe()
    setattr(probe, trait, value)
    return getattr(probe, trait)


@pytest.mark.parametrize(
    ("trait", "value", "kept"),
    [
        ("rate", 0, 0.0),
        ("rate", 2, 2.0),
        ("rate", 0.25, 0.25),
        ("rate", np.float32(0.25), 0.25),
        ("rate", np.int64(1), 1.0),
        ("rate", np.array(0.25), 0.25),
        ("rate", torch.tensor(0.25), 0.25),
        ("steps", 1, 1),
        ("steps", 10.0, 10),
        ("steps", np.int64(7), 7),
        ("steps", torch.tensor(7), 7),
        ("kind", "mean", "mean"),
        ("kind", 1, 1),
        ("kind", np.int64(1), 1),
        ("shown", False, False),
        ("shown", np.bool_(False), False),
        ("shown", torch.tensor(1) > 2, False),
        ("points", (3, 4), [3.0, 4.0]),
        ("points", [1, -10, 10, 0.5], [1.0, -10.0, 10.0, 0.5]),
        ("points", np.array([1, 2, 3]), [1.0, 2.0, 3.0]),
        ("points", torch.tensor([0.5, -0.5]), [0.5, -0.5]),
        ("points", [np.float32(0.5), torch.tensor(2)], [0.5, 2.0]),
        ("sizes", (4, 5.0), [4, 5]),
        ("sizes", torch.Size([1, 2]), [1, 2]),
        ("image", [[0, 1, 0.5]], [[0.0, 1.0, 0.5]]),
        ("image", np.eye(3), [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        ("image", torch.ones(1, 2), [[1.0, 1.0]]),
        ("image", [np.array([0, 1]), torch.tensor([1, 0])], [[0.0, 1.0], [1.0, 0.0]]),
    ],
)
def test_a_good_value_is_kept_as_pythons_own(trait, value, kept):
    found = accepted(trait, value)
    assert found == kept
    assert type(found) is type(kept)
    if isinstance(found, list):
        flat = np.array(found).ravel().tolist()
        assert all(type(number) is (int if trait == "sizes" else float) for number in flat)


BAD = [
    *[("rate", value) for value in (NAN, INF, -INF, -0.001, 2.001, HUGE, -HUGE, True, "1", None)],
    *[("rate", value) for value in ([1], np.array([1.0]), np.array([1.0, 2.0]), 1j, np.nan)],
    *[("steps", value) for value in (0, 11, 2.5, NAN, INF, HUGE, False, "3", None, [3])],
    *[("kind", value) for value in ("median", "Sum", "", None, 1.0, True, ["sum"])],
    *[("shown", value) for value in (1, 0, "yes", None, [])],
    *[("sizes", value) for value in ([], [1.5], [0], [6], [1] * 4, [True], 3, [[1]])],
    *[("points", value) for value in ([1], [], [1] * 5, [1, NAN], [1, INF], [1, 10.5], [1, HUGE])],
    *[("points", value) for value in ([1, True], [1, "2"], [1, None], [[1, 2], [3, 4]], 3, None)],
    *[("points", value) for value in ("12", {1: 2, 3: 4}, np.array(1.0), np.eye(2), [1, 1j])],
    *[("points", value) for value in (np.array([1, NAN]), torch.tensor([1, INF]))],
    *[("image", value) for value in ([1, 0], [[1, 0], [1]], [[]], [], [[0] * 4], [[2]], [[NAN]])],
    *[("image", value) for value in (np.ones(3), np.ones((1, 1, 1)), [[1], 2], "ab", ["ab"])],
]


@pytest.mark.parametrize(("trait", "value"), BAD)
def test_a_bad_value_is_refused_by_both_names_and_the_old_one_stays(trait, value):
    probe = Probe()
    before = getattr(probe, trait)
    heard = []
    probe.observe(heard.append, trait)
    with pytest.raises(traitlets.TraitError) as caught:
        setattr(probe, trait, value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, BadValue)
    assert str(caught.value).startswith(f"Probe.{trait} must be ")
    assert getattr(probe, trait) == before
    assert heard == []


@pytest.mark.parametrize(("trait", "value"), BAD)
def test_a_bad_value_is_refused_when_the_widget_is_made(trait, value):
    with pytest.raises(BadValue, match=rf"^Probe\.{trait} must be "):
        Probe(**{trait: value})


@pytest.mark.parametrize(
    ("trait", "value", "words"),
    [
        ("rate", 3, "must be a finite number from 0 to 2; it was given 3"),
        ("steps", 2.5, "must be a whole number from 1 to 10; it was given 2.5"),
        ("kind", "median", "must be one of 'sum', 'mean', 1; it was given 'median'"),
        ("shown", 1, "must be one of True, False; it was given 1"),
        (
            "points",
            [1, 11],
            "must be a list of numbers, 2 to 4 along each direction, each number finite and "
            "from -10 to 10: 11 is not allowed",
        ),
        ("points", [1], "from -10 to 10: it has 1 entries"),
        ("image", [[1], [0, 1]], "must be a rectangle (list of equal rows), 1 to 3 along each"),
        ("image", [[1], [0, 1]], "its rows differ in length"),
    ],
)
def test_the_message_says_what_is_allowed_and_what_was_given(trait, value, words):
    with pytest.raises(BadValue) as caught:
        Probe(**{trait: value})
    assert words in str(caught.value)


def test_a_message_stays_short_whatever_was_given():
    for trait in ("rate", "steps", "kind", "points"):
        with pytest.raises(BadValue) as caught:
            Probe(**{trait: "x" * 100_000})
        assert len(str(caught.value)) < 300


def test_a_default_that_is_not_allowed_is_refused_too():
    class Wrong(traitlets.HasTraits):
        rate = Real(5, 0, 2)

    with pytest.raises(BadValue, match=r"Wrong\.rate"):
        _ = Wrong().rate


def test_two_widgets_do_not_share_a_default():
    one, other = Probe(), Probe()
    one.points.append(5.0)
    assert other.points == [1.0, 2.0]
    assert Probe().points == [1.0, 2.0]


@settings(max_examples=100, deadline=None)
@given(st.floats() | st.integers() | st.text() | st.none() | st.booleans())
def test_real_and_whole_hold_only_what_they_promise(value):
    for trait, allowed in (
        ("rate", lambda v: 0 <= v <= 2),
        ("steps", lambda v: 1 <= v <= 10 and float(v).is_integer()),
    ):
        good = type(value) in (int, float) and allowed(value)
        try:
            assert good == (accepted(trait, value) == value)
        except BadValue:
            assert not good
