"""Runs a notebook's cells as IPython does: statement by statement, the last expression shown.

Where a lab is graded, some things are not there: what the lab withholds, somebody to type, the
shell, a package. A statement that needs one of them costs itself alone, and so does a later one
that needs a name which the first would have bound. Every other error ends the cell, as in a
notebook, with the names that it has bound so far.
"""

from __future__ import annotations
import __future__

import ast
import asyncio
import builtins
import contextlib
import importlib
import linecache
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from inspect import CO_COROUTINE
from typing import Any, NoReturn

from introml.grader.wire.ipython_syntax import CELL_FLAGS, read_cell
from introml.grader.wire.notebook_shell import LeftOut, NoInput, NotebookShell, NotHere
from introml.grader.wire.withdrawal import refusal_in

#: A notebook may put something else in their place, which is its own affair.
_compile, _exec, _eval = compile, exec, eval

_FUTURE = 0
for _name in __future__.all_feature_names:
    _FUTURE |= getattr(__future__, _name).compiler_flag
#: Statements of a cell that are reported as left out; more than these are only counted.
_MOST_REPORTED = 20
_LONGEST_WORDS = 200
_NOTHING = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
_RUN_A_LOOP = ("run", "run_until_complete", "run_forever", "Runner")


@dataclass(frozen=True)
class Skipped:
    """A statement that was left out: its line, what it needs ("withheld", "input", …), and words.

    `kind` is "withheld", "input", "module", "notebook" (a part of IPython) or "lost" (a name that
    an earlier statement would have bound).
    """

    line: int
    kind: str
    words: str


