"""What `get_ipython()` gives where there is no IPython: magics of a notebook, run or left out.

A magic that runs Python (`%%time`, `%%capture`, `%timeit`) runs it, as IPython does. All others
concern the notebook, the shell or the screen: they do nothing. A value that one would have given
(`files = !ls`) is `LeftOut`, which refuses every use.
"""

from __future__ import annotations

import contextlib
import io
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, NoReturn, Protocol

#: Cell magics whose body is Python that the notebook needs.
_AROUND_PYTHON = ("time", "prun", "memit", "mprun", "lprun", "snakeviz", "pyinstrument", "scalene")
#: Line magics that run a statement.
_LINES_OF_PYTHON = ("time", "timeit", "prun", "memit")
#: A file, a line of it, and the names of the function that is running there, if one is.
_Place = tuple[str, int, dict[str, Any] | None]


class NotHere(Exception):
    """The code asks for what is there in a notebook only, not where it is graded."""


class NoInput(NotHere, EOFError):
    """The code waits for somebody to type."""


class NoSuchAttribute(NotHere, AttributeError):
    """The code asks for a part of IPython that there is no stand-in for."""


class Runner(Protocol):
    """What runs code for a magic."""

    namespace: dict[str, Any]

    def run_inside(self, source: str, file: str, line: int, local: dict | None) -> Any: ...

    def run_apart(self, source: str, file: str, line: int, local: dict | None) -> None: ...


class LeftOut:
    """The value of a magic or a shell line that was left out: whatever uses it is refused."""

    #: How many there have been: most notebooks have none.
    made = 0

    def __init__(self, what: str) -> None:
        self._what = what
        LeftOut.made += 1

    def __repr__(self) -> str:
        return f"<left out: {self._what}>"

    def _refuse(self, *args: object) -> NoReturn:
        raise NotHere(f"the result of {self._what} is not there when graded")

    __iter__ = __len__ = __getitem__ = __call__ = __contains__ = __bool__ = __index__ = _refuse
    __add__ = __radd__ = __sub__ = __mul__ = __truediv__ = __mod__ = __lt__ = __gt__ = _refuse
    __int__ = __float__ = __format__ = __enter__ = __fspath__ = _refuse
    __str__ = __repr__

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)  # what Python and its libraries look for in any object
        self._refuse()


class _Events:
    """IPython's hooks, which nothing ever calls here."""

    def register(self, event: str, function: Callable) -> None: ...

    def unregister(self, event: str, function: Callable) -> None: ...

    def trigger(self, event: str, *args: Any, **kwargs: Any) -> None: ...


class CapturedIO:
    """What `%%capture name` gives: the text that was printed."""

    def __init__(self) -> None:
        self._out, self._err = io.StringIO(), io.StringIO()
        self.outputs: list[Any] = []

    @property
    def stdout(self) -> str:
        return self._out.getvalue()

    @property
    def stderr(self) -> str:
        return self._err.getvalue()

    def show(self) -> None:
        """Print it after all."""
        sys.stdout.write(self.stdout)
        sys.stderr.write(self.stderr)

    __call__ = show

    def __str__(self) -> str:
        return self.stdout


