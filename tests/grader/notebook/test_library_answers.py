"""Library answers: what a student is advised of, what a teacher is shown, and what is neither."""

import pytest
from cpu_work import units_of_work
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import EXAMPLES

from introml.grader.families import FAMILIES
from introml.grader.lab.forbidden import Forbidden
from introml.grader.notebook.library_answers import find
from introml.grader.notebook.notebook import RunCell

WITHHELD = [
    Forbidden(name)
    for name in (
        "torch.nn.functional.scaled_dot_product_attention", "torch.nn.MultiheadAttention",
        "torch.softmax", "torch.Tensor.softmax", "torch.Tensor.backward", "torch.optim",
        "torch.linalg.lstsq", "numpy.linalg.lstsq",
    )
]  # fmt: skip
IMPORTS = RunCell(
    "imports",
    "import numpy as np\nimport torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"
    "def given(x):\n    return x",
    "locked",
)


def found(*sources):
    cells = [RunCell(f"cell {n}", source, "answer") for n, source in enumerate(sources, start=1)]
    return find([IMPORTS, *cells], WITHHELD)


def test_the_student_reads_which_lines_of_which_cell_will_not_run():
    source = (
        "def mine(x):\n    return x\n\nassert F.softmax(x) == mine(x)\ntorch.softmax(x)\nF.relu(x)"
    )
    cells = [
        IMPORTS,
        RunCell("softmax", source, "answer"),
        RunCell("cell 9", "F.softmax", "helper"),
    ]
    assert find(cells, WITHHELD).advice() == [
        f"{place}: torch.softmax is withheld in this lab. What calls it fails when the lab is "
        "graded, the rest runs."
        for place in ("Cell 'softmax', lines 4, 5", "Cell 9, line 1")
    ]


ADVISED = [
    ["F.scaled_dot_product_attention(q, k, v)"],
    ["torch.nn.functional.scaled_dot_product_attention"],
    ["nn.functional.scaled_dot_product_attention"],
    ["f = F.scaled_dot_product_attention", "f(q, k, v)"],
    ["from torch.nn.functional import scaled_dot_product_attention as sdpa"],
    ["import torch.nn.functional as G", "def f(q):\n    return G.scaled_dot_product_attention(q)"],
    ["def f():\n    import torch as t\n    return t.softmax(x)"],
    ["class A(nn.MultiheadAttention):\n    pass"],
    ["nn.MultiheadAttention.forward"],
    ["nn.modules.activation.MultiheadAttention(8, 2)"],
    ["exec('F.softmax(x)')"],
    ["x.softmax(-1)"],
    ["mean_loss(X, y).backward()"],
    ["import torch.optim as optim", "optim.SGD([w])"],
    ["np.linalg.lstsq(a, b)"],
    # Python reads these letters as the plain ones.
    ["F.ｓcaled_dot_product_attention(q)"],
    ["if False:\n    pass\nelse:\n    g = lambda q: F.scaled_dot_product_attention(q)"],
]


@pytest.mark.parametrize("sources", ADVISED, ids=lambda sources: sources[-1][:60])
def test_a_use_of_what_is_withheld_is_told_to_the_student_alone(sources):
    assert len(found(*sources).advice()) == 1
    assert found(*sources).evidence() == []


NEITHER = [
    ["def softmax(x):\n    return x.exp() / x.exp().sum()", "softmax(q)"],
    ["class A(nn.Module):\n    def softmax(self, x):\n        return x\n"
     "    def forward(self, x):\n        return self.softmax(x)"],
    ["class MultiHeadAttention(nn.Module):\n    pass"],
    ["import torch.nn.functional as F\nimport torch.optim as optim\nF.relu(x)"],
    ["attn = softmax = logsumexp = 3\nattn(softmax)"],
    ["# F.scaled_dot_product_attention would do this\n'torch.softmax'\nnames = ['softmax']"],
    ["import matplotlib.pyplot as plt\nplt.title('softmax'); plt.plot(np.arange(3))"],
    ["import pandas as pd, seaborn as sns, sympy, requests, tqdm\npd.DataFrame({'a': [1]})"],
    ["import scipy, sklearn\nfrom scipy import stats\nimport scipy.special as sp\nsp.gamma(3)"],
    ["from sklearn.model_selection import train_test_split\nfrom sklearn import datasets"],
    ["import gc, inspect, timeit, uuid, threading, pickle\ngc.collect()\ninspect.getsource(f)"],
    ["print(x.__class__, type(x).__mro__, f.__name__, f.__code__.co_name)"],
    ["@torch.jit.script\ndef f(x):\n    return x"],
    ["for name in 'qkv':\n    setattr(self, f'{name}_proj', getattr(other, name))"],
    ["print(globals().get('x'), vars(x), eval('1 + 1'))\nexec('y = 2')"],
    ["import subprocess\nsubprocess.run(['ls'])\nprint(torch.__version__, np.__version__)"],
    ["import multiprocessing, os\nmultiprocessing.cpu_count()\nos.cpu_count()"],
    ["torch.backends.cudnn.deterministic = True\nimport sys\nsys.stdout = f\nsys.modules['a']"],
    ["from introml.grader import check\ncheck('a')\nmodel.eval()\nimport re\nre.compile('a')"],
    ["optimizer.zero_grad()\nx.data = y\nprint(w.grad)\ny = given(q)"],
    ["import importlib\nimportlib.reload(mine)\nimportlib.import_module('math')"],
    ["this is not Python (("],
]  # fmt: skip