class CellRunner:
    """Runs cells among the names of one notebook.

    `withheld` tells the exception of what the lab withholds. `lost` says of each name that a
    statement did not bind because it was left out where that was.
    """

    def __init__(
        self,
        namespace: dict[str, Any],
        withheld: Callable[[BaseException], object] = lambda error: False,
    ) -> None:
        self.namespace = namespace
        self.withheld = withheld
        self.lost: dict[str, str] = {}
        #: Of the last cell: what was left out, and the line of the statement that ran last.
        self.skipped: list[Skipped] = []
        self.line: int | None = None
        self.shell: NotebookShell | None = None
        self._cell = ""
        self._count = 0
        self._flags = CELL_FLAGS
        self._quiet = False
        self._shown: list[Any] = ["", "", ""]
        self._loop: asyncio.AbstractEventLoop | None = None
        #: Whether the notebook has to do with coroutines: most have not.
        self._asynchronous = False

    def run(self, cell: str, source: str) -> None:
        """Run one cell; raises what ends it."""
        self._cell, self.skipped, self.line = cell, [], None
        self._count += 1
        if self.shell is not None:
            self.shell.execution_count = self._count
            self._remember_input(source)
            sys.displayhook = self._display
        name = f"<cell {cell}>"
        _let_be_seen(name, source)
        text, tree = read_cell(source, name, self._flags)
        if text is not source:
            _let_be_seen(name, text)
        self._quiet = _ends_with_semicolon(text, tree)
        self._asynchronous = self._asynchronous or "asyncio" in text
        self._run_all(tree.body, name, shown=self.shell is not None)
        if self._asynchronous and self._loop is not None:
            self._await(asyncio.sleep(0))  # what was begun gets a turn, as between two cells

    def _run_all(self, nodes: Sequence[ast.stmt], name: str, shown: bool) -> None:
        for place, node in enumerate(nodes, start=1):
            self.line = node.lineno
            show = shown and place == len(nodes) and isinstance(node, ast.Expr)
            try:
                self._run_one(node, name, show)
            except BaseException as error:
                kind = self._kind(error)
                if kind is None:
                    raise
                self._leave_out(node, kind, error)
            else:
                if self.lost or LeftOut.made:
                    self._lose_left_out(node)

    def _run_one(self, node: ast.stmt, name: str, show: bool) -> None:
        tree: ast.Module | ast.Interactive = ast.Module([node], [])
        if show:
            tree = ast.Interactive([node])
        mode = "single" if show else "exec"
        code = _compile(tree, name, mode, self._flags, dont_inherit=True)
        self._flags |= code.co_flags & _FUTURE  # they hold for the cells that follow, too
        if code.co_flags & CO_COROUTINE:
            self._await(_eval(code, self.namespace))
            return
        with self._in_loop(node):
            _exec(code, self.namespace)

    # What is not there.

    def _kind(self, error: BaseException) -> str | None:
        """Why a statement is left out, or None where its error ends the cell."""
        if self.withheld(error):
            return "withheld"
        if isinstance(error, NoInput):
            return "input"
        if isinstance(error, NotHere):
            return "notebook"
        if isinstance(error, ModuleNotFoundError):
            return "module"
        if type(error) is NameError and error.name not in self.namespace:
            return "lost" if error.name in self.lost or "*" in self.lost else None
        return None

    def _leave_out(self, node: ast.stmt, kind: str, error: BaseException) -> None:
        try:
            words = (refusal_in(error) or str(error))[:_LONGEST_WORDS]
        except BaseException:
            words = ""
        self._report(Skipped(node.lineno, kind, words))
        for name in names_bound(node):
            # A function or class that was there before is worth more than a name that is gone; a
            # value that was there before is a stale one.
            if not isinstance(self.namespace.get(name), types.FunctionType | type):
                self._lose(name, node.lineno)

    def _lose_left_out(self, node: ast.stmt) -> None:
        """Let go of the names to which a magic that was left out gave no value."""
        for name in names_bound(node):
            if type(self.namespace.get(name)) is LeftOut:
                self._lose(name, node.lineno)
            else:
                self.lost.pop(name, None)

    def _lose(self, name: str, line: int) -> None:
        self.namespace.pop(name, None)
        self.lost[name] = f"line {line} of cell {self._cell}"

    def _report(self, skipped: Skipped) -> None:
        if len(self.skipped) < _MOST_REPORTED:
            self.skipped.append(skipped)

    # For magics.

    def run_inside(self, source: str, file: str, line: int, local: dict | None = None) -> Any:
        """Run a magic's code among the notebook's names; return the last expression's value.

        `file` and `line` say where the code stands; `local` are the names of a function there.
        """
        nodes = self._nodes(source, file, line)
        last = nodes[-1] if nodes and isinstance(nodes[-1], ast.Expr) else None
        if last is not None:
            nodes.pop()
        if local is None:
            self._run_all(nodes, file, shown=False)
        else:
            _exec(_compile(ast.Module(nodes, []), file, "exec"), self.namespace, local)
        if last is None:
            return None
        self.line = last.lineno
        tree = ast.Expression(last.value)
        code = _compile(tree, file, "eval", self._flags, dont_inherit=True)
        value = _eval(code, self.namespace, local)
        return self._await(value) if code.co_flags & CO_COROUTINE else value

    def run_apart(self, source: str, file: str, line: int, local: dict | None = None) -> None:
        """Run, once, a magic's code that keeps none of its names."""
        function = ast.FunctionDef("timed", _NOTHING, self._nodes(source, file, line), [], lineno=1)
        if not function.body:
            return
        tree = ast.fix_missing_locations(ast.Module([function], []))
        apart: dict[str, Any] = {}
        names = self.namespace if local is None else self.namespace | local
        _exec(_compile(tree, file, "exec", self._flags, dont_inherit=True), names, apart)
        apart["timed"]()

    def _nodes(self, source: str, file: str, line: int) -> list[ast.stmt]:
        nodes = read_cell(source, file, self._flags)[1].body
        for node in nodes:
            ast.increment_lineno(node, line - 1)
        return nodes

    # Coroutines.

    def _await(self, coroutine: Any) -> Any:
        """Run a coroutine to its end, on one loop for all cells, as a kernel does."""
        self._asynchronous = True
        if asyncio._get_running_loop() is not None:
            return _in_a_thread(coroutine)  # a student's own kernel, whose loop is busy with this
        return self._own_loop().run_until_complete(coroutine)

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop

    @contextlib.contextmanager
    def _in_loop(self, node: ast.stmt) -> Iterator[None]:
        """Let a statement find the loop running, as in a kernel, unless it runs a loop itself."""
        alone = self._asynchronous and asyncio._get_running_loop() is None
        if not alone or any(getattr(x, "attr", "") in _RUN_A_LOOP for x in ast.walk(node)):
            yield
            return
        asyncio._set_running_loop(self._own_loop())
        try:
            yield
        finally:
            asyncio._set_running_loop(None)

    # What a notebook has beside its cells.

    def install(self) -> None:
        """Make this the notebook of the whole process: for one that runs nothing else."""
        self.shell = NotebookShell(self)
        shell = self.shell

        def get_ipython() -> NotebookShell:
            return shell

        main = types.ModuleType("__main__")
        main.__dict__.update(self.namespace)
        self.namespace = main.__dict__
        self.namespace |= {"__builtins__": builtins, "exit": _exit, "quit": _exit}
        self.namespace |= {"In": [""], "Out": {}, "_": "", "__": "", "___": ""}
        self.namespace |= {"_ih": self.namespace["In"], "_oh": self.namespace["Out"]}
        self.namespace |= {"_i": "", "_ii": "", "_iii": ""}
        # Pickle, dataclasses and type hints look for the notebook's names there.
        sys.modules["__main__"] = main
        for name, value in (
            ("get_ipython", get_ipython),
            ("display", display),
            ("input", _no_input),
        ):
            setattr(builtins, name, value)
        with contextlib.suppress(ImportError):
            for name in ("IPython", "IPython.core.getipython"):
                vars(importlib.import_module(name))["get_ipython"] = get_ipython

    def _remember_input(self, source: str) -> None:
        names = self.namespace
        with contextlib.suppress(Exception):
            names["_iii"], names["_ii"], names["_i"] = names["_ii"], names["_i"], names["In"][-1]
            names["In"].append(source)
            names[f"_i{self._count}"] = source

    def _display(self, value: Any) -> None:
        """Show the last expression of a cell and remember it, as IPython does."""
        if value is None or self._quiet or type(value) is LeftOut:
            return
        with contextlib.suppress(Exception):
            print(repr(value))
        names = self.namespace
        own = all(names.get("_" * n) is self._shown[-n] for n in (1, 2, 3))
        self._shown = [*self._shown[1:], value]
        if own:
            names["___"], names["__"], names["_"] = self._shown
        names[f"_{self._count}"] = value
        if isinstance(out := names.get("_oh"), dict) and value is not out:
            out[self._count] = value


