"""Library answers: what is refused, with its line; what is shown to a person; what is neither."""

import pytest
from cpu_work import units_of_work
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import EXAMPLES

from introml.grader.lab.forbidden import Forbidden
from introml.grader.notebook.library_answers import find
from introml.grader.notebook.notebook import RunCell

SDPA = "torch.nn.functional.scaled_dot_product_attention"
FORBIDDEN = [Forbidden(SDPA), Forbidden("torch.nn.MultiheadAttention"), Forbidden("torch.softmax")]
IMPORTS = RunCell(
    "imports",
    "import numpy as np\nimport torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"
    "def given(x):\n    return x",
    "locked",
)


def found(*sources):
    cells = [RunCell(f"cell {n}", source, "answer") for n, source in enumerate(sources, start=1)]
    return find([IMPORTS, *cells], FORBIDDEN)


def test_the_message_names_the_cell_the_line_and_the_function():
    source = (
        "def attention(q, k, v):\n    # Done.\n\n    return F.scaled_dot_product_attention(q, k, v)"
    )
    cells = [IMPORTS, RunCell("attention", source, "answer")]
    assert [use.message for use in find(cells, FORBIDDEN).refused] == [
        "Cell 'attention', line 4 uses torch.nn.functional.scaled_dot_product_attention. "
        "This lab asks you to write it yourself."
    ]
    assert found("\nF.softmax(x)").refused[0].message.startswith("Cell 1, line 2 uses torch.softm")


REFUSED = [
    ["F.scaled_dot_product_attention(q, k, v)"],
    ["torch.nn.functional.scaled_dot_product_attention"],
    ["nn.functional.scaled_dot_product_attention"],
    ["f = F.scaled_dot_product_attention", "f(q, k, v)"],
    ["from torch.nn.functional import scaled_dot_product_attention as sdpa"],
    ["from torch.nn.functional import *", "scaled_dot_product_attention(q, k, v)"],
    ["import torch.nn.functional as G", "def f(q):\n    return G.scaled_dot_product_attention(q)"],
    ["G = F", "H = G", "H.scaled_dot_product_attention"],
    ["G, n = torch.nn.functional, 3", "G.scaled_dot_product_attention"],
    ["def f(q, G=F):\n    return G.scaled_dot_product_attention(q)"],
    ["def f(q, *, G=F):\n    return G.scaled_dot_product_attention(q)"],
    ["(G := F).scaled_dot_product_attention(q)"],
    ["for G in (F, nn):\n    G.scaled_dot_product_attention"],
    ["class A(nn.MultiheadAttention):\n    pass"],
    ["nn.MultiheadAttention.forward"],
    ["nn.modules.activation.MultiheadAttention(8, 2)"],
    ["getattr(F, 'scaled_dot_product_attention')(q)"],
    ["getattr(F, 'scaled_dot' + '_product_' + 'attention')(q)"],
    ["getattr(F, f\"scaled_{'dot'}_product_attention\")(q)"],
    ["name = 'scaled_dot_product_attention'", "getattr(F, name)"],
    ["getattr(F, 'noitnetta_tcudorp_tod_delacs'[::-1])"],
    ["getattr(F, '_'.join(['scaled', 'dot', 'product', 'attention']))"],
    ["torch.nn.functional.__dict__['scaled_dot_product_attention'](q)"],
    ["vars(F)['scaled_dot_product_attention'](q)"],
    ["F.__dict__.get('scaled_dot_product_attention')"],
    ["F.__getattribute__('scaled_dot_product_attention')"],
    ["globals()['F'].scaled_dot_product_attention"],
    ["import sys", "sys.modules['torch.nn.functional'].scaled_dot_product_attention"],
    ["__import__('torch').nn.functional.scaled_dot_product_attention"],
    [
        "import importlib",
        "importlib.import_module('torch.nn.functional').scaled_dot_product_attention",
    ],
    ["import operator", "operator.attrgetter('nn.functional.scaled_dot_product_attention')(torch)"],
    ["from importlib import import_module as load", "load('torch.nn').functional.softmax(x)"],
    ["get = getattr", "get(F, 'softmax')(x)"],
    ["exec('exec(\\'F.softmax(x)\\')')"],
    ["run = eval", "run('F.softmax(x)')"],
    ["eval('F.scaled_dot_product_attention(q, k, v)')"],
    ["exec('import torch.nn.functional as Z\\nZ.scaled_dot_product_attention')"],
    ["F.softmax(x, -1)"],
    ["torch.softmax(x, -1)"],
    ["torch._C._nn.scaled_dot_product_attention(q)"],
    # Python reads these letters as the plain ones.
    ["F.ｓcaled_dot_product_attention(q)"],
    ["if False:\n    pass\nelse:\n    g = lambda q: F.scaled_dot_product_attention(q)"],
]


@pytest.mark.parametrize("sources", REFUSED, ids=lambda sources: sources[-1][:60])
def test_what_the_text_proves_is_refused(sources):
    assert found(*sources).refused


