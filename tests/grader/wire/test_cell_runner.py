"""A cell that is graded runs as IPython runs it: names, values, output, and the line of its error.

The expected values come from IPython itself: every notebook of the table is run by its
`InteractiveShell` in one process, and by the grader's runner in another.
"""

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from introml.grader.wire.cell_runner import CellRunner, names_bound

BOTH_WAYS = Path(__file__).with_name("both_ways.py")

#: Cells of a notebook that run alike in both.
SAME = {
    "the last expression is shown": ["x = 1\nx + 1"],
    "nothing is shown of a statement": ["x = 1\nx + 1\ny = 2"],
    "None is not shown": ["print('a')\nNone"],
    "a semicolon hides the last expression": ["x = 5\nx;", "_ == ''"],
    "a semicolon and a comment": ["5;  # hidden", "'kept; in a string'", "6 # not; hidden"],
    "a docstring is shown": ["'''one\ntwo'''"],
    "earlier results have names": ["40 + 2", "_ + 1", "_, __, Out[1], _1"],
    "a loop variable called _ stays": ["for _ in range(3): pass", "7", "_"],
    "a repr that fails costs nothing": ["class A:\n    def __repr__(self): 1/0\nA()", "x = 1"],
    "inputs are remembered": ["a = 1", "In[1], _i, len(In)"],
    "await": ["import asyncio\nawait asyncio.sleep(0)\nx = 3\nx"],
    "await in an expression": ["async def f(): return 7", "await f()", "y = [await f(), 2]\ny"],
    "async for and async with": [
        "import contextlib\nasync def g():\n    yield 1\n    yield 2",
        "@contextlib.asynccontextmanager\nasync def c():\n    yield 'in'",
        "s = 0\nasync for v in g():\n    s += v\nasync with c() as w:\n    s += 10\ns, w",
        "[v async for v in g()]",
    ],
    "asyncio.run": ["import asyncio\nasync def f(): return 5", "x = asyncio.run(f())", "x"],
    "a task begun in one statement and awaited in the next": [
        "import asyncio\nlog = []\nasync def f():\n    log.append('ran')\n    return 9\n"
        "await asyncio.sleep(0)\nt = asyncio.create_task(f())\nr = await t\nr",
        "log",
    ],
    "an error in a coroutine": ["async def f():\n    1/0\n\nx = 1\nawait f()\ny = 2", "x"],
    "%%time": ["%%time\nx = 3\n\ny = x * 2\ny"],
    "%time": ["def f(): return 6\n%time x = f()\n%time f()", "y = %time f() + 1", "y"],
    "%time in a function": ["def f():\n    r = 3\n    %time r + 1\n    return r\nf()"],
    "%%timeit keeps no names": ["%%timeit -n1 -r1\ninside = 1\nprint('run')", "'inside' in dir()"],
    "%timeit": ["x = 2\n%timeit -q -n1 -r1 x + 1\nx"],
    "a line magic over two lines": ["%timeit -q -n 1 -r 1 \\\n   sum(range(10))\nx = 1"],
    "%%capture": ["%%capture\nprint('hidden')\nx = 1", "print('seen')\nx"],
    "%%capture keeps what was printed": ["%%capture out\nprint('kept')", "out.stdout"],
    "%%capture of %%time": ["%%capture\n%%time\nx = 2\nprint(x)", "x"],
    "a magic in a block": ["if True:\n    %config Application.log_level = 30\n    x = 1\nx"],
    "magics and Python": ["%load_ext autoreload\nx = 1\n%autoreload 2\nx"],
    "a percent sign that is arithmetic": ["s = 7 \\\n  % 5\nt = (s\n% 3)\n(s, t)"],
    "magics in strings": ["s = '''\n%time\n!ls\n?x\n'''\ns"],
    "get_ipython": ["get_ipython().run_line_magic('load_ext', 'autoreload')\nx = 1\nx"],
    "get_ipython().run_cell_magic": ["get_ipython().run_cell_magic('time', '', 'x = 4\\nx')", "x"],
    "get_ipython as it is imported": ["from IPython import get_ipython as g\ng() is get_ipython()"],
    "hooks of IPython": [
        "get_ipython().events.register('post_execute', print)\n"
        "get_ipython().events.unregister('post_execute', print)\nx = 1",
    ],
    "a magic of one's own": [
        "from IPython.core.magic import register_line_magic, register_cell_magic\n"
        "@register_line_magic\ndef twice(line): return line * 2\n"
        "@register_cell_magic\ndef count(line, cell): return len(cell.split())",
        "%twice ab", "%%count\na b c",
    ],
    "display": ["display(3, 'text')\ndisplay([1, 2])"],
    "IPython's display": ["from IPython.display import clear_output\nclear_output()\nx = 1"],
    "an error ends the cell": ["a = 1\nb = 1 / 0\nc = 2", "d = a"],
    "an error in a function": ["def f():\n    x = 1\n    return 1 / 0\n\n\nf()", "x = 1"],
    "an error in the middle of a block": ["for i in range(5):\n    if i == 2:\n        1 / 0", "i"],
    "smart quotes": ["x = 1\nprint(“done”)", "y = 1"],
    "a conflict marker": ["x = 1\n<<<<<<< HEAD\ny = 2\n=======\ny = 3\n>>>>>>> main"],
    "tabs and blanks mixed": ["if True:\n\tx = 1\n        y = 2"],
    "an unclosed bracket": ["x = (1,\ny = 2"],
    "a return outside a function": ["x = 1\nreturn x"],
    "CRLF and CR": ["a = 1\r\nb = 2\r\nb", "c = 3\rd = 4"],
    "tabs": ["if True:\n\tx = 1\n\ty = 2\nx + y"],
    "letters of all kinds": ["η = 0.1\nμ, 变量 = 1, 2\n'é' + '😀'"],
    "an indented cell": ["    x = 1\n    y = 2\n    x + y"],
    "prompts that were pasted": [">>> x = 1\n>>> def f():\n...     return x\n>>> f()"],
    "__future__ holds for later cells": [
        "from __future__ import annotations", "def f(x: Unknown): return 1\nf(0)"
    ],
    "only comments": ["# nothing\n\n# here", "", "   \n"],
    "names of the module": ["__name__", "'__file__' in globals()", "__doc__ is None or True"],
    "dataclasses and pickle find the notebook": [
        "from __future__ import annotations\nimport pickle\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass A:\n    x: int = 1\n\ndef f(): return 2",
        "pickle.loads(pickle.dumps(A(3))).x, pickle.loads(pickle.dumps(f))()",
        "import __main__\n__main__.A is A",
    ],
    "inspect finds the source": ["import inspect\ndef f(): return 1\ninspect.getsource(f)"],
    "sys.exit ends the cell": ["import sys\nx = 1\nsys.exit(3)\ny = 2", "z = x"],
    "warnings": ["import warnings\nwarnings.warn('careful')\nx = 1\nx"],
    "printing into a string": [
        "import io, contextlib as c\nwith c.redirect_stdout(io.StringIO()) as s:\n    print(1)\n"
        "s.getvalue()",
    ],
    "a decorator, a lambda, a class in one cell": [
        "f = lambda x: x + 1\nclass A:\n    @staticmethod\n    def g(): return f(1)\nA.g()"
    ],
}  # fmt: skip
#: Notebooks whose shell lines and screens IPython has and grading has not: names that are lost.
WITHOUT = {
    "shell lines": (["!true\nx = 1\nif x:\n    !true\n    y = 2", "x + y"], []),
    "questions": (["x = 1\nx?\n?x\nx??\ny = 2", "x + y"], []),
    "screens": (["%who\n%pwd\n%cd -q /tmp\nx = 1", "x"], []),
    "a shell line's value": (["files = !true\nn = len(files)\nx = 1"], ["files", "n"]),
    "a magic's value": (["here = %pwd\nx = 1"], ["here"]),
    "a shell line's value in a block": (["if True:\n    files = !true\n    x = 1"], ["files"]),
    "%%bash": (["%%bash\ntrue", "x = 1"], []),
    "%%html": (["%%html\n<b>x</b>", "x = 1"], []),
}


