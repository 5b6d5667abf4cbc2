"""Python code as a tree: what is not Python is told apart, and nothing of it runs or fails."""

import ast
import warnings

import pytest

from introml.grader.lab.python_code import parse, syntax_error

DEEP = "(" * 5000 + ")" * 5000


def test_code_becomes_a_tree():
    assert ast.dump(parse("x = 1")) == ast.dump(ast.parse("x = 1"))
    assert parse("").body == []
    assert syntax_error("x = 1") is None


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x = 1\ny = = 2\n", 2),
        ("def f(:\n    pass", 1),
        ("if True:\nx = 1", 2),
        ("!ls", 1),
    ],
)
def test_the_line_where_it_stops_being_python(source, line):
    assert parse(source) is None
    assert syntax_error(source) == line


@pytest.mark.parametrize("source", [DEEP, "x = 1\0", "-" * 200_000 + "1"])
def test_what_no_parser_takes_is_no_python(source):
    assert parse(source) is None
    assert syntax_error(source) is not None


def test_pythons_remarks_on_odd_code_are_not_for_graders():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse(r"x = '\d'; y = 1 is 1") is not None
