"""What may hide a library's answer, or reach beyond the lab: shown to a person, with the line.

The text proves nothing here. A usual notebook of a lab has none of it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from introml.grader.notebook.names import LIBRARIES, Names

_MODULES = {
    "ctypes": "calls C functions by address",
    "cffi": "calls C functions by address",
    "importlib": "imports modules by a computed name",
    "subprocess": "starts other programs",
    "multiprocessing": "starts other processes",
    "socket": "opens the network",
    "gc": "looks through all objects in memory",
    "inspect": "looks into the caller's frames",
    "pickle": "runs code when it loads",
    "marshal": "makes code objects",
    "signal": "takes hold of the process's signals",
    "introml.grader": "reaches for the grader",
    "torch._C": "calls torch beneath its public functions",
    "torch.ops": "calls torch beneath its public functions",
    "torch._dynamo": "changes how torch runs functions",
    "torch.jit": "makes functions of texts",
    "torch.fx": "rewrites functions",
    "torch.export": "rewrites functions",
    "torch.onnx": "rewrites functions",
    "torch.package": "runs code when it loads",
    "torch.hub": "fetches code",
    "torch.load": "runs code when it loads",
    "torch.utils.benchmark": "runs texts as code",
    "torch.utils._python_dispatch": "changes what torch's functions do",
    "torch.multiprocessing": "starts other processes",
    "torch.distributed": "starts other processes",
    "torch.nn.functional.gumbel_softmax": "has a softmax in it",
    "torch.nn.Softmax2d": "is a softmax",
    "string.Formatter": "looks up attributes by text",
    "types.FunctionType": "makes functions of code objects",
    "types.CodeType": "makes code objects",
    "torch.library": "changes torch's own functions",
    "torch.overrides": "changes what torch's functions do",
    "torch.utils.cpp_extension": "compiles its own extension",
    "sys.modules": "looks up or replaces modules",
    "sys._getframe": "looks into the caller's frames",
    "sys.settrace": "watches the caller's code",
    "sys.setprofile": "watches the caller's code",
    "sys.meta_path": "changes how modules are found",
    "os.fork": "starts other processes",
    "os.system": "starts other programs",
    "os.popen": "starts other programs",
    "os.kill": "sends signals",
    "os._exit": "ends the process",
    "builtins": "looks up or replaces Python's own functions",
}

_ATTRIBUTES = {"f_back", "f_globals", "f_locals", "gi_frame", "tb_frame", "mro"}

#: Names with two underscores that honest code mentions; the others lead into Python's inside.
_PLAIN = {
    "__init__", "__call__", "__name__", "__doc__", "__version__", "__len__", "__iter__", "__next__",
    "__getitem__", "__setitem__", "__enter__", "__exit__", "__repr__", "__str__", "__post_init__",
    "__file__", "__dict__",
}  # fmt: skip

#: Libraries in which anything can be looked up.
_WHOLE = {
    "torch", "numpy", "torch.nn", "torch.nn.functional", "torch.special", "torch.linalg",
    "torch.autograd", "torch.func", "sys", "builtins",
}  # fmt: skip

#: Modules that a lab's code has a use for. Another one is shown to a person.
_USUAL = {
    "__future__", "abc", "bisect", "cmath", "collections", "contextlib", "copy", "dataclasses",
    "datetime", "decimal", "enum", "fractions", "functools", "heapq", "IPython", "ipywidgets",
    "itertools", "json", "logging", "math", "matplotlib", "mpl_toolkits", "numbers", "numpy",
    "operator", "os", "pathlib", "pprint", "random", "re", "statistics", "string", "sys",
    "textwrap", "time", "torch", "torchvision", "tqdm", "types", "typing", "typing_extensions",
    "warnings", "introml",
}  # fmt: skip


def oddities(
    node: ast.AST, names: Names, paths: Sequence[tuple[str, ...]], odd: set[int]
) -> Iterator[tuple[int, str]]:
    """(line, what) of all that is odd about one node, which stands for `paths`.

    `odd` holds the ids of calls that execute code which could not be read.
    """
    line = getattr(node, "lineno", 1)
    if isinstance(node, ast.Attribute):
        dunder = node.attr.startswith("__") and node.attr not in _PLAIN
        if dunder or node.attr in _ATTRIBUTES:
            yield line, f"uses {node.attr}"
    for path in paths:
        if why := _odd_module(path):
            yield line, why
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from _odd_import(node)
    if isinstance(node, ast.Call):
        yield from _odd_call(node, names, odd)
    yield from _passed_around(node, names)
    yield from _patches(node, names)


def redefined(tree: ast.AST, given: set[str]) -> Iterator[tuple[int, str]]:
    """Where a given function gets another meaning, or is changed from outside."""
    for node in ast.walk(tree) if given else ():
        name = None
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            name = node.id
        elif isinstance(node, ast.alias):
            name = node.asname or node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            name = node.value.id if isinstance(node.value, ast.Name) else None
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value
        if name in given:
            yield getattr(node, "lineno", 1), f"redefines or names {name}, which is given"


def _odd_import(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    else:
        modules = [node.module or "."]
    for name in modules:
        first = name.partition(".")[0]
        if first not in _USUAL and first not in _MODULES:
            yield node.lineno, f"imports {name[:60]}, which labs seldom need"


def named_in_text(node: ast.Constant, forbidden: Sequence[Any]) -> Iterator[tuple[int, str]]:
    """A text that is a name, with a forbidden one in it: by it, things can be looked up."""
    text = node.value
    if (
        isinstance(text, str)
        and len(text) < 200
        and text.replace(".", "").replace(":", "_").isidentifier()
    ):
        for one in forbidden:
            if len(one.attribute) > 3 and text.rpartition(".")[2].strip("_") == one.attribute:
                yield node.lineno, f"names {text} in a text; {one.name} is forbidden"
                return


def _passed_around(node: ast.AST, names: Names) -> Iterator[tuple[int, str]]:
    """A whole library handed on as a value: what is then looked up in it, the text doesn't show."""
    if isinstance(node, ast.Call):
        if names.called(node) in ("getattr", "setattr") and len(node.args) > 1:
            return
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        values = node.elts if isinstance(getattr(node, "ctx", None), ast.Load) else []
    elif isinstance(node, ast.Dict):
        values = node.values
    elif isinstance(node, ast.Return | ast.Yield) and node.value is not None:
        values = [node.value]
    else:
        return
    for value in values:
        if isinstance(value, ast.Name | ast.Attribute):
            for path in names.resolve(value):
                if ".".join(path) in _WHOLE:
                    yield node.lineno, f"hands on {'.'.join(path)} as a value"
                    return


