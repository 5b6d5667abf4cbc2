"""The model functions that GraphStepper ships, against autograd and Python's own parser."""

import itertools
import math
import random
import re

import pytest
import torch

from introml.widgets import GraphStepper

UNARY = {
    "exp": torch.exp, "log": torch.log, "sin": torch.sin, "tanh": torch.tanh,
    "sigmoid": torch.sigmoid, "relu": torch.relu,
}  # fmt: skip
NAMES = ("x", "y", "z", "w_1", "β")


def expression(rng, names, depth):
    """A random expression in the grammar, which after `python` is Python as well."""
    if depth == 0 or rng.random() < 0.12:
        if rng.random() < 0.75:
            return rng.choice(names)
        return f"{rng.choice([0, 1, 2, 3, 0.5, 2.25])}"
    kind = rng.random()
    one = expression(rng, names, depth - 1)
    if kind < 0.2:
        return f"{rng.choice(list(UNARY))}({one})"
    if kind < 0.3:
        return f"-({one})"
    if kind < 0.38:
        return f"({one})^{rng.choice(['2', '3', '-1', '0.5', '0', f'({rng.choice(names)})'])}"
    other = expression(rng, names, depth - 1)
    if kind < 0.46:
        return f"max({one}, {other})"
    if kind < 0.6:
        return f"({one}) {rng.choice('+-*/')} ({other})"
    return f"{one} {rng.choice('+-*/')} {other}"


def statements(rng):
    """One to three lines, of which the later ones use the names of the earlier ones."""
    names, lines = list(NAMES[: rng.randint(1, 5)]), []
    for number in range(rng.randint(0, 2)):
        lines.append(f"g{number} = {expression(rng, names, 2)}")
        names += [f"g{number}"] * 3
    return "; ".join([*lines, expression(rng, names, rng.randint(1, 3))])


def by_autograd(text, values, passes=1):
    """The result and the gradients by name, from PyTorch and Python's parser."""
    known = {name: torch.tensor(v, dtype=torch.float64, requires_grad=True) for name, v in values}
    variables = dict(known)
    functions = UNARY | {"max": torch.maximum, "number": _number}
    python = re.sub(r"(?<![\w.])[\d.]+", r"number(\g<0>)", text.replace("^", "**"))
    *before, last = python.split(";")
    for line in before:
        name, _, right = line.partition("=")
        known[name.strip()] = eval(right, {}, known | functions)
    result = eval(last, {}, known | functions)
    if result.requires_grad:
        for _ in range(passes):
            result.backward(retain_graph=True)
    return result.item(), {name: _item(leaf.grad) for name, leaf in variables.items()}


def _number(value):
    return torch.tensor(float(value), dtype=torch.float64)


def _item(gradient):
    return None if gradient is None else gradient.item()


def near(one, other):
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)


@pytest.fixture(scope="module")
def cases(run_model):
    """(text, values by name, what the model says) of random expressions with finite results."""
    rng = random.Random(0)
    texts = [statements(rng) for _ in range(4000)]
    read = run_model("GraphStepper", "read", [(text,) for text in texts])
    found = []
    for text, one in zip(texts, read, strict=True):
        if one["graph"] is None:
            assert "room for" in one["message"], (text, one)
            continue
        names = [one["graph"]["nodes"][place]["name"] for place in one["graph"]["variables"]]
        # Small whole numbers too: they meet in ties, in kinks and at zero.
        values = [rng.choice([0.0, 1.0, -1.0, 2.0, rng.uniform(-2, 2)]) for _ in names]
        found.append((text, list(zip(names, values, strict=True)), rng.randint(1, 3)))
    said = run_model(
        "GraphStepper", "evaluate", [(t, [v for _, v in values], p) for t, values, p in found]
    )
    return [(*one, result) for one, result in zip(found, said, strict=True)]


def test_values_and_gradients_equal_autograds(cases):
    compared = 0
    for text, values, passes, said in cases:
        result, gradients = by_autograd(text, values, passes)
        if not math.isfinite(result):
            continue
        if not all(math.isfinite(g) for g in gradients.values() if g is not None):
            continue
        assert near(said["result"], result), text
        assert said["names"] == [name for name, _ in values]
        for name, gradient in zip(said["names"], said["gradients"], strict=True):
            expected = gradients[name]
            assert (gradient is None) == (expected is None), (text, values, name)
            assert expected is None or near(gradient, expected), (text, values, name)
        compared += 1
    assert compared >= 1500


def test_kinks_ties_and_zeros_have_pytorchs_gradients(run_model):
    for text, values in [
        ("relu(x)", [0.0]), ("max(x, y)", [2.0, 2.0]), ("max(x, x)", [2.0]), ("x^0", [0.0]),
        ("x^y", [0.0, 2.0]), ("x^2", [-3.0]), ("x^x", [2.0]), ("x - x", [1.0]), ("x / x", [3.0]),
        ("relu(x) * relu(-x)", [0.0]), ("x^1", [0.0]), ("sigmoid(x)", [-800.0]),
        ("tanh(x)", [400.0]), ("relu(x)^0.5", [-1.0]),
    ]:  # fmt: skip
        [said] = run_model("GraphStepper", "evaluate", [(text, values, 1)])
        named = list(zip(said["names"], values, strict=True))
        result, gradients = by_autograd(text, named)
        assert near(said["result"], result), text
        for name, gradient in zip(said["names"], said["gradients"], strict=True):
            assert near(gradient, gradients[name]), text


