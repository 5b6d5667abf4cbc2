"""What a page shows of a module is its code."""

import ast
import inspect

import pytest

from introml.autograd import sum_to
from introml.book.source import show_source, shown_source
from introml.scalar_autograd import Value, topological_order


def test_function_with_its_docstring_in_one_line():
    shown = shown_source(sum_to)
    assert '"""Undo broadcasting from `shape`: add up over every axis it used again."""\n' in shown
    assert "Taught in" not in shown
    own = ast.parse(inspect.getsource(sum_to)).body[0]
    assert ast.dump(ast.parse(shown).body[0].body[-1]) == ast.dump(own.body[-1])


def test_class_with_some_of_its_methods():
    shown = shown_source(Value, ["__init__", "__add__", "backward"])
    found = ast.parse(shown).body[0]
    methods = [part.name for part in found.body if isinstance(part, ast.FunctionDef)]
    assert methods == ["__init__", "__add__", "backward"]
    assert (
        ast.get_docstring(found) == "A number, and for each input of it: the input and the slope."
    )
    assert "\n\n\n" not in shown
    assert '"""a + b."""' not in shown


def test_class_with_all_of_its_methods():
    found = ast.parse(shown_source(Value)).body[0]
    names = {part.name for part in found.body if isinstance(part, ast.FunctionDef)}
    assert names == {name for name, one in vars(Value).items() if callable(one)}


def test_a_method_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="Value has no conv; it has"):
        shown_source(Value, ["conv"])


def test_shown_as_code_one_below_the_other(capsys):
    show_source(topological_order, sum_to)
    assert "def sum_to" in capsys.readouterr().out