def _let_be_seen(name: str, text: str) -> None:
    """Let `inspect` and tracebacks find the lines of a cell."""
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)


def names_bound(node: ast.stmt) -> set[str]:
    """The names that a statement binds where it stands, "*" for an import of all names."""
    names: set[str] = set()
    left: list[ast.AST] = [node]
    while left:
        one = left.pop()
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(one.name)
            continue
        if isinstance(one, ast.Lambda):
            continue
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            names.add(one.id)
        elif isinstance(one, ast.alias):
            names.add(one.asname or one.name.partition(".")[0])
        elif isinstance(one, ast.MatchAs | ast.MatchStar) and one.name:
            names.add(one.name)
        elif isinstance(one, ast.MatchMapping) and one.rest:
            names.add(one.rest)
        if isinstance(one, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            # Its own variables are its own; `:=` in it is not.
            left += [x for x in ast.walk(one) if isinstance(x, ast.NamedExpr)]
            continue
        left += ast.iter_child_nodes(one)
    return names


def display(*objects: Any, **options: Any) -> None:
    """Show objects as text."""
    for one in objects:
        print(repr(one))


def _no_input(_prompt: object = "", /) -> NoReturn:
    raise NoInput("input() waits for somebody to type, and nobody does when a lab is graded")


class _Exit:
    """IPython's `exit` and `quit`: the cell ends, the process does not."""

    def __repr__(self) -> str:
        return "exit"

    def __call__(self, *args: object, **options: object) -> NoReturn:
        raise SystemExit(*args)


_exit = _Exit()


def _in_a_thread(coroutine: Any) -> Any:
    ended: list[Any] = []

    def run() -> None:
        try:
            ended.append((asyncio.run(coroutine), None))
        except BaseException as error:
            ended.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    value, error = ended[0]
    if error is not None:
        raise error
    return value


def _ends_with_semicolon(text: str, tree: ast.Module) -> bool:
    if not tree.body:
        return False
    last = tree.body[-1]
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert last.end_lineno is not None
    rest = lines[last.end_lineno - 1].encode(errors="replace")[last.end_col_offset :]
    return rest.lstrip().startswith(b";")
