"""What names in a notebook's code stand for, as far as the text shows: modules, constant texts.

After `from torch.nn import functional as F`, `getattr(F, "soft" + "max")` stands for
torch.nn.functional.softmax. No code runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

#: Names that stand for these modules even where a notebook does not show their import.
LIBRARIES = ("torch", "numpy")
#: Functions that get at things by a text, under whatever name they are called.
_BY_TEXT = {
    "getattr", "setattr", "delattr", "vars", "globals", "locals", "eval", "exec", "compile",
    "__import__", "import_module", "attrgetter",
}  # fmt: skip
#: Bounds of depth, of what one name may stand for, of a dotted name's parts, of rounds over all
#: assignments: no honest notebook comes near, and a dishonest one takes no longer either.
_DEPTH, _PATHS, _PARTS, _ROUNDS = 60, 8, 12, 6


class Names:
    """What names stand for in all cells together: modules and their parts, and constant texts.

    Scopes are not told apart: a name stands for all that it is ever given.
    """

    def __init__(self, trees: Sequence[ast.AST]) -> None:
        self._paths: dict[str, set[tuple[str, ...]]] = {}
        self._texts: dict[str, set[str | None]] = {}
        self._stars: set[tuple[str, ...]] = set()
        #: Names of functions and classes, and of what the students' own objects have.
        self.defined: set[str] = set()
        self.members: set[str] = set()
        #: What nodes stand for, by id: without it, calls of calls of calls take for ever.
        self._known: dict[int, list[tuple[str, ...]]] = {}
        nodes = [node for tree in trees for node in ast.walk(tree)]
        for node in nodes:
            self._define(node)
        bindings = [pair for node in nodes for pair in _bindings(node)]
        for name, _ in bindings:
            self._texts.setdefault(name, set())
        for _ in range(_ROUNDS):
            before = sum(map(len, self._paths.values())) + sum(map(len, self._texts.values()))
            self._known.clear()
            for name, value in bindings:
                self._add(name, self.resolve(value))
                if len(self._texts[name]) < 2:
                    self._texts[name].add(self.text(value))
            if before == sum(map(len, self._paths.values())) + sum(map(len, self._texts.values())):
                break
        self._known.clear()

    def _define(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                path = tuple(alias.name.split("."))
                self._add(alias.asname or path[0], [path if alias.asname else path[:1]])
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            base = tuple(node.module.split("."))
            for alias in node.names:
                if alias.name == "*":
                    if len(self._stars) < _PATHS:
                        self._stars.add(base)
                else:
                    self._add(alias.asname or alias.name, [(*base, alias.name)])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.defined.add(node.name)
            if isinstance(node, ast.ClassDef):
                self.members |= {x.name for x in node.body if isinstance(x, ast.FunctionDef)}
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            self.members.add(node.attr)

    def _add(self, name: str, paths: Iterable[tuple[str, ...]]) -> None:
        known = self._paths.setdefault(name, set())
        for path in paths:
            if len(known) < _PATHS and len(path) <= _PARTS:
                known.add(path)

    def mentioned(self, node: ast.AST) -> list[tuple[str, ...]]:
        """The dotted names that a node brings in or refers to."""
        if isinstance(node, ast.Import):
            return [tuple(alias.name.split(".")) for alias in node.names]
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            base = tuple(node.module.split("."))
            return [base, *((*base, alias.name) for alias in node.names)]
        if isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
            return self.resolve(node)
        return []

    def resolve(self, node: ast.AST, depth: int = 0) -> list[tuple[str, ...]]:
        """The dotted names that an expression may stand for; empty if the text does not show it."""
        if depth > _DEPTH:
            return []
        if id(node) not in self._known:
            self._known[id(node)] = self._resolve(node, depth)
        return self._known[id(node)]

    def _resolve(self, node: ast.AST, depth: int) -> list[tuple[str, ...]]:
        if isinstance(node, ast.Name):
            return self._of_name(node.id)
        if isinstance(node, ast.Attribute):
            if node.attr == "__dict__":
                return self.resolve(node.value, depth + 1)
            return self._part(node.value, node.attr, depth)
        if isinstance(node, ast.NamedExpr):
            return self.resolve(node.value, depth + 1)
        if isinstance(node, ast.Call):
            return self._of_call(node, depth)
        if isinstance(node, ast.Subscript):
            key = self.text(node.slice)
            if key is None:
                return []
            if isinstance(node.value, ast.Call) and self.called(node.value, depth) in (
                "globals", "locals", "vars",
            ) and not node.value.args:  # fmt: skip
                return self._of_name(key)
            return self._part(node.value, key, depth)
        return []

    def called(self, node: ast.Call, depth: int = 0) -> str:
        """The name of the function called; that of a function that works by text, if it is one."""
        for path in self.resolve(node.func, depth + 1):
            if path[-1] in _BY_TEXT:
                return path[-1]
        if isinstance(node.func, ast.Name):
            return node.func.id
        return node.func.attr if isinstance(node.func, ast.Attribute) else ""

    def _of_name(self, name: str) -> list[tuple[str, ...]]:
        found = sorted(self._paths.get(name, ()))
        if not found and (name in LIBRARIES or name in _BY_TEXT):
            found = [(name,)]
        if not found and self._stars and name not in self.defined and name not in self._texts:
            found = [(*base, name) for base in sorted(self._stars)]
        return found

    def _part(self, value: ast.AST, name: str, depth: int) -> list[tuple[str, ...]]:
        parts = tuple(name.split("."))
        bases = self.resolve(value, depth + 1)
        # sys.modules["torch.nn"] is torch.nn.
        return [
            parts if base == ("sys", "modules") else (*base, *parts)
            for base in bases
            if len(base) + len(parts) <= _PARTS
        ]

    def _of_call(self, node: ast.Call, depth: int) -> list[tuple[str, ...]]:
        called, arguments = self.called(node, depth), node.args
        if called == "getattr" and len(arguments) > 1:
            name = self.text(arguments[1])
            return self._part(arguments[0], name, depth) if name else []
        if called == "vars" and len(arguments) == 1:
            return self.resolve(arguments[0], depth + 1)
        if called in ("__import__", "import_module") and arguments:
            name = self.text(arguments[0])
            if not name:
                return []
            path = tuple(name.split("."))
            return [path] if called == "import_module" else [path[:1], path]
        if called in ("get", "pop", "__getitem__", "__getattribute__", "__getattr__") and arguments:
            name = self.text(arguments[0])
            if name and isinstance(node.func, ast.Attribute):
                return self._part(node.func.value, name, depth)
        inner = node.func
        if isinstance(inner, ast.Call) and self.called(inner, depth) == "attrgetter" and arguments:
            name = self.text(inner.args[0]) if inner.args else None
            return self._part(arguments[0], name, depth) if name else []
        return []

    def text(self, node: ast.AST, depth: int = 0) -> str | None:
        """The text that an expression surely is, or `None`."""
        if depth > _DEPTH:
            return None
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            known = self._texts.get(node.id, set())
            return next(iter(known)) if len(known) == 1 else None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._joined([node.left, node.right], "", depth)
        if isinstance(node, ast.JoinedStr):
            return self._joined(node.values, "", depth)
        if isinstance(node, ast.FormattedValue):
            plain = node.conversion == -1 and node.format_spec is None
            return self.text(node.value, depth + 1) if plain else None
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            return self._sliced(node, depth)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            separator = self.text(node.func.value, depth + 1)
            parts = node.args[0] if len(node.args) == 1 else None
            if node.func.attr == "join" and isinstance(parts, ast.List | ast.Tuple):
                return None if separator is None else self._joined(parts.elts, separator, depth)
        return None

    def _joined(self, nodes: Sequence[ast.AST], separator: str, depth: int) -> str | None:
        texts = [self.text(node, depth + 1) for node in nodes[:100]]
        if any(text is None for text in texts):
            return None
        return separator.join(text for text in texts if text is not None)[:1000]

    def _sliced(self, node: ast.Subscript, depth: int) -> str | None:
        text = self.text(node.value, depth + 1)
        part = node.slice
        if text is None or not isinstance(part, ast.Slice):
            return None
        try:
            parts = (part.lower, part.upper, part.step)
            start, stop, step = (None if x is None else ast.literal_eval(x) for x in parts)
            return text[start:stop:step]
        except (ValueError, TypeError):
            return None


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """(name, value) of what a node binds to a name: assignments, defaults, loops over a display."""
    pairs: list[tuple[ast.expr, ast.expr | None]] = []
    if isinstance(node, ast.Assign):
        pairs = [(target, node.value) for target in node.targets]
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
        pairs = [(node.target, node.value)]
    elif isinstance(node, ast.For | ast.comprehension) and isinstance(
        node.iter, ast.List | ast.Tuple | ast.Set
    ):
        pairs = [(node.target, value) for value in node.iter.elts[:_PATHS]]
    elif isinstance(node, ast.arguments):
        given = [*node.posonlyargs, *node.args]
        last = given[len(given) - len(node.defaults) :]
        for argument, default in zip(last, node.defaults, strict=True):
            yield argument.arg, default
        for argument, given_default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
            if given_default is not None:
                yield argument.arg, given_default
    for target, value in pairs:
        if isinstance(target, ast.Name) and value is not None:
            yield target.id, value
        elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
            for one, other in zip(target.elts, value.elts, strict=False):
                if isinstance(one, ast.Name):
                    yield one.id, other