def _odd_module(path: tuple[str, ...]) -> str | None:
    if path[0] == "torch":
        private = next((part for part in path[1:] if part[:1] == "_" and part[:2] != "__"), None)
        if private and path[1] not in ("_C", "_dynamo"):
            return f"uses {'.'.join(path)[:100]}, which is beneath torch's public functions"
    for length in range(1, len(path) + 1):
        name = ".".join(path[:length])
        if name in _MODULES:
            return f"uses {name}, which {_MODULES[name]}"
    return None


def _odd_call(node: ast.Call, names: Names, odd: set[int]) -> Iterator[tuple[int, str]]:
    called = names.called(node)
    if called in ("globals", "locals", "delattr") or (called == "vars" and not node.args):
        yield node.lineno, f"calls {called}"
    if id(node) in odd:
        yield node.lineno, f"calls {called} on computed code"
    elif called in ("getattr", "setattr", "delattr", "__import__", "import_module", "attrgetter"):
        place = 1 if called in ("getattr", "setattr", "delattr") else 0
        if len(node.args) > place and names.text(node.args[place]) is None:
            yield node.lineno, f"calls {called} with a computed name"


def _patches(node: ast.AST, names: Names) -> Iterator[tuple[int, str]]:
    """Assignments to a library's own attributes: `torch.allclose = …`."""
    targets: list[ast.expr] = []
    line = getattr(node, "lineno", 0)
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Call) and names.called(node) == "setattr" and node.args:
        targets = (
            [ast.Attribute(node.args[0], names.text(node.args[1]) or "…", ast.Store())]
            if (len(node.args) > 1)
            else []
        )
    for target in targets:
        if isinstance(target, ast.Attribute):
            for path in names.resolve(target.value):
                if path[0] in LIBRARIES or path[0] in ("sys", "builtins", "os", "time"):
                    yield line, f"replaces {'.'.join((*path, target.attr))}"