def test_a_method_of_tensors_is_refused_by_its_name():
    cells = [RunCell("softmax", "def softmax(x):\n    return x.softmax(-1)", "answer")]
    assert [use.line for use in find(cells, [Forbidden("torch.Tensor.softmax")]).refused] == [2]
    own = "class A:\n    def softmax(self):\n        pass\n    def f(self):\n        self.softmax()"
    cells = [RunCell("softmax", own, "answer")]
    assert find(cells, [Forbidden("torch.Tensor.softmax")]) == ([], [])
    cells.append(RunCell("cell 2", "scores.softmax(-1)", "helper"))
    findings = find(cells, [Forbidden("torch.Tensor.softmax")])
    assert (len(findings.refused), len(findings.suspicious)) == (0, 1)


HONEST = [
    ["def softmax(x):\n    return x.exp() / x.exp().sum()", "softmax(q)"],
    ["class A(nn.Module):\n    def softmax(self, x):\n        return x\n"
     "    def forward(self, x):\n        return self.softmax(x)"],
    ["def scaled_dot_product_attention(q, k, v):\n    return q @ k.T @ v",
     "scaled_dot_product_attention(q, k, v)"],
    ["class MultiHeadAttention(nn.Module):\n    pass"],
    ["weights = torch.exp(scores - scores.max(-1, keepdim=True).values)"],
    ["# F.scaled_dot_product_attention would do this"],
    ["'''Like F.scaled_dot_product_attention.'''", "print('no torch.softmax here')"],
    ["import math\nimport matplotlib.pyplot as plt\nplt.plot(np.arange(3))"],
    ["def f(x, mask=None):\n    x.masked_fill_(mask, float('-inf'))"],
    ["model = nn.Linear(3, 4)\nmodel.weight.data = torch.zeros(4, 3)"],
    ["getattr(model, 'weight')"],
    ["optimizer = torch.optim.Adam(model.parameters())\ny = given(q)\nnn.init.zeros_(q)"],
    ["def f(*, device: torch.device) -> torch.Tensor:\n    return given(q).to(device)"],
    ["from collections import Counter\nimport itertools, random, sys, os"],
    ["model.eval()\nimport re\npattern = re.compile(pattern_of(3))"],
    ["this is not Python (("],
]  # fmt: skip


@pytest.mark.parametrize("sources", HONEST, ids=lambda sources: sources[0][:40])
def test_honest_code_is_neither_refused_nor_suspicious(sources):
    assert found(*sources) == ([], [])


SUSPICIOUS = {
    "[F][0].scaled_dot_product_attention(q)": ".scaled_dot_product_attention of something",
    "scores.softmax(-1)": ".softmax of something; torch.softmax is forbidden",
    "getattr(F, input())": "calls getattr with a computed name",
    "getattr(F, ''.join(map(chr, codes)))": "calls getattr with a computed name",
    "__import__(''.join(x))": "calls __import__ with a computed name",
    "get = getattr\nget(F, input())": "calls getattr with a computed name",
    "eval(code)": "calls eval on computed code",
    "exec(bytes.fromhex('00').decode())": "calls exec on computed code",
    "import ctypes": "uses ctypes, which",
    "from ctypes import CDLL": "uses ctypes, which",
    "import subprocess as s": "uses subprocess, which",
    "import gc\ngc.get_objects()": "uses gc, which",
    "import sys\nsys._getframe(1)": "uses sys._getframe, which",
    "import sys\nsys.modules": "uses sys.modules, which",
    "import os\nos.fork()": "uses os.fork, which",
    "from os import system": "uses os.system, which",
    "torch.ops.aten.add": "uses torch.ops, which",
    "torch._C": "uses torch._C, which",
    "from introml.grader.run.checker import x": "uses introml.grader, which",
    "f.__globals__": "uses __globals__",
    "().__class__.__base__.__subclasses__()": "uses __subclasses__",
    "torch.allclose = lambda *a: True": "replaces torch.allclose",
    "torch.Tensor.__eq__ = f": "replaces torch.Tensor.__eq__",
    "setattr(torch, 'allclose', f)": "replaces torch.allclose",
    "import time\ntime.perf_counter = f": "replaces time.perf_counter",
    "torch._safe_softmax(q, -1)": "uses torch._safe_softmax, which is beneath",
    "m = torch\nm._softmax": "uses torch._softmax, which is beneath",
    "from scipy.special import softmax": "imports scipy.special, which labs seldom need",
    "import timeit": "imports timeit",
    "torch.jit.CompilationUnit(text)": "uses torch.jit, which makes functions of texts",
    "import string\nstring.Formatter().get_field(a, b, {})": "uses string.Formatter, which",
    "[getattr][0](torch, name)": "hands on torch as a value",
    "list(map(f, [torch], names))": "hands on torch as a value",
    "vars(F)": "hands on torch.nn.functional as a value",
    "getattr(q, 'softmax')(-1)": "names softmax in a text; torch.softmax is forbidden",
    "f('torch._softmax')": "names torch._softmax in a text; torch.softmax is forbidden",
    "type(q).__base__": "uses __base__",
    "globals()['given'] = f": "calls globals",
    "def given(x):\n    return 1\ndef given(x): return 2": "redefines or names given",
    "given = f": "redefines or names given",
    "given.steps = 10": "redefines or names given",
    "from m import x as given": "redefines or names given",
}


