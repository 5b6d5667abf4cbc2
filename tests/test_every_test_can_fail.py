"""Each test asserts something: of itself, or through a helper of the tests that does."""

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
#: Calls that fail where something is wrong: pytest's, Playwright's, jsonschema's, torch's.
CHECKS = {"raises", "warns", "fail", "expect", "validate"}


def functions_in(tree: ast.AST) -> dict[str, ast.AST]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name: node for node in ast.walk(tree) if isinstance(node, kinds)}


@cache
def module(path: Path) -> dict[str, ast.AST]:
    return functions_in(ast.parse(path.read_text(encoding="utf-8")))


@cache
def shared() -> dict[str, ast.AST]:
    """The functions of the modules that tests import."""
    paths = [path for path in TESTS.rglob("*.py") if not path.name.startswith("test_")]
    return {name: node for path in paths for name, node in module(path).items()}


def can_fail(
    function: ast.AST, own: dict[str, ast.AST], seen: frozenset[str] = frozenset()
) -> bool:
    """Whether a function asserts something, or calls one of its own or shared ones that does."""
    if any(isinstance(node, ast.Assert) for node in ast.walk(function)):
        return True
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    names = {getattr(call, "id", None) or getattr(call, "attr", "") for call in calls}
    if names & CHECKS or any(name.startswith("assert_") for name in names):
        return True
    known = shared() | own
    helpers = {name for name in names - seen if not name.startswith("test_")} & known.keys()
    return any(can_fail(known[name], own, seen | helpers) for name in helpers)


def test_every_test_asserts_something():
    tests = [
        (path.relative_to(TESTS), name, can_fail(node, module(path)))
        for path in sorted(TESTS.rglob("test_*.py"))
        for name, node in module(path).items()
        if name.startswith("test_")
    ]
    assert len(tests) > 1000
    assert [f"{path}: {name}" for path, name, can in tests if not can] == []


@pytest.mark.parametrize(
    ("source", "can"),
    [
        ("def test_a(): assert 1", True),
        ("def test_a(): pytest.raises(ValueError, f)", True),
        ("def test_a(): torch.testing.assert_close(a, b)", True),
        ("def test_a(): print(1)", False),
        ("def test_a(): compute(1)", False),
        ("def test_a(): pass", False),
        ("def test_a(): test_every_test_asserts_something()", False),
    ],
)
def test_a_test_that_only_runs_something_is_found(source, can):
    assert can_fail(ast.parse(source), {}) is can


def test_no_test_hides_another_of_its_name():
    for path in TESTS.rglob("test_*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        names = [one.name for one in body if isinstance(one, ast.FunctionDef)]
        assert sorted({name for name in names if names.count(name) > 1}) == [], path
