"""The model functions that Broadcasting ships, against torch on every pair of its shapes."""

import ast
import itertools

import pytest
import torch
from traitlets import TraitError

from introml.widgets import Broadcasting
from introml.widgets.broadcasting import LARGEST_SIZE, MOST_AXES

SHAPES = [
    shape
    for axes in range(1, MOST_AXES + 1)
    for shape in itertools.product(range(1, LARGEST_SIZE + 1), repeat=axes)
]
PAIRS = list(itertools.product(SHAPES, repeat=2))
#: Every fitting pair of sizes 1 to 3 and as many again of the larger ones.
FITTING = [
    (a, b)
    for i, (a, b) in enumerate(PAIRS)
    if (max(a + b) <= 3 or i % 7 == 0)
    and all(p == q or 1 in (p, q) for p, q in zip(a[::-1], b[::-1], strict=False))
]


def test_the_grid_is_whole():
    assert len(SHAPES) == 155
    assert len(PAIRS) == 155**2
    assert len(FITTING) > 1000


def test_shape_or_reason_equal_torchs_for_every_pair(run_model):
    """24,025 pairs; where they don't fit, the message is that of torch's own addition."""
    found = run_model("Broadcasting", "broadcastShape", PAIRS)
    zeros = {shape: torch.zeros(shape) for shape in SHAPES}
    fitting = 0
    for (a, b), answer in zip(PAIRS, found, strict=True):
        try:
            expected = list(torch.broadcast_shapes(a, b))
        except RuntimeError:
            with pytest.raises(RuntimeError) as caught:
                zeros[a] + zeros[b]
            assert str(answer) == str(caught.value), (a, b)
        else:
            assert answer == expected, (a, b)
            fitting += 1
    assert 4000 < fitting < 10_000


def test_every_element_lands_where_torch_expands_it_to(run_model):
    cases = [(own, torch.broadcast_shapes(a, b)) for a, b in FITTING for own in (a, b)]
    found = run_model("Broadcasting", "landing", cases)
    for (own, result), landed in zip(cases, found, strict=True):
        numbered = torch.arange(torch.Size(own).numel()).reshape(own)
        assert landed == numbered.expand(result).flatten().tolist(), (own, result)


def test_sums_equal_torchs(run_model):
    found = run_model("Broadcasting", "sums", FITTING)
    for (a, b), sums in zip(FITTING, found, strict=True):
        A = torch.arange(1, torch.Size(a).numel() + 1).reshape(a)
        B = 10 * torch.arange(1, torch.Size(b).numel() + 1).reshape(b)
        assert sums == (A + B).flatten().tolist(), (a, b)


def test_places_are_all_indices_in_the_order_of_memory(run_model):
    found = run_model("Broadcasting", "places", [(shape,) for shape in SHAPES])
    for shape, places in zip(SHAPES, found, strict=True):
        assert places == [list(index) for index in torch.ones(shape).nonzero().tolist()]


def test_an_element_is_its_own_in_as_many_places_as_there_are_elements(run_model):
    """Each element is drawn solid once, where its index is that of the place."""
    cases = [(own, place) for own, result in (((2, 1, 3), (2, 4, 3)), ((3,), (2, 2, 3)))
             for place in itertools.product(*map(range, result))]  # fmt: skip
    found = run_model("Broadcasting", "isOwn", cases)
    for (own, place), solid in zip(cases, found, strict=True):
        stretched = [at for at, size in zip(place[::-1], own[::-1], strict=False) if size == 1]
        beyond = list(place[: len(place) - len(own)])
        assert solid == (not any(stretched + beyond)), (own, place)
    assert found.count(True) == 6 + 3


def test_shapes_are_read_as_they_are_typed(run_model):
    good = ["(2, 3)", "2,3", "2 3", " [2, 3] ", "2×3", "(2, 3,)"]
    assert run_model("Broadcasting", "parseShape", [(text,) for text in good]) == [[2, 3]] * 6
    bad = ["", "()", "2, 0", "6", "1, 2, 3, 4", "2.5", "-1", "two", "2; 3", "(2, 3) 4", "0.125"]
    assert run_model("Broadcasting", "parseShape", [(text,) for text in bad]) == [None] * len(bad)
    written = run_model("Broadcasting", "written", [(shape,) for shape in SHAPES])
    assert [ast.literal_eval(text) for text in written] == SHAPES
    back = run_model("Broadcasting", "parseShape", [(text,) for text in written])
    assert [tuple(shape) for shape in back] == SHAPES


