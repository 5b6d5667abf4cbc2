"""Mutations: from an answer's source to the sources with one mistake, for each kind of mistake."""

import pytest

from introml.grader.authoring.mutation_operators import OPERATORS
from introml.grader.authoring.mutations import mutations

#: Kind of mistake -> the line of an answer, and a line that must be made of it.
EXAMPLES = [
    ("an argument ignored", "return torch.round(x, decimals=2)", "return torch.round(x)"),
    ("an argument ignored", "return x.clamp(0, 1)", "return x.clamp(0)"),
    ("an argument ignored", "return attend(x, mask=y)", "return attend(x, mask=None)"),
    ("keepdim dropped", "return x / x.sum(-1, keepdim=True)", "return x / x.sum(-1)"),
    ("the axis dropped", "return torch.stack(x, dim=1)", "return torch.stack(x)"),
    ("the generator ignored", "return torch.rand(3, generator=x)", "return torch.rand(3)"),
    ("two arguments swapped", "return attend(x, y)", "return attend(y, x)"),
    ("two arguments swapped", "return x, y", "return (y, x)"),
    ("whole for part", "return (x[1:] - y).sum()", "return (x - y).sum()"),
    ("whole for part", "return list(x.split(n))", "return list((x,))"),
    ("whole for part", "return loss(x[n], y[n])", "return loss(x, y)"),
    ("whole for part", "return x.index_select(0, n).sum()", "return x.sum()"),
    ("first rows only", "return loss(x[n], y[n])", "return loss(x[:len(n)], y[:len(n)])"),
    ("first rows only", "return x[n : n + 4]", "return x[:(n + 4) - n]"),
    ("wrong axis", "return x.sum(-1)", "return x.sum(-2)"),
    ("wrong axis", "return torch.cat(x, dim=0)", "return torch.cat(x, dim=1)"),
    ("some rounds left out", "return [f(a) for a in x]", "return [f(a) for a in list(x)[:-1]]"),
    ("made once for all rounds", "return [f() for _ in range(n)]",
     "return ([f()] * len(list(range(n))))"),
    ("off by one", "return range(n)", "return range(n - 1)"),
    ("off by one", "return x[1:]", "return x[2:]"),
    ("off by one", "return x < n", "return (x <= n)"),
    ("in place", "x = x - y; return x", "x -= y; return x"),
    ("in place", "return x - n * y", "return x.sub_(n * y)"),
    ("in place", "return x.masked_fill(y, 0)", "return x.masked_fill_(y, 0)"),
    ("dtype dropped", "return torch.zeros(3, dtype=x.dtype)", "return torch.zeros(3)"),
    ("dtype dropped", "return x.new_zeros(3)", "return torch.zeros(3)"),
    ("dtype dropped", "return torch.zeros_like(x)", "return torch.zeros(x.shape)"),
    ("dtype dropped", "return y.to(x.dtype)", "return y"),
    ("sign flipped", "return x - y", "return (x + y)"),
    ("sign flipped", "return x / (y + 1)", "return (x * (y + 1))"),
    ("sign flipped", "return -x", "return x"),
    ("a part left out", "return x / (y + 1e-5)", "return x / (y)"),
    ("a part left out", "return x @ y + n", "return x @ y"),
    ("constant changed", "return 0.5 * x", "return 1.0 * x"),
    ("constant changed", "return x**2", "return x**3"),
    ("constant changed", "return math.inf", "return 1e4"),
    ("constant changed", "return sort(x, True)", "return sort(x, False)"),
    ("another function", "return x.mean()", "return x.sum()"),
    ("another function", "return torch.sin(x)", "return torch.cos(x)"),
    ("a transposition dropped", "return x.T @ y", "return x @ y"),
    ("a transposition dropped", "return x.transpose(-2, -1) @ y", "return x @ y"),
    ("a call left out", "return y / y.sum().clamp(min=1)", "return y / y.sum()"),
    ("a call left out", "return torch.exp(x - y)", "return x - y"),
    ("not shuffled", "return x[torch.randperm(n)]", "return x[torch.arange(n)]"),
    ("not shuffled", "return x[torch.randperm(n)]", "return x[torch.randint(n, (n,))]"),
    ("a condition negated", "return x if n else y", "return x if not n else y"),
    ("a condition negated", "return x if n < 1 else y", "return x if True else y"),
    ("a condition negated", "return n and x", "return (n or x)"),
    ("a condition negated", "return x == n", "return (x != n)"),
    ("a statement dropped", "f(x); return y", "pass; return y"),
]  # fmt: skip


def of(line: str) -> str:
    return f"def answer(x, y, n):\n    {line}\n"


def made(source: str, **options) -> list[tuple[str, str]]:
    return [(one.what, one.source) for one in mutations(source, **options)]


@pytest.mark.parametrize(("what", "line", "mutated"), EXAMPLES)
def test_each_kind_of_mistake_is_made(what, line, mutated):
    found = made(of(line))
    assert (what, of(mutated)) in found