def test_the_worked_example_has_the_books_numbers(run_model):
    [said] = run_model("GraphStepper", "evaluate", [("g = x + y; g * z", [-2, 5, -4], 1)])
    assert said["result"] == -12
    assert said["gradients"] == [-4, -4, 3]
    between = {one["name"]: one for one in said["between"] if one["name"]}
    assert between["g"]["value"] == 3
    assert between["g"]["gradient"] == -4


def test_steps_show_one_value_or_one_walk_of_a_gradient_more(run_model, cases):
    texts = [(text, [v for _, v in values]) for text, values, _, _ in cases[:150]]
    graphs = run_model("GraphStepper", "read", [(text,) for text, _ in texts])
    graphs = [read["graph"] for read in graphs]
    lasts = run_model("GraphStepper", "lastStep", [(graph, 1) for graph in graphs])
    taken = run_model(
        "GraphStepper",
        "stateAt",
        [
            (graph, values, step)
            for graph, (_, values), last in zip(graphs, texts, lasts, strict=True)
            for step in range(last + 1)
        ],
    )
    for (text, _), graph, last in zip(texts, graphs, lasts, strict=True):
        steps, taken = taken[: last + 1], taken[last + 1 :]
        unknown = [sum(value is None for value in step["values"]) for step in steps]
        operators = sum(bool(node["inputs"]) for node in graph["nodes"])
        assert unknown == [max(0, operators - n) for n in range(last + 1)], text
        for before, after in itertools.pairwise(steps):
            if after["handed"] is None:
                continue
            # What a node hands on, it has received whole: nothing arrives there later.
            node = after["handed"]["node"]
            final = steps[-1]["gradients"][node]
            upstream = pytest.approx(after["handed"]["upstream"], rel=1e-12, nan_ok=True)
            assert [before["gradients"][node], final] == [upstream, upstream], text
            for share in after["handed"]["shares"]:
                product = share["local"] * after["handed"]["upstream"]
                shut = share["local"] == share["product"] == 0  # also to an infinite gradient
                assert shut or share["product"] == pytest.approx(product, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("", 0, "missing at the end"),
        ("x +", 3, "missing at the end"),
        ("(x + y", 6, "“)” is missing"),
        ("x + y)", 5, "“)” cannot stand here"),
        ("2 x", 2, "operator is missing"),
        ("x y", 2, "operator is missing"),
        ("x (y)", 0, "no function “x”"),
        ("(x) (y)", 4, "operator is missing"),
        ("x + * y", 4, "“*” cannot stand here"),
        ("x $ y", 2, "“$” has no meaning"),
        ("sin x", 4, "needs its argument in brackets"),
        ("sin(x, y)", 8, "takes one argument"),
        ("max(x)", 5, "takes 2 arguments"),
        ("cos(x)", 0, "no function “cos”"),
        ("g = x; g = y; g", 7, "in use already"),
        ("x * y; x = 2; x", 5, "without a name"),
        ("x = x + 1; x", 0, "in use already"),
        ("exp = 2; exp", 0, "is a function"),
        ("x + y; z", 5, "Only the last line"),
        ("a+b+c+d+e+f+g+h+i", 16, "At most 8 variables"),
        ("x" + "*x" * 30, 48, "room for 24"),
        ("(" * 60 + "x" + ")" * 60, 40, "nested too deeply"),
        ("1e999", 0, "too large"),
        ("x = ", 4, "missing at the end"),
    ],
)
def test_a_slip_is_told_with_the_character_where_it_is(run_model, text, at, said):
    [read] = run_model("GraphStepper", "read", [(text,)])
    assert read["graph"] is None
    assert said in read["message"], read
    assert read["at"] == at, read


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2x", None), ("x × y ÷ 2 − 1", "x*y/2-1"), ("x**2", "x^2"), ("-x^2", "-(x^2)"),
        ("2^-1^2", "2^(-(1^2))"), ("x^y^z", "x^(y^z)"), ("a-b-c", "(a-b)-c"), ("a/b/c", "(a/b)/c"),
        ("--x", "-(-x)"), ("x*-y", "x*(-y)"), ("x;", "x"), ("-2^2", "-(2^2)"),
    ],
)  # fmt: skip
def test_signs_bind_as_in_mathematics(run_model, text, same):
    values = [1.5, -2.5, 3.0]
    if same is None:
        assert run_model("GraphStepper", "read", [(text,)])[0]["graph"] is None
        return
    one, other = run_model("GraphStepper", "evaluate", [(text, values, 1), (same, values, 1)])
    assert "result" in one
    assert one["names"] == other["names"]
    assert repr(one["result"]) == repr(other["result"])
    assert one["gradients"] == pytest.approx(other["gradients"], nan_ok=True)


def test_names_that_javascript_knows_are_variables_like_others(run_model):
    [read] = run_model("GraphStepper", "read", [("constructor + toString * valueOf",)])
    assert [node["name"] for node in read["graph"]["nodes"]][:3] == [
        "constructor", "toString", "valueOf",
    ]  # fmt: skip


def test_every_example_that_python_makes_is_kept():
    widget = GraphStepper(expression="h = relu(w * x + b); (h - y)^2 / 2", values=[1, 2, 3, 4])
    assert widget.values == [1.0, 2.0, 3.0, 4.0]
    with pytest.raises(ValueError, match="printable"):
        GraphStepper(expression="x\n+ y")