@pytest.mark.parametrize("source", SUSPICIOUS)
def test_what_may_hide_an_answer_is_shown_with_its_line(source):
    findings = found(source)
    assert findings.refused == []
    said = [use.evidence for use in findings.suspicious]
    assert any(SUSPICIOUS[source] in one for one in said), said
    assert any(one.endswith(source.splitlines()[-1]) for one in said)


def test_given_code_is_not_searched():
    given_code = RunCell("reference", "def ref(q):\n    return F.softmax(q)", "locked")
    assert find([IMPORTS, given_code], FORBIDDEN) == ([], [])


def test_common_attributes_are_not_suspicious_for_their_names():
    forbidden = [Forbidden("torch.utils.data"), Forbidden("torch.func.grad")]
    honest = RunCell("cell 1", "x.data = y\nprint(w.grad)\nw.data", "answer")
    assert find([honest], forbidden) == ([], [])
    called = RunCell("cell 1", "g = [torch.func][0].grad(f)", "answer")
    said = [one.what for one in find([called], forbidden).suspicious]
    assert "uses .grad of something; torch.func.grad is forbidden" in said


def test_odd_code_makes_no_noise(recwarn):
    found("x = '\\d'\nif x is 'a':\n    pass")
    assert not recwarn.list


def test_a_module_covers_what_is_in_it():
    cells = [RunCell("cell 1", "import torch.optim\ntorch.optim.SGD([])", "helper")]
    lines = [use.line for use in find(cells, [Forbidden("torch.optim")]).refused]
    assert lines == [1, 2]


def test_a_use_is_listed_once_a_line_and_at_most_two_hundred_times():
    assert len(found("F.softmax(F.softmax(x))").refused) == 1
    assert len(found("F.softmax(x)\n" * 5000).refused) == 200


@pytest.mark.parametrize("name", ["softmax", "torch.", "torch.nn softmax", "", "a-b.c"])
def test_a_name_must_be_full(name):
    with pytest.raises(ValueError, match="must be a full dotted name"):
        Forbidden(name)


HEAVY = {
    "a long chain": "x = torch" + ".nn" * 20_000,
    "a deep expression": "x = " + "(" * 5000 + "1" + ")" * 5000,
    "a long sum": "x = " + "F.a+" * 40_000 + "1",
    "unary": "x = " + "-" * 50_000 + "1",
    "names that grow": "\n".join(f"a{n} = a{n + 1}.b; a{n + 1} = a{n}.c" for n in range(3000)),
    "one name, many values": "\n".join(f"a = torch.x{n}" for n in range(10_000)),
    "a long text": "x = " + " + ".join(["'abc'"] * 20_000) + "\ngetattr(F, x)",
    "texts that double": "\n".join(f"t{n + 1} = t{n} + t{n}" for n in range(1000)),
    "many lines": "x = F.relu(x)\n" * 10_000,
    "execs in execs": "exec(" * 30 + repr("exec('exec(\"1\")')") + ")" * 30,
    "calls of calls": "f" + "()" * 900,
    "getattr of getattr": "x = " + "getattr(" * 80 + "F" + ", 'a')" * 80,
    "many execs": "exec('x = 1')\n" * 5000,
    "many stars": "\n".join(f"from m{n} import *" for n in range(10_000)) + "\nf()" * 5000,
    "nested lists": "x = " + "[" * 90 + "]" * 90,
    "nested f-strings": "x = f'{" * 90,
    "nested lambdas": "x = " + "lambda: " * 5000 + "1",
    "nested functions": "".join(" " * n + f"def f{n}():\n" for n in range(90)) + " " * 90 + "pass",
}


@pytest.mark.parametrize("name", HEAVY)
def test_heavy_code_takes_no_time(name):
    assert units_of_work(lambda: found(HEAVY[name])) < 1500


PARTS = st.sampled_from([
    "torch", "F", "nn", ".", "softmax", "(", ")", "[", "]", "'softmax'", "getattr", ",", "=", ":=",
    "a", "b", "\n", "    ", "def f(", "):", "lambda", ":", "*", "import ", "from ", " as ", "eval",
    "__dict__", "vars", "for ", " in ", "class ", "f'{", "}'", "'", "\0", "\ud800", "é", "{", "}",
])  # fmt: skip


@settings(max_examples=EXAMPLES, deadline=5000)
@given(st.lists(PARTS, max_size=40))
def test_any_code_is_read_without_a_crash(parts):
    findings = found("".join(parts), "import torch as a\nb = a.nn\n" + "".join(parts[::-1]))
    for use in (*findings.refused, *findings.suspicious):
        assert use.line >= 1
        assert use.message
        assert use.evidence