@pytest.mark.parametrize("sources", NEITHER, ids=lambda sources: sources[0][:40])
def test_honest_code_is_neither(sources):
    assert found(*sources) == ([], [])


SHOWN = {
    "from scipy.special import softmax": "Uses scipy.special.softmax, another library's answer",
    "import scipy.special as s\ns.softmax(x)": "Uses scipy.special.softmax, another library's",
    "import scipy.special as s\ngetattr(s, n)(x)": "Hands on scipy.special as a value",
    "import scipy\nf(scipy)": "Hands on scipy as a value",
    "import scipy.linalg\nscipy.linalg.lstsq(a, b)": "Uses scipy.linalg.lstsq, another library's",
    "from sklearn.linear_model import Ridge": "Uses sklearn.linear_model, which fits models",
    "import ctypes": "Calls C functions by address",
    "from ctypes import CDLL": "Calls C functions by address",
    "from torch.utils import cpp_extension": "Loads compiled code",
    "torch.library.get_kernel('a', 'b')": "Reaches beneath torch's public functions",
    "torch._C._dispatch_library('IMPL')": "Reaches beneath torch's public functions",
    "import gc\ngc.get_objects()": "Looks into the process",
    "import sys\nsys._getframe(1)": "Looks into the process",
    "f.__globals__['x']": "Looks into the process",
    "().__class__.__base__.__subclasses__()": "Looks into the process",
    "exec(code)": "Runs code that is computed",
    "eval(bytes.fromhex('00').decode())": "Runs code that is computed",
    "list(map(exec, texts))": "Runs code that is computed",
    "exec('exec(code)')": "Runs code that is computed",
    "__import__(name)": "Imports a module by a computed name",
    "from introml.grader.run.checker import x": "Reaches for the grader",
    "torch.allclose = lambda *a: True": "Replaces functions of torch",
    "import time\ntime.perf_counter = f": "Replaces functions of time",
    "given.__code__ = mine.__code__": "Changes a function that is there",
    "given.__defaults__ = (3000,)": "Changes a function that is there",
    "pad = " + "1+" * 50_000 + "1": "Is nested too deeply to be read",
}


@pytest.mark.parametrize("source", SHOWN, ids=lambda source: source[:50])
def test_what_cannot_be_withheld_is_shown_to_the_teacher_with_its_line(source):
    (told,) = found(source).evidence()
    assert told.startswith(SHOWN[source])
    lines = source.splitlines()
    place = next(n for n in range(len(lines), 0, -1) if f"line {n}: " in told)
    assert told.endswith(lines[place - 1].strip()[:120])
    assert found(source).advice() == []


@pytest.mark.parametrize(
    "name",
    ["linalg.inv", "linalg.matrix_power", "linalg.tensorinv", "matrix", "asmatrix"],
)
def test_numpys_inverse_is_there_and_so_it_is_shown_to_the_teacher(name):
    cells = [IMPORTS, RunCell("train", f"w = np.{name}(A)", "answer")]
    solvers = [Forbidden(way) for way in FAMILIES["solvers"].ways]
    (told,) = find(cells, solvers).evidence()
    words = "another library's answer" if name == "linalg.inv" else "which can invert a matrix"
    assert told.startswith(f"Uses numpy.{name}, {words}. Cell 'train', line 1: ")
    assert find(cells, solvers).advice() == []
    assert find(cells, WITHHELD) == ([], [])  # of no concern where no inverse is withheld