class NotebookShell:
    """A stand-in for IPython's shell: what notebooks call on it, and that is all."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._own: dict[tuple[str, str], Callable] = {}
        self.events = _Events()
        self.ast_transformers: list[Any] = []
        self.input_transformers_cleanup: list[Any] = []
        self.input_transformers_post: list[Any] = []
        self.ast_node_interactivity = "last_expr"
        self.config: dict[str, Any] = {}
        self.execution_count = 1

    def __repr__(self) -> str:
        return "<get_ipython() where labs are graded>"

    def __getattr__(self, name: str) -> NoReturn:
        raise NoSuchAttribute(f"get_ipython().{name} is not there when graded")

    @property
    def user_ns(self) -> dict[str, Any]:
        """The notebook's names."""
        return self._runner.namespace

    user_global_ns = user_ns

    # Magics.

    def run_line_magic(self, magic_name: str, line: str = "", _stack_depth: int = 1) -> Any:
        """Run the Python of `%time` and `%timeit`; leave out every other line magic."""
        name = str(magic_name)
        if own := self._own.get(("line", name)):
            return own(line)
        if name in _LINES_OF_PYTHON and (statement := _without_options(line)):
            place = _place(sys._getframe(1))
            if name != "timeit":
                return self._timed(name, statement, place)
            self._runner.run_apart(statement, *place)
        return LeftOut(f"%{name}")

    def run_cell_magic(self, magic_name: str, line: str, cell: str) -> Any:
        """Run the body of a cell magic that is Python; leave out all others."""
        name = str(magic_name)
        if own := self._own.get(("cell", name)):
            return own(line, cell)
        file, first, local = _place(sys._getframe(1))
        if name == "capture":
            return self._capture(line, cell, (file, first + 1, local))
        if name == "timeit":
            setup = _without_options(line)
            body = f"{setup}\n{cell}" if setup else cell
            self._runner.run_apart(body, file, first + (not setup), local)
        elif name in _AROUND_PYTHON:
            return self._timed(name, cell, (file, first + 1, local))
        return None

    def _timed(self, name: str, source: str, place: _Place) -> Any:
        began = time.perf_counter()
        value = self._runner.run_inside(source, *place)
        if name == "time":
            print(f"Wall time: {time.perf_counter() - began:.3g} s")
        return value

    def _capture(self, line: str, cell: str, place: _Place) -> None:
        words = _words(line)
        names = [word for word in words if word.isidentifier()]
        captured = CapturedIO()
        with contextlib.ExitStack() as stack:
            if "--no-stdout" not in words:
                stack.enter_context(contextlib.redirect_stdout(captured._out))
            if "--no-stderr" not in words:
                stack.enter_context(contextlib.redirect_stderr(captured._err))
            try:
                self._runner.run_inside(cell, *place)
            finally:
                if names:
                    self._runner.namespace[names[0]] = captured

    def magic(self, arg_s: str) -> Any:
        """Run a line magic that is written as one string."""
        name, _, line = str(arg_s).strip().lstrip("%").partition(" ")
        return self.run_line_magic(name, line)

    def register_magic_function(
        self, func: Callable, magic_kind: str = "line", magic_name: str | None = None
    ) -> None:
        """Keep a magic of the notebook's own."""
        for kind in ("line", "cell") if magic_kind == "line_cell" else (magic_kind,):
            self._own[kind, magic_name or func.__name__] = func

    def register_magics(self, *magics: Any) -> None:
        """Nothing: a class of magics is IPython's."""

    # The shell: nothing of it runs.

    def system(self, cmd: str) -> None:
        """Nothing: no shell line runs when graded."""

    system_raw = system_piped = system

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> LeftOut:
        """The output that there is not."""
        return LeftOut(f"!{str(cmd)[:40]}")

    # Code and names.

    def run_cell(self, raw_cell: str, *args: Any, **kwargs: Any) -> None:
        """Run more code among the notebook's names."""
        self._runner.run_inside(raw_cell, *_place(sys._getframe(1)))

    def ex(self, cmd: str) -> None:
        """Run a statement among the notebook's names."""
        exec(cmd, self.user_ns)

    def ev(self, expr: str) -> Any:
        """The value of an expression."""
        return eval(expr, self.user_ns)

    def push(self, variables: Mapping[str, Any], interactive: bool = True) -> None:
        """Set some of the notebook's names."""
        if isinstance(variables, Mapping):
            self.user_ns.update(variables)

    # Nothing to do, and nothing lost.

    def enable_gui(self, gui: str | None = None) -> None: ...

    def enable_matplotlib(self, gui: str | None = None) -> None: ...

    def set_next_input(self, s: str, replace: bool = False) -> None: ...

    def set_custom_exc(self, exc_tuple: tuple, handler: Any) -> None: ...

    def showtraceback(self, *args: Any, **kwargs: Any) -> None: ...

    def run_line_magics(self, *args: Any) -> None: ...


def _place(frame: FrameType) -> _Place:
    inside = frame.f_locals is not frame.f_globals
    return frame.f_code.co_filename, frame.f_lineno, dict(frame.f_locals) if inside else None


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _without_options(line: str) -> str:
    """The statement of `%timeit -n 1 -r3 -q statement`, less the options before it."""
    rest = line.strip()
    while rest.startswith("-"):
        word, _, rest = rest.partition(" ")
        rest = rest.strip()
        if word in ("-n", "-r", "-p", "-l", "-s", "-T", "-D"):
            rest = rest.partition(" ")[2].strip()
    return rest
