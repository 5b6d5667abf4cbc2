"""Lines of a notebook that deserve a second look: advice for the student, evidence for a teacher.

Nothing here refuses anything, or changes a grade: what a lab withholds is not there when it is
graded, however it is called. So a student is told of lines that will not run then. And a teacher
sees what cannot be withheld: another library's answer, and code beneath torch's. No code runs here,
and a name stands for what imports make of it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from introml.grader.lab import Forbidden, parse, syntax_error
from introml.grader.text import cell_label

#: Bounds on what one name may stand for, and on the parts of a dotted name that are looked at.
_PATHS, _PARTS = 8, 12
#: Cells that a teacher is shown of each kind of evidence, answers first.
_CELLS_SHOWN = 12

#: What remains open, by the beginnings of dotted names.
_OPEN = {
    "calls C functions by address": ("ctypes", "cffi"),
    "makes code objects": ("marshal", "types.CodeType", "types.FunctionType"),
    "loads compiled code": (
        "torch.utils.cpp_extension", "torch.ops.load_library", "torch.classes.load_library",
    ),
    "reaches beneath torch's public functions": ("torch.library", "torch.overrides"),
    "looks into the process that runs it": (
        "gc.get_", "inspect.currentframe", "inspect.stack", "sys._getframe", "sys.settrace",
        "sys.setprofile",
    ),
    "reaches for the grader": ("introml.grader",),
}  # fmt: skip
_INSIDE = {"f_back", "f_globals", "gi_frame", "cr_frame", "tb_frame", "__globals__"}
#: What a lab's own cells import of the grader. (A whole dotted name here would make the student's
#: side of it part of what a grade is kept under.)
_OURS = tuple(".".join(("introml", "grader", name)) for name in ("check", "require_check"))
#: Libraries with answers of their own, which are not torch's to withhold; parts of them that fit
#: models by themselves; and those that hold answers, to be looked up in where they are handed on.
_OTHERS = ("numpy", "scipy", "sklearn")
_FITS = ("scipy.optimize", "sklearn.linear_model", "sklearn.neural_network", "numpy.polynomial")
_WHOLE = ("scipy", "scipy.special", "scipy.linalg", "numpy.linalg", "sklearn.utils.extmath")
#: What inverts a matrix in NumPy by another name than `inv`, which is not withheld either.
_INVERSES = ("matrix", "asmatrix", "matrix_power", "tensorinv")
#: What slides a window over an array, in NumPy and SciPy, and goes by names other than torch's.
_SLIDING = (
    "convolve", "convolve1d", "convolve2d", "correlate", "correlate1d", "correlate2d",
    "fftconvolve", "oaconvolve", "sepfir2d", "lfilter", "maximum_filter", "maximum_filter1d",
    "uniform_filter", "uniform_filter1d", "generic_filter",
)  # fmt: skip
#: Parts of a function that nobody sets but to make it another one, such as one that a lab gives.
_OF_A_FUNCTION = {"__code__", "__defaults__", "__kwdefaults__"}
#: Whose functions nobody replaces but to change what others see.
_NOT_TO_PATCH = ("torch", "numpy", "builtins", "time")
_SETTINGS = ("torch.backends", "torch._dynamo", "torch._inductor")


class CodeCell(Protocol):
    """What is read of a cell: `id`, `source`, and `kind`, which is "locked" for given code."""

    @property
    def id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def kind(self) -> str: ...


@dataclass(frozen=True)
class Use:
    """A place in a student's code: the cell's id and kind, the line from 1, and what is there."""

    cell: str
    kind: str
    line: int
    what: str
    text: str


class Findings(NamedTuple):
    """What `find` found, all of it: uses of what is withheld, and what is left for a person."""

    withheld: list[Use]
    open: list[Use]

    def advice(self, label: Callable[[str], str] = cell_label) -> list[str]:
        """For the student, before it is handed in: a sentence or two for each cell."""
        return [
            f"{label(uses[0].cell)}, {_lines(uses)}: {', '.join(_each('what', uses)[:4])} is "
            "withheld in this lab. What calls it fails when the lab is graded, the rest runs."
            for uses in _by("cell", self.withheld)
        ]

    def evidence(self) -> list[str]:
        """For the teacher: a line for each kind, with its places, those in answers first."""
        told = []
        for uses in _by("what", sorted(self.open, key=lambda use: use.kind != "answer")):
            places = [
                f"{cell_label(here[0].cell)}, {_lines(here)}: {here[0].text}"
                for here in _by("cell", uses)
            ]
            if len(places) > _CELLS_SHOWN:
                places[_CELLS_SHOWN:] = [f"and in {len(places) - _CELLS_SHOWN} more cells"]
            what = uses[0].what
            told.append(f"{what[0].upper()}{what[1:]}. {'; '.join(places)}")
        return told


def find(cells: Sequence[CodeCell], forbidden: Sequence[Forbidden]) -> Findings:
    """What the cells have of both kinds; of given cells, only imports are read.

    A cell that is not Python is passed over: it does not run either.
    """
    trees = [(cell, parse(cell.source)) for cell in cells]
    search = _Search([tree for _, tree in trees if tree], forbidden)
    uses: dict[tuple[str, int, str, bool], Use] = {}
    for cell, tree in trees:
        if cell.kind == "locked":
            continue
        lines = cell.source.split("\n")
        found: Iterable[tuple[int, str, bool]] = search.uses(tree) if tree else ()
        if tree is None and "\0" not in cell.source and syntax_error(cell.source) == 0:
            found = [(1, "is nested too deeply to be read", False)]
        for line, what, withheld in sorted(found):
            text = lines[line - 1].strip()[:120] if line <= len(lines) else ""
            key = cell.id, line, what, withheld
            uses.setdefault(key, Use(cell.id, cell.kind, line, what, text))
    return Findings(*([x for k, x in uses.items() if k[3] is kind] for kind in (True, False)))


_Path = tuple[str, ...]


class _Search:
    """What names stand for by the imports of all cells together, and what is found by that."""

    def __init__(self, trees: Iterable[ast.AST], forbidden: Sequence[Forbidden]) -> None:
        #: By dotted name, and by the last part of it: the same elsewhere in a package is a double.
        self._withheld = {tuple(one.name.split(".")): one.name for one in forbidden}
        self._doubles = {(one.package, one.attribute): one.name for one in reversed(forbidden)}
        self._said: dict[tuple[_Path, bool], list[tuple[str, bool]]] = {}
        self._names: dict[str, set[_Path]] = {"torch": {("torch",)}}
        for node in (node for tree in trees for node in ast.walk(tree)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias, path in zip(node.names, _imports(node), strict=True):
                    whole = isinstance(node, ast.ImportFrom) or alias.asname
                    name = alias.asname or (alias.name if whole else path[0])
                    known = self._names.setdefault(name, set())
                    if len(known) < _PATHS:
                        known.add(path if whole else path[:1])
            elif isinstance(node, ast.Assign) and (got := _got(node.value)):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        known = self._names.setdefault(target.id, set())
                        if len(known) < _PATHS:
                            known.add(got)

    def uses(self, tree: ast.AST) -> Iterator[tuple[int, str, bool]]:
        """(line, what, whether it is withheld) of all that is found in a tree."""
        inner: set[int] = set()  # parts of a longer dotted name, which was looked at as a whole
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                inner.add(id(node.value))
            for what, withheld in self._about(node) if id(node) not in inner else ():
                yield getattr(node, "lineno", 1), what, withheld

    def _about(self, node: ast.AST) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for path in _imports(node):
                yield from self._of(path, used=isinstance(node, ast.ImportFrom))
        elif isinstance(node, ast.Call):
            yield from self._of_call(node)
        elif isinstance(node, ast.Subscript):
            yield from self._of_subscript(node)
        elif isinstance(node, ast.Name | ast.Attribute):
            yield from self._of_name(node)

    def _of_name(self, node: ast.Name | ast.Attribute) -> Iterator[tuple[str, bool]]:
        parts: list[str] = []
        root: ast.AST = node
        while isinstance(root, ast.Attribute):
            parts.append(root.attr)
            root = root.value
        if _INSIDE.intersection(parts) or "__subclasses__" in parts:
            yield "looks into the process that runs it", False
        if _OF_A_FUNCTION.intersection(parts[:1]) and isinstance(node.ctx, ast.Store):
            yield "changes a function that is there", False
        if isinstance(root, ast.Subscript):
            yield from self._of_subscript(root)
        got = _got(root)
        paths: Iterable[_Path] = (got,) if got else ()
        if isinstance(root, ast.Name):
            paths = self._names.get(root.id, ())
        for path in (((*start, *reversed(parts)))[:_PARTS] for start in paths):
            name = ".".join(path)
            if parts and isinstance(node.ctx, ast.Load):
                yield from self._of(path, used=True)
            elif parts and path[0] in _NOT_TO_PATCH and not name.startswith(_SETTINGS):
                yield f"replaces functions of {path[0]}", False
            if name in _WHOLE:
                yield f"hands on {name} as a value", False
        own = isinstance(root, ast.Name) and root.id in ("self", "cls")
        method = ("torch", "Tensor", *parts[:1])
        if not paths and not own and method in self._withheld:
            yield self._withheld[method], True

    def _of_subscript(self, node: ast.Subscript) -> Iterator[tuple[str, bool]]:
        """A module out of the table of those that are loaded."""
        if not _is_table_of_modules(node.value):
            return
        if path := _got(node):
            yield from self._of(path, used=False)
        elif isinstance(node.ctx, ast.Load) and getattr(node.slice, "id", "") != "__name__":
            yield "imports a module by a computed name", False

    def _of(self, path: _Path, used: bool) -> list[tuple[str, bool]]:
        """What is to be said of a dotted name; `used` is false of a module that is imported."""
        if (path, used) not in self._said:
            self._said[path, used] = list(self._judged(path, used))
        return self._said[path, used]

    def _judged(self, path: _Path, used: bool) -> Iterator[tuple[str, bool]]:
        for end in range(2, len(path) + 1) if used else ():
            double = self._doubles.get((path[0], path[end - 1]))
            if name := self._withheld.get(path[:end], double):
                yield name, True
                return
        name = ".".join(path)
        if path[0] == "torch" and any(x[:1] == "_" != x[1:2] for x in path[1:]):
            name = f"torch.library.{path[-1]}"  # a private part is as deep
        if "ctypes" in path[1:]:
            name = "ctypes"  # modules that have imported it hand it on
        for what, starts in _OPEN.items():
            if name.startswith(starts) and not name.startswith(_OURS):
                yield what, False
        answers = {attribute for _, attribute in self._doubles}
        if path[0] in _OTHERS and path[-1] in answers:
            yield f"uses {name}, another library's answer", False
        elif path[0] == "numpy" and path[-1] in _INVERSES and "inv" in answers:
            yield f"uses {name}, which can invert a matrix", False
        elif path[0] in _OTHERS and path[-1] in _SLIDING and {"conv2d", "max_pool2d"} & answers:
            yield f"uses {name}, which convolves or pools by itself", False
        elif name.startswith(_FITS) and {"lstsq", "optim", "backward"} & answers:
            yield f"uses {'.'.join(path[:2])}, which fits models by itself", False

    def _of_call(self, node: ast.Call) -> Iterator[tuple[str, bool]]:
        """Code and modules that are computed; a text that is executed is looked through."""
        first = node.args[0] if node.args else None
        text = first.value if isinstance(first, ast.Constant) else None
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        handed = {getattr(one, "id", "") for one in node.args}
        if isinstance(node.func, ast.Name) and called in ("exec", "eval"):
            tree = parse(text) if isinstance(text, str) else None
            for _, what, withheld in self.uses(tree) if tree else ():
                yield what, withheld
            if tree is None:
                yield "runs code that is computed", False
        elif handed & {"exec", "eval"}:
            yield "runs code that is computed", False
        elif called in ("import_module", "__import__"):
            if isinstance(text, str):
                yield from self._of(tuple(text.split(".")[:_PARTS]), used=False)
            else:
                yield "imports a module by a computed name", False


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[_Path]:
    """The dotted name of each thing that is imported."""
    base = f"{'.' * node.level}{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
    return (tuple(f"{base}{alias.name}".split(".")[:_PARTS]) for alias in node.names)


def _is_table_of_modules(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "modules"
        and isinstance(node.value, ast.Name)
        and node.value.id == "sys"
    )


def _got(node: ast.AST) -> _Path | None:
    """The dotted name of a module that is had by a call or from the table of modules."""
    text: ast.AST | None = None
    if isinstance(node, ast.Call) and node.args:
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        text = node.args[0] if called in ("import_module", "__import__") else None
    elif isinstance(node, ast.Subscript) and _is_table_of_modules(node.value):
        text = node.slice
    if isinstance(text, ast.Constant) and isinstance(text.value, str):
        return tuple(text.value.split(".")[:_PARTS])
    return None


def _by(field: str, uses: Iterable[Use]) -> list[list[Use]]:
    groups: dict[str, list[Use]] = {}
    for use in uses:
        groups.setdefault(getattr(use, field), []).append(use)
    return list(groups.values())


def _each(field: str, uses: Iterable[Use]) -> list[str]:
    return list(dict.fromkeys(str(getattr(use, field)) for use in uses))


def _lines(uses: Iterable[Use]) -> str:
    """ "line 3", or "lines 3, 7, 9 and 197 more"."""
    lines = _each("line", uses)
    more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(lines[:3])}{more}"