def test_every_kind_has_an_example():
    assert {what for what, *_ in EXAMPLES} == set(OPERATORS)


def test_a_parameter_is_ignored_by_its_default_or_by_another_of_its_kind():
    source = "def f(x: Tensor, y: Tensor, n: int, mask=None):\n    return x + y * n + mask\n"
    found = made(source)
    first = "def f(x: Tensor, y: Tensor, n: int, mask=None):\n    "
    rest = "    return x + y * n + mask\n"
    assert ("an argument ignored", f"{first}mask = None\n{rest}") in found
    assert ("one argument taken for another", f"{first}y = x\n{rest}") in found
    assert not any("n = x" in text or "x = n" in text for _, text in found)


def test_the_lab_own_cell_says_which_parameters_are_of_a_kind():
    source = "def f(x, n):\n    return x * n\n"
    assert any("n = x" in text for _, text in made(source))
    like = "def f(x: Tensor, n: int): ...\n"
    assert not any("n = x" in text for _, text in made(source, like=like))


def test_a_loop_takes_all_rows_or_the_first_ones():
    source = "def f(X, batches):\n    for batch in batches:\n        g(X[batch])\n"
    head = "def f(X, batches):\n    for batch in batches:\n        "
    found = [text for _, text in made(source)]
    assert f"{head}batch = slice(None)\n        g(X[batch])\n" in found
    assert f"{head}batch = torch.arange(len(batch))\n        g(X[batch])\n" in found


def test_what_a_loop_makes_anew_is_made_once():
    source = "def f(n):\n    for _ in range(n):\n        order = g(n)\n        use(order)\n"
    once = "def f(n):\n    order = g(n)\n    for _ in range(n):\n        pass\n        use(order)\n"
    assert ("made once for all rounds", once) in made(source)
    (one,) = (one for one in mutations(source) if one.what == "made once for all rounds")
    assert (one.old, one.new) == ("order = g(n)", "order = g(n), once, before the loop")
    assert "made once for all rounds" not in [
        w for w, _ in made(source.replace("g(n)", "range(n)"))
    ]


def test_a_seed_of_its_own_stands_before_the_random_numbers():
    source = of("return torch.randn(n)")
    assert ("not shuffled", of("torch.manual_seed(0)\n    return torch.randn(n)")) in made(source)


@pytest.mark.parametrize("line", [
    "z = x @ y; z = z / n; return z",  # nobody else has what is computed here
    "return torch.exp(x).mul(n)",
    "w, b = x.new_zeros(3), y @ x; w, b = w - n, b - n; return w, b",
    "z = x @ y; z = z.masked_fill(y, 0); return z",
])  # fmt: skip
def test_a_change_in_place_of_what_nobody_else_holds_is_no_mistake(line):
    assert "in place" not in [what for what, _ in made(of(line))]


@pytest.mark.parametrize("line", [
    "z = x; z = z / n; return z",
    "z = x + 1; kept = [z]; z = z / n; return z, kept",
    "z = x + 1; w = z / n; return z + w",
    "z = x.view(-1); z = z / n; return z",
    "w = b = y @ x; w, b = w - n, b - n; return w, b",
    "w, b = f(y); w, b = w - n, b - n; return w, b",
])  # fmt: skip
def test_a_change_in_place_of_what_is_read_elsewhere_is_one(line):
    assert "in place" in [what for what, _ in made(of(line))]


def test_only_the_lines_that_a_student_writes_change():
    source = "def f(x):\n    y = x + 1\n    z = y + 2\n    return z\n"
    for _, text in made(source, lines={3}):
        lines = text.split("\n")
        assert lines[1] == "    y = x + 1"
        assert "return z" in lines[-2]


def test_docstrings_annotations_and_defaults_stay():
    source = 'def f(x: "int" = 3, *, n=1):\n    """Returns 1."""\n    return g(x)\n'
    head = source.split("    return")[0]
    assert all(text.startswith(head) for _, text in made(source))


def test_what_python_compiles_alike_is_made_once():
    """x - -1 without its minus is x - 1; so is what becomes of its sign and of its constant."""
    sources = [text for _, text in made(of("return x * (2 - 1)"))]
    assert of("return x * (3 - 2)") not in sources
    codes = [compile(text, "", "exec").co_consts[0].co_code for text in sources]
    constants = [compile(text, "", "exec").co_consts[0].co_consts for text in sources]
    assert len(set(zip(codes, map(repr, constants), strict=True))) == len(sources)


def test_every_mutation_is_python_and_says_its_line():
    source = (
        "class A:\n    def f(self, x):\n        π = x.sum(\n            -1, keepdim=True\n"
        '        )\n        return f"{x[1:]}", "ŷ", π - x[1:]\n'
    )
    for one in mutations(source):
        compile(one.source, "", "exec")
        assert one.old != one.new
        assert 3 <= one.line <= 6