@pytest.mark.parametrize(
    ("shape", "slot", "size", "expected"),
    [
        ([2, 3], 0, 5, [2, 5]),
        ([2, 3], 1, 1, [1, 3]),
        ([2, 3], 2, 4, [4, 2, 3]),
        ([3], 2, 4, [4, 1, 3]),  # an axis of size 1 between
        ([2, 3], 1, 0, [3]),  # the first axis goes
        ([2, 3], 0, 0, [2, 3]),  # an inner one stays
        ([3], 0, 0, [3]),  # and so does the only one
        ([3], 1, 0, [3]),
        ([2, 3], 0, 9, [2, 5]),
    ],
)
def test_one_size_is_set_counted_from_the_right(run_model, shape, slot, size, expected):
    assert run_model("Broadcasting", "withSize", [(shape, slot, size)]) == [expected]


def readout(stills, **traits):
    from bs4 import BeautifulSoup

    from introml.widgets.base import bundle_path

    widget = Broadcasting(**traits)
    state = {name: getattr(widget, name) for name in (*widget.public_traits(), "_forms")}
    bundle = str(bundle_path("Broadcasting", ".mjs"))
    html = stills.ask({"bundle": bundle, "anchor": "a", "state": state})["html"]
    page = BeautifulSoup(html, "html.parser")
    return page.select_one("[data-readout]").get_text(), page


def test_what_is_said_of_the_marked_element(stills):
    said, page = readout(stills, a=[2, 3], b=[3], cell=[0, 1, 2])
    assert said == (
        "(A + B)[1, 2] = A[1, 2] + B[2] = 6 + 30 = 36. "
        "A + B has shape (2, 3): B is used again for each of the 2 rows."
    )
    assert len(page.select(".iml-broadcasting-own")) == 6 + 3
    assert len(page.select(".iml-broadcasting-copy")) == 3
    names = [cell["aria-label"] for cell in page.select("[role=gridcell]")]
    assert names[5] == "A[1, 2] = 6"
    assert names[6:12:5] == ["B[0] = 10", "B[2] = 30, used again at [1, 2]"]
    assert names[17] == "(A + B)[1, 2] = 36"
    said, _ = readout(stills, a=[2, 3], b=[3], cell=[0, 0, 1], tensor="b")
    assert said.startswith("B[1] = 20 is used 2 times, here for (A + B)[0, 1] = A[0, 1] + B[1]")
    said, _ = readout(stills, a=[2, 3], b=[3], tensor="a")
    assert said.startswith("A[0, 0] = 1 is used once, here for")
    said, _ = readout(stills, a=[3], b=[3, 1], cell=[0, 2, 1], tensor="b")
    assert said.startswith("B[2, 0] = 30 is used 3 times, here for (A + B)[2, 1] = A[1] + B[2, 0]")
    assert (
        "A is used again for each of the 3 rows, and B is used again for each of the 3 col" in said
    )


def test_each_size_can_be_set_within_the_bounds_of_its_trait(stills):
    """The first axis can go (0), an inner one cannot, and the only one stays."""
    _, page = readout(stills, a=[2, 3], b=[3])
    fields = page.select("input[type=number]")
    assert [field["aria-label"] for field in fields] == [
        f"{axis} of {name}" for name in "AB" for axis in ("blocks", "rows", "columns")
    ]
    assert [field["min"] for field in fields] == ["0", "0", "1", "0", "0", "1"]
    assert {field["max"] for field in fields} == {str(LARGEST_SIZE)}
    assert [field["value"] for field in fields] == ["", "2", "3", "", "", "3"]


def test_the_reason_is_said_where_shapes_do_not_fit(stills):
    said, page = readout(stills, a=[2, 3], b=[2])
    assert "in the last axis (columns), A has 3 and B has 2, which differ" in said
    assert "“The size of tensor a (3) must match the size of tensor b (2) at non-singleton" in said
    assert page.select_one(".iml-broadcasting-wrong").get_text() == "3 ≠ 2"
    assert not page.select(".iml-broadcasting-sum")


@pytest.mark.parametrize(
    ("trait", "value"),
    [("a", []), ("a", [6]), ("a", [0, 2]), ("b", [1, 1, 1, 1]), ("b", [1.5]), ("cell", [0, 0]),
     ("tensor", "c"), ("question", 1)],
)  # fmt: skip
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = Broadcasting()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before
