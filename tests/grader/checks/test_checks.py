"""`checks.checks`: what passes, what fails and with which words, and how files are read."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from introml.grader.checks.checks import (
    CheckFailed,
    ChecksError,
    assert_close,
    check,
    load_checks,
    randint,
    randn,
    require,
    rng_for,
)

ONES = torch.ones(2, 3)


def fails(actual, expected, **options) -> CheckFailed:
    with pytest.raises(CheckFailed) as caught:
        assert_close(actual, expected, hint="Look again.", **options)
    assert caught.value.hint.startswith("Look again.")
    return caught.value


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (ONES, ONES.clone()),
        (ONES + 1e-7, ONES),
        (ONES, 1),
        (ONES, 1.0),
        (torch.tensor([1, 2]), torch.tensor([1, 2])),
        (1.0, 1),
        (3, 3),
        (0.1 + 0.2, 0.3),
        (True, True),
        ("relu", "relu"),
        (None, None),
        (np.ones(3), np.ones(3)),
        ((ONES, [1.0, 2]), (ONES, [1.0, 2])),
        ({"w": ONES}, {"w": ONES}),
        (torch.ones(2, dtype=torch.bfloat16) + 0.01, torch.ones(2, dtype=torch.bfloat16)),
    ],
)
def test_close_values_pass(actual, expected):
    assert_close(actual, expected, hint="Look again.")


@pytest.mark.parametrize(
    ("actual", "expected", "detail"),
    [
        (ONES.double(), ONES, "dtype is torch.float64"),
        (ONES[:1], ONES, "shape is (1, 3); (2, 3)"),
        (ONES.tolist(), ONES, "It is a list of 2."),
        (ONES.numpy(), ONES, "It is a numpy array."),
        (None, ONES, "It is None."),
        (ONES + 1, ONES, "6 of 6 entries differ, by up to 1."),
        (ONES, 0, "6 of 6 entries differ"),
        (torch.tensor([1, 2]), torch.tensor([1, 3]), "1 of 2 entries differ."),
        (torch.empty(0), 0, "no entries"),
        ("1.0", 1.0, "not a str"),
        (True, 1, "not a bool"),
        (1, True, ""),
        (torch.tensor([0]), 0.5, "Floating-point numbers are expected"),
        ([ONES], (ONES,), "a tuple of 1 is expected, not a list of 1."),
        ((ONES,), (ONES, ONES), "a tuple of 2 is expected, not a tuple of 1."),
        ({"v": ONES}, {"w": ONES}, "other keys"),
        (np.ones(3, np.float32), np.ones(3), "dtype is float32."),
        (ONES, np.ones((2, 3)), "A numpy array is expected"),
    ],
)
def test_what_differs_fails_and_is_described(actual, expected, detail):
    assert detail in fails(actual, expected).detail


@pytest.mark.parametrize(
    ("actual", "hint"),
    [
        (ONES.double(), "Look again. The dtype should be torch.float32."),
        (ONES.half()[:1], "Look again. The dtype should be torch.float32."),
        (torch.ones(3, 2), "Look again. The shape is wrong."),
        (torch.ones(641, 7717), "Look again. The shape is wrong."),
        ([1.0], "Look again. A tensor is expected."),
        ("the words of a student", "Look again. A tensor is expected."),
        (ONES + 1, "Look again."),
        ((ONES, ONES), "Look again. A tensor is expected."),
    ],
)
def test_the_hint_names_the_wrong_dtype_or_shape_and_nothing_that_the_student_chose(actual, hint):
    assert fails(actual, ONES).hint == hint


class Agreeable:
    """Equal to all, close to all, an array of whatever is asked for."""

    def __eq__(self, other):
        return True

    def __array__(self, *_):
        return np.ones((2, 3), np.float32)

    @classmethod
    def __torch_function__(cls, *_args, **_kwargs):
        return torch.tensor(True)


class AgreeableTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *_args, **_kwargs):
        return torch.tensor(True)


class AgreeableFloat(float):
    def __eq__(self, other):
        return True


@pytest.mark.parametrize(
    "actual", [Agreeable(), torch.zeros(2, 3).as_subclass(AgreeableTensor), AgreeableFloat(0)]
)
@pytest.mark.parametrize("expected", [ONES, 1.0, (ONES,), {"w": ONES}, True, None])
def test_objects_that_agree_with_everything_fail(actual, expected):
    fails(actual, expected)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nothing_infinite_passes_unless_it_is_allowed_and_in_its_place(bad):
    value = torch.tensor([1.0, bad])
    assert fails(value, torch.ones(2)).hint == "Look again. Some entries are infinite or NaN."
    fails(value, torch.ones(2), nonfinite=True)
    fails(value, torch.ones(2), rtol=math.inf, atol=math.inf)
    assert_close(value, value.clone(), nonfinite=True, hint="")
    fails(value.flip(0), value, nonfinite=True)
    with pytest.raises(ValueError, match="nonfinite=True"):
        assert_close(torch.ones(2), value, hint="")


@given(st.floats(width=32), st.floats(min_value=-1e6, max_value=1e6, width=32))
def test_a_number_passes_only_near_the_expected_one(actual, expected):
    near = abs(actual - expected) <= 1e-5 + 1.3e-6 * abs(expected)
    try:
        assert_close(torch.tensor([actual]), expected, hint="")
        passed = True
    except CheckFailed:
        passed = False
    assert passed == (near and math.isfinite(actual))


def test_one_tolerance_alone_sets_the_other_to_zero():
    assert_close(torch.tensor([1.1]), 1.0, atol=0.2, hint="")
    fails(torch.tensor([1e-6]), 0.0, rtol=0.5)


def test_require_takes_truth_of_one_entry_only():
    require(torch.tensor(True), "never")
    with pytest.raises(CheckFailed):
        require(torch.tensor(False), "no")
    with pytest.raises(RuntimeError):
        require(torch.tensor([True, True]), "no")


def test_the_generator_depends_on_seed_and_name_alone():
    def first(seed, name):
        return rng_for(seed, name).integers(1 << 62)

    assert first(1, "a") == first(1, "a")
    assert len({first(1, "a"), first(2, "a"), first(1, "b"), first(12, ""), first(1, "2")}) == 5
    assert randn(rng_for(1, "a"), 2, 3, dtype=torch.bfloat16).dtype == torch.bfloat16
    assert randint(rng_for(1, "a"), 0, 2, 100).unique().tolist() == [0, 1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"points": 0}, "above 0"),
        ({"points": math.nan}, "above 0"),
        ({"points": "3"}, "number"),
        ({"points": True}, "number"),
        ({"title": " "}, "title"),
        ({"tier": "tpu"}, "'cpu', 'cuda'"),
        ({"time_s": 0}, "seconds"),
    ],
)
def test_what_a_check_cannot_be(options, words):
    with pytest.raises(ValueError, match=words):
        check(**{"points": 1, "title": "A title", **options})


HEAD = "from introml.grader.checks.checks import check\n"
ONE = "@check(points=1, title='One')\ndef one(submission, rng): pass\n"


def test_checks_are_read_in_order_with_what_lies_beside_them(tmp_path):
    (tmp_path / "checks.py").write_text(HEAD + ONE)
    (tmp_path / "reference.py").write_text("VALUE = 7\n")
    (tmp_path / "hidden_checks.py").write_text(
        HEAD
        + "from checks import one\nfrom reference import VALUE\n"
        + "@check(points=VALUE, title='Zed')\ndef zed(submission, rng): pass\n"
        + "@check(points=1, title='Ab')\ndef ab(submission, rng): pass\n"
    )
    public = load_checks(tmp_path / "checks.py")
    hidden = load_checks(tmp_path / "hidden_checks.py", hidden=True)
    assert [(one.name, one.hidden) for one in public] == [("one", False)]
    assert [(one.name, one.hidden, one.points) for one in hidden] == [
        ("zed", True, 7),
        ("ab", True, 1),
    ]


def test_another_labs_neighbour_of_the_same_name_is_not_taken(tmp_path):
    for lab, points in (("first", 1), ("second", 2)):
        (tmp_path / lab).mkdir()
        (tmp_path / lab / "reference.py").write_text(f"VALUE = {points}\n")
        (tmp_path / lab / "checks.py").write_text(
            HEAD + "from reference import VALUE\n@check(points=VALUE, title='One')\n"
            "def one(submission, rng): pass\n"
        )
        assert load_checks(tmp_path / lab / "checks.py")[0].points == points


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no checks"),
        ("1/0", "ZeroDivisionError"),
        (HEAD + ONE + ONE, "one is there twice"),
        (HEAD + "check(points=-1, title='x')", "above 0"),
    ],
)
def test_a_checks_file_that_cannot_be_used_says_why(tmp_path, text, words):
    (tmp_path / "checks.py").write_text(text)
    with pytest.raises(ChecksError, match=words) as caught:
        load_checks(tmp_path / "checks.py")
    assert str(tmp_path / "checks.py") in str(caught.value)
    with pytest.raises(ChecksError, match="no such"):
        load_checks(tmp_path / "absent.py")