@pytest.mark.parametrize("name", ["np.convolve", "scipy.signal.correlate", "ndi.maximum_filter"])
def test_what_convolves_or_pools_elsewhere_is_shown_to_the_teacher(name):
    source = f"import scipy\nimport scipy.ndimage as ndi\ny = {name}(x, 3)\nnp.pad(x, 1)"
    cells = [IMPORTS, RunCell("conv", source, "answer")]
    for family in ("convolution", "pooling"):
        ways = [Forbidden(way) for way in FAMILIES[family].ways]
        (told,) = find(cells, ways).evidence()
        assert told.endswith(
            "convolves or pools by itself. Cell 'conv', line 3: y = " + name + "(x, 3)"
        )
        assert find(cells, ways).advice() == []
    assert find(cells, WITHHELD) == ([], [])


@pytest.mark.parametrize(
    ("source", "evidence"),
    [
        ("importlib.import_module('scipy.special').softmax(x)", "Uses scipy.special.softmax"),
        (
            "s = importlib.import_module('scipy.special')\ns.softmax(x)",
            "Uses scipy.special.softmax",
        ),
        ("import sys\nsys.modules['scipy.special'].softmax(x)", "Uses scipy.special.softmax"),
        ("torch.ctypes.CDLL(name)", "Calls C functions by address"),
        ("np.ctypeslib.ctypes.CDLL(name)", "Calls C functions by address"),
        ("sys.modules['ctypes'].CDLL(name)", "Calls C functions by address"),
        ("sys.modules['c' + 'types'].CDLL(name)", "Imports a module by a computed name"),
    ],
)
def test_a_module_that_is_had_without_an_import_is_shown_as_an_imported_one(source, evidence):
    assert any(one.startswith(evidence) for one in found(source).evidence())


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nif 'google.colab' in sys.modules:\n    pass",
        "self.modules[i](x)",
        "x.ctypes.data",
        "m = importlib.import_module('math')\nm.sqrt(2)",
        "del sys.modules[name]",
        "here = sys.modules[__name__]",
    ],
)
def test_asking_what_is_imported_is_no_evidence(source):
    assert found(source).evidence() == []


def test_a_kind_of_evidence_is_one_line_whatever_its_number():
    decoys = RunCell("cell 1", "import ctypes\nctypes.c_int\n" + "ctypes.c_int\n" * 300, "helper")
    many = [RunCell(f"cell {n}", "import ctypes", "helper") for n in range(2, 400)]
    answer = RunCell("softmax", "import scipy.special as s\ns.softmax(x)\nimport ctypes", "answer")
    first, second = find([decoys, *many, answer], WITHHELD).evidence()
    # What is in an answer cell comes first, and nothing else takes its place.
    assert first == (
        "Uses scipy.special.softmax, another library's answer. Cell 'softmax', line 2: s.softmax(x)"
    )
    assert second.startswith(
        "Calls C functions by address. Cell 'softmax', line 3: import ctypes; "
        "Cell 1, lines 1, 2, 3 and 299 more: import ctypes; Cell 2, line 1: import ctypes; "
    )
    assert second.endswith("; and in 388 more cells")


def test_all_uses_are_found_however_many_there_are():
    decoys = "if False:\n" + "    torch.softmax\n" * 5000
    findings = found(decoys, "from scipy.special import softmax", "torch.softmax")
    assert len(findings.withheld) == 5001
    assert len(findings.open) == 1


def test_a_name_stands_for_its_imports_and_for_nothing_else():
    """A variable that has the name of an alias in a scratch cell is the student's own."""
    scratch = "attn = nn.functional.scaled_dot_product_attention\nprint(attn(q, k, v))"
    own = "def attention(q, k, v):\n    attn = q @ k.T\n    return attn @ v, attn"
    assert [use.cell for use in found(own, scratch).withheld] == ["cell 2"]


def test_given_code_is_not_searched():
    given_code = RunCell("reference", "def ref(q):\n    return F.softmax(q)", "locked")
    assert find([IMPORTS, given_code], WITHHELD) == ([], [])


def test_odd_code_makes_no_noise(recwarn):
    found("x = '\\d'\nif x is 'a':\n    pass")
    assert not recwarn.list


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
    "many uses": "x = scipy.special.softmax\n" * 10_000 + "import scipy",
    "many names": "".join(f"import a{n} as b{n % 7}\n" for n in range(10_000)) + "b3.c\n" * 9000,
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
    assert all(use.line >= 1 for use in (*findings.withheld, *findings.open))
    assert all(findings.advice() + findings.evidence())
