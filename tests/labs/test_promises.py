"""The text of a lab and its checks say the same: see the table in `promises.py`."""

import ast
import importlib.util
import re

import pytest
import torch
from promises import PROMISES

from introml.book.paths import ROOT
from introml.grader.lab.lab import labs, load_lab

#: Ways of ending a sentence of a docstring; "b ()" and "0 … n" end none.
_SENTENCES = re.compile(r"(?<=\.) (?=[A-Z(\[\d]|-> |mask|lengths|names|warmup|size|x \(|q \()")


def words(text: str) -> str:
    return " ".join(text.split())


def asked_of_answers(lab) -> list[str]:
    """The sentences of the docstrings that stand above what is to be written."""
    found = []
    for cell in lab.answers.values():
        for node in ast.walk(ast.parse(cell.starter)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found += _SENTENCES.split(words(ast.get_docstring(node) or ""))
    return [one for one in found if one]


def test_every_lab_has_its_table():
    assert set(PROMISES) == set(labs())


@pytest.mark.parametrize("name", PROMISES)
def test_each_promise_stands_in_the_text(name):
    text = words((load_lab(name).folder / "lab.md").read_text(encoding="utf-8"))
    missing = [says for says, _ in PROMISES[name] if says not in text]
    assert missing == []


@pytest.mark.parametrize("name", PROMISES)
def test_each_promise_has_a_check_and_each_check_a_promise(name):
    checks = {one.name for one in load_lab(name).check_list()}
    named = {one for _, held_by in PROMISES[name] for one in held_by}
    assert all(held_by for _, held_by in PROMISES[name])
    assert {one for one in named if "/" not in one} == checks
    assert [one for one in named if "/" in one and not (ROOT / one).is_file()] == []


@pytest.mark.parametrize("name", PROMISES)
def test_each_sentence_above_an_answer_is_a_promise(name):
    said = " ".join(says for says, _ in PROMISES[name])
    assert [one for one in asked_of_answers(load_lab(name)) if one not in said] == []


def numbers(name: str, *wanted: str) -> dict:
    folder = load_lab(name).folder
    spec = importlib.util.spec_from_file_location(f"checks_of_{name}", folder / "checks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {one: getattr(module, one) for one in wanted}


@pytest.mark.parametrize("name", ["gradient-descent", "attention"])
def test_the_precision_that_the_text_states_is_that_of_the_checks(name):
    """Within 0.01%, and a millionth of a percent; near zero 10⁻⁵ and 10⁻⁹."""
    assert numbers(name, "NEAR", "TIGHT") == {
        "NEAR": {"rtol": 0.01 / 100, "atol": 1e-5},
        "TIGHT": {"rtol": 1e-6 / 100, "atol": 1e-9},
    }


def test_the_precision_stated_for_engine_and_convolution_is_that_of_their_checks():
    """Within 0.1%, and a millionth of a percent; near zero 10⁻⁴ and 10⁻⁹."""
    tight = {"rtol": 1e-6 / 100, "atol": 1e-9}
    near = {torch.float32: {"rtol": 0.1 / 100, "atol": 1e-4}, torch.float64: tight}
    assert numbers("autograd-engine", "EXACT", "NEAR") == {"EXACT": tight, "NEAR": near}
    assert numbers("convolution", "NEAR") == {"NEAR": near}


@pytest.mark.parametrize("name", PROMISES)
def test_no_check_is_stricter_than_the_text(name):
    """Every tolerance that a check writes down for itself is at least that of float64."""
    folder = load_lab(name).folder
    for file in ("checks.py", "hidden_checks.py"):
        tree = ast.parse((folder / file).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            tolerance = isinstance(node, ast.keyword) and node.arg in ("rtol", "atol")
            if tolerance and isinstance(node.value, ast.Constant) and node.value.value:
                least = {"rtol": 1e-8, "atol": 1e-9}[node.arg]
                assert node.value.value >= least, f"{file}, line {node.value.lineno}"


def test_the_precision_stated_for_bfloat16_is_that_of_the_hidden_checks():
    """5% as `rtol`; near zero 0.004 for a weight and 0.05 for an output."""
    tree = ast.parse((load_lab("attention").folder / "hidden_checks.py").read_text("utf-8"))
    found = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id.startswith("HALF_")
    }
    assert found == {
        "HALF_WEIGHTS": {"rtol": 0.05, "atol": 0.004},
        "HALF_OUTPUT": {"rtol": 0.05, "atol": 0.05},
    }


#: What the text of a lab calls a family that is withheld from it.
CALLED = {
    "softmax": "softmax functions",
    "attention": "attention",
    "autograd": "Automatic differentiation",
    "convolution": "convolution",
    "pooling": "pooling",
    "patches": "patches",
    "optimizers": "`torch.optim`",
    "losses": "losses",
    "solvers": "solvers",
    "batches": "`torch.utils.data`",
}


@pytest.mark.parametrize("name", PROMISES)
def test_the_text_says_of_each_family_that_it_is_not_allowed(name):
    lab = load_lab(name)
    text = words((lab.folder / "lab.md").read_text(encoding="utf-8"))
    (sentence,) = (one for one in re.split(r"(?<=[.:]) ", text) if "not allowed" in one)
    assert [
        one for one in lab.settings.families if CALLED[one].lower() not in sentence.lower()
    ] == []
