"""What a lab forbids is refused wherever its library keeps it, noted, and given back."""

import contextlib
import sys
from types import ModuleType

import pytest

from introml.grader.wire.forbidden_watch import LibraryAnswer, Watch, locate


def answer(x):
    return x


class Layer:
    def __init__(self):
        self.size = 1


@pytest.fixture
def library(request, monkeypatch):
    """A small library that keeps one function and one class in two places each."""
    name = f"lib_{abs(hash(request.node.name))}"
    top, inner = ModuleType(name), ModuleType(f"{name}.inner")
    inner.answer = top.reply = answer
    inner.Layer = top.Layer = Layer
    top.inner = inner
    monkeypatch.setitem(sys.modules, name, top)
    monkeypatch.setitem(sys.modules, f"{name}.inner", inner)
    return top


def test_all_places_of_the_same_object_are_found(library):
    original, places = locate(f"{library.__name__}.inner.answer")
    assert original is answer
    assert {(place.__name__, key) for place, key in places} == {
        (library.inner.__name__, "answer"),
        (library.__name__, "reply"),
    }


@pytest.mark.parametrize("name", ["no_such_library.f", "{}.inner.nothing", "{}.nothing.f"])
def test_what_is_not_there_is_in_no_place_and_nothing_to_refuse(library, name):
    name = name.format(library.__name__)
    assert locate(name) == (None, [])
    watch = Watch()
    watch.refuse([name])
    watch.allow()
    assert watch.seen() == []


def test_a_function_is_refused_everywhere_noted_and_given_back(library):
    watch, name = Watch(), f"{library.__name__}.inner.answer"
    watch.refuse([name])
    for refused in (library.inner.answer, library.reply):
        with pytest.raises(LibraryAnswer, match=rf"{name} may not be used here: write it yourself"):
            refused(1)
    assert watch.seen() == [name]
    watch.allow()
    assert library.inner.answer is answer is library.reply


def test_a_class_is_refused_when_it_is_made_or_inherited_from(library):
    watch, name = Watch(), f"{library.__name__}.inner.Layer"
    watch.refuse([name])
    with pytest.raises(LibraryAnswer):
        library.Layer()
    with pytest.raises(LibraryAnswer):
        type("Mine", (library.inner.Layer,), {})
    watch.allow()
    assert library.Layer().size == 1
    assert watch.seen() == [name]


def test_a_note_stays_when_the_exception_is_caught(library):
    watch, name = Watch(), f"{library.__name__}.inner.answer"
    watch.refuse([name])
    with contextlib.suppress(LibraryAnswer):
        library.reply(1)
    watch.allow()
    assert watch.seen() == [name]


def test_every_name_that_was_called_is_told_once():
    watch = Watch()
    watch.calls |= dict.fromkeys(f"lib.f{number // 2}" for number in range(400))
    assert watch.seen() == [f"lib.f{number}" for number in range(200)]


def test_refusing_holds_for_a_block_and_again_for_the_next(library):
    watch, name = Watch(), f"{library.__name__}.inner.answer"
    watch.refuse([name])
    watch.allow()
    for _ in range(2):
        assert library.reply(1) == 1
        with pytest.raises(LibraryAnswer), watch.refusing():
            library.reply(1)
        assert library.reply(1) == 1
        assert library.inner.answer is answer
    assert watch.seen() == [name]


def test_what_cannot_be_replaced_is_left_alone():
    """Attributes of C's own types: the source is all that shows their use."""
    watch = Watch()
    watch.refuse(["builtins.int.bit_length"])
    assert (5).bit_length() == 3
    watch.allow()