@cache
def run_both_ways() -> tuple[dict, dict]:
    notebooks = SAME | {name: cells for name, (cells, _) in WITHOUT.items()}
    ways = []
    for how in ("ipython", "grader"):
        done = subprocess.run(
            [sys.executable, str(BOTH_WAYS), how],
            input=json.dumps(list(notebooks.values())),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        ways.append(dict(zip(notebooks, json.loads(done.stdout), strict=True)))
    return ways[0], ways[1]


@pytest.mark.parametrize("name", SAME)
def test_a_notebook_runs_as_in_ipython(name):
    theirs, ours = (way[name] for way in run_both_ways())
    assert ours == theirs


@pytest.mark.parametrize("name", WITHOUT)
def test_without_a_shell_a_notebook_loses_the_names_that_the_shell_gave_and_no_more(name):
    theirs, ours = (way[name] for way in run_both_ways())
    _, lost = WITHOUT[name]
    assert ours["names"] == {k: v for k, v in theirs["names"].items() if k not in lost}
    assert not any(
        isinstance(error, list) and isinstance(error[0], str) for error in ours["errors"]
    )


@pytest.mark.parametrize(("source", "line"), [
    ("%%time\nx = 3\n1/0\ny = 2", 3),
    ("\n\n%%capture\n%%time\n\nx = 3\n1/0", 7),
    ("\n  \nx = 3\n%who\n1/0", 5),
    ("%timeit -q -n 1 -r 1 \\\n   sum(range(10))\nx = 3\n1/0", 4),
    ("def f():\n    %time 1/0\nx = 3\nf()", 2),
])  # fmt: skip
def test_an_error_has_the_line_of_the_cell_as_the_student_sees_it(source, line):
    done = subprocess.run(
        [sys.executable, str(BOTH_WAYS), "grader"],
        input=json.dumps([[source]]), capture_output=True, text=True,
    )  # fmt: skip
    (told,) = json.loads(done.stdout)
    assert told["errors"] == [["ZeroDivisionError", line]]
    assert told["names"]["x"] == "3"


class Withheld(Exception):
    pass


def withhold():
    raise Withheld("softmax is withheld")


def is_withheld(error):
    return isinstance(error, Withheld)


def run(*cells):
    runner = CellRunner({"withheld": withhold, "__name__": "__main__"}, is_withheld)
    skipped = []
    for number, cell in enumerate(cells, start=1):
        runner.run(str(number), cell)
        skipped += [(number, one.line, one.kind) for one in runner.skipped]
    return runner, skipped


def test_a_statement_that_needs_what_is_withheld_costs_itself_alone():
    runner, skipped = run("def f(): return 1\nassert f() == withheld()\n\ndef g(): return 2\nx = 3")
    assert skipped == [(1, 2, "withheld")]
    assert {"f", "g", "x"} <= set(runner.namespace)


def test_a_name_that_was_lost_costs_each_statement_that_needs_it_alone():
    runner, skipped = run(
        "a = withheld()\nb = a + 1\nc = b * 2\nd = 4", "print(c)\ne = d\nwith a: f = 1\ng = 2"
    )
    assert skipped == [(1, 1, "withheld"), (1, 2, "lost"), (1, 3, "lost"), (2, 1, "lost"),
                       (2, 3, "lost")]  # fmt: skip
    assert {"d", "e", "g"} <= set(runner.namespace)
    assert not {"a", "b", "c", "f"} & set(runner.namespace)
    assert runner.lost["a"] == "line 1 of cell 1"


def test_a_name_that_was_lost_and_is_bound_again_is_there():
    runner, _ = run("a = withheld()\na = 1\nb = a", "del a")
    assert runner.namespace["b"] == 1
    with pytest.raises(NameError):
        runner.run("3", "a")


def test_a_value_of_before_is_not_taken_for_the_one_that_was_lost():
    runner, skipped = run("x = 1\nx = withheld()\ny = x\nz = 3")
    assert not {"x", "y"} & set(runner.namespace)
    assert runner.namespace["z"] == 3
    assert skipped == [(1, 2, "withheld"), (1, 3, "lost")]


def test_a_function_of_before_stays_where_a_faster_one_cannot_be_had():
    runner, _ = run("def f(): return 1\nf = withheld() or f")
    assert runner.namespace["f"]() == 1


def test_an_unknown_name_ends_the_cell_though_others_were_lost():
    with pytest.raises(NameError):
        run("a = withheld()", "x = 1\nnever_bound\ny = 2")


def test_what_is_caught_is_not_left_out():
    runner, skipped = run("try:\n    x = withheld()\nexcept Exception:\n    x = 0\ny = x")
    assert runner.namespace["y"] == 0
    assert not skipped


def test_a_package_that_is_not_there_costs_its_import_and_what_needs_it():
    runner, skipped = run(
        "from no_such_package import files\nimport no_such as n\nfiles.upload()\ndef f(): return 1",
        "from no_such import *\nanything(1)\nx = f()",
    )
    assert runner.namespace["x"] == 1
    assert [kind for *_, kind in skipped] == ["module", "module", "lost", "module", "lost"]


INPUT = "n = int(input('how many? '))\nfor i in range(n): print(i)\ndef f(): return 1"


def test_nobody_types_and_that_costs_the_statements_which_need_it():
    done = subprocess.run(
        [sys.executable, "-c", (
            "from introml.grader.wire.cell_runner import CellRunner as R\n"
            f"r = R({{}}); r.install(); r.run('1', {INPUT!r})\n"
            "print([(s.line, s.kind) for s in r.skipped], r.namespace['f']())\n"
            "try: r.run('2', 'x = 1; exit(); y = 2')\n"
            "except SystemExit: print(r.namespace['x'], 'y' in r.namespace)"
        )],
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["[(1, 'input'), (2, 'lost')] 1", "1 False"], done.stderr


BINDING = {
    "x = 1": {"x"},
    "a, (b, *c) = d[0].e = 1": {"a", "b", "c"},
    "def f(x=(w := 1)):\n    y = 2": {"f"},
    "class A:\n    x = 1": {"A"},
    "import os.path, sys as s": {"os", "s"},
    "from a import b as c, d": {"c", "d"},
    "for i, j in z:\n    k = 1\nelse:\n    m = 2": {"i", "j", "k", "m"},
    "with open(f) as g:\n    x += 1": {"g", "x"},
    "[y := i for i in z]": {"y"},
    "x[0] = y.z = 1": set(),
    "match p:\n    case [q, *r]: s = 1\n    case {'k': t, **u}: pass": {"q", "r", "s", "t", "u"},
    "f = lambda v: (h := v)": {"f"},
}


@pytest.mark.parametrize("source", BINDING)
def test_the_names_that_a_statement_binds(source):
    (node,) = ast.parse(source).body
    assert names_bound(node) == BINDING[source]


def test_a_notebook_that_patches_compile_runs_on():
    source = "import builtins\nbuiltins.compile = builtins.exec = None\nx = 1\nprint(x)"
    done = subprocess.run(
        [sys.executable, str(BOTH_WAYS), "grader"],
        input=json.dumps([[source, "y = 2"]]), capture_output=True, text=True,
    )  # fmt: skip
    (told,) = json.loads(done.stdout)
    assert (told["errors"], told["printed"], told["names"]["y"]) == ([None, None], ["1"], "2")
