"""What results of code depend on, found without running it: modules of introml, data of assets/.

The scan errs on the side of too much. A name that is only mentioned counts as used, since running a
page or a grading once too often costs seconds, and a stale result costs trust.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "introml"
#: Folders of assets/ whose files pages compute with; figures, fonts and styles are not among them.
DATA_FOLDERS = ("data", "facts", "recordings")

_MENTION = re.compile(rf"\b{PACKAGE}(?:\.\w+)+")
_FROM_IMPORT = re.compile(rf"\bfrom\s+({PACKAGE}[\w.]*)\s+import\s+\(?([\w,\s]+)")
#: The beginning of an asset's name, from which a computed name is made.
_ASSET_NAME = re.compile(rf"(?:{'|'.join(DATA_FOLDERS)})(?:/|$)")
#: A path that reaches assets/ without the function `asset`.
_ASSETS_PATH = re.compile(r"(?:^|/)_?assets(?:/|$)")
#: Functions that import what no static scan can see.
_DYNAMIC = {"import_module", "__import__", "iter_modules", "walk_packages"}
#: Files beside a module that do not change what Python computes: today's JavaScript and styles are
#: put into a page when it is written, and other modules count by themselves.
_NOT_DATA = {".py", ".pyc", ".js", ".mjs", ".ts", ".css", ".map", ".html", ".md", ".svg"}


@dataclass(frozen=True)
class Scan:
    """What a piece of Python refers to.

    `imports` are dotted names under introml; the last parts may be attributes of a module. `assets`
    are names under assets/: exact, or beginnings marked by a final `*`. Where a name is `computed`,
    it is one that begins like a string of `names`, here or in another module.

    `dynamic` code imports by computed names. A `lazy` module looks its attributes up when they are
    asked for, in modules of its package, or where its stub `__init__.pyi` says; `defines` are the
    functions, classes, values of a module.
    """

    imports: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    computed: bool = False
    names: tuple[str, ...] = ()
    dynamic: bool = False
    lazy: bool = False
    defines: tuple[str, ...] = ()


def scan_cells(sources: Iterable[str]) -> Scan:
    """The scan of a page's code cells, magics and cells with deliberate syntax errors included."""
    found = []
    for source in sources:
        tree, rest = _parsed(source)
        assets = ("*",) if "asset" in rest else ()
        found += [_scan_tree(tree, package=""), Scan(_sorted(_mentions(rest)), assets)]
    return Scan(
        imports=_sorted(name for scan in found for name in scan.imports),
        assets=_sorted(name for scan in found for name in scan.assets),
        computed=any(scan.computed for scan in found),
        names=_sorted(name for scan in found for name in scan.names),
        dynamic=any(scan.dynamic for scan in found),
    )


def scan_module(source: str, name: str, *, is_package: bool) -> Scan:
    """The scan of a module of introml called `name`, e.g. `introml.data.digits`."""
    package = name if is_package else name.rpartition(".")[0]
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        # Pages that import it will fail, and say so; until then its text must do.
        return Scan(_sorted(_mentions(source)))
    # book/assets.py is what turns names into paths: its own paths are not data that it reads.
    return _scan_tree(tree, package, paths=name != f"{PACKAGE}.book.assets")


class Modules:
    """The modules of the introml in one checkout. `scan` gives the `Scan` of a module's file."""

    def __init__(self, root: Path, scan: Callable[[Path], Scan]) -> None:
        self._root, self._scan = root, scan
        self._found: dict[str, list[Path]] = {}
        self._data: dict[Path, list[Path]] = {}

    def closure(self, start: Scan) -> set[Path]:
        """The files of all modules that running the scanned code imports, directly or not."""
        seen: set[Path] = set()
        found = {path for name in start.imports for path in self._files(name)}
        if start.dynamic:
            found |= set((self._root / PACKAGE).rglob("*.py"))
        while found:
            path = found.pop()
            seen.add(path)
            scan = self._scan(path)
            new = {other for name in scan.imports for other in self._files(name)}
            if scan.dynamic:
                new |= set(path.parent.rglob("*.py"))
            found |= new - seen
        return seen

    def with_data(self, modules: set[Path]) -> set[Path]:
        """The modules and the data files that belong to them."""
        for module in modules - self._data.keys():
            self._data[module] = list(data_beside(module))
        return modules.union(*(self._data[module] for module in modules))

    def _files(self, name: str) -> list[Path]:
        """The files that `import name` runs: each package on the way, then the module."""
        if name not in self._found:
            self._found[name] = self._look_up(name.split("."))
        return self._found[name]

    def _look_up(self, parts: list[str]) -> list[Path]:
        files, folder = [], self._root
        for part in parts:
            package, module = folder / part / "__init__.py", folder / f"{part}.py"
            if package.is_file():
                files.append(package)
            elif module.is_file():
                return [*files, module]
            elif not (folder / part).is_dir():
                return files + self._lazy_modules(files, folder, part)
            folder = folder / part
        return files + self._lazy_modules(files, folder, None)

    def _lazy_modules(self, files: list[Path], folder: Path, name: str | None) -> list[Path]:
        """The modules in which a lazy package finds the attribute; all of them for `None`."""
        package = folder / "__init__.py"
        if package not in files or not self._scan(package).lazy:
            return []
        if (stub := folder / "__init__.pyi").is_file():
            handed_on = self._scan(stub).imports
            wanted = [one for one in handed_on if name in (None, one.rpartition(".")[2])]
            if wanted:
                return [path for one in wanted for path in self._files(one) if path not in files]
        modules = sorted(set(folder.rglob("*.py")) - {package})
        return [path for path in modules if name in self._scan(path).defines] or modules


def data_beside(module: Path) -> Iterator[Path]:
    """The data files that belong to a module: those beside it, and in a folder of its own name."""
    own = module.with_suffix("")
    places = [module.parent.iterdir(), own.rglob("*") if own.is_dir() else ()]
    for place in places:
        for path in place:
            hidden = path.name.startswith(".")
            if not hidden and path.suffix not in _NOT_DATA and path.is_file():
                yield path


def assets_matching(files: Iterable[str], scans: Iterable[Scan]) -> set[str]:
    """Of the files under assets/, given by name, those that the scanned code reaches together."""
    scans = list(scans)
    patterns = {pattern for scan in scans for pattern in scan.assets}
    if any(scan.computed for scan in scans):
        # What a computed name begins with has to stand somewhere.
        patterns |= {f"{name}*" for scan in scans for name in scan.names} or {"*"}
    reached: set[str] = set()
    for pattern in patterns:
        if pattern == "*":
            reached |= {name for name in files if name.split("/")[0] in DATA_FOLDERS}
        elif pattern.endswith("*"):
            reached |= {name for name in files if name.startswith(pattern[:-1])}
        else:
            reached |= {name for name in files if name == pattern or name.startswith(f"{pattern}/")}
    return reached


def _parsed(source: str) -> tuple[ast.Module, str]:
    """A cell as a syntax tree, and the text of it that is not Python: magics and shell commands.

    All of a cell that is not Python even without them is such text.
    """
    try:
        return ast.parse(source), ""
    except (SyntaxError, ValueError):
        python, rest = [], []
        for line in source.split("\n"):
            command = re.match(r"(\s*)(?:[\w, ]+=\s*)?[%!]", line)
            if command or line.rstrip().endswith("?"):
                rest.append(line)
                # An indented command may be all that a block holds.
                line = f"{command[1]}pass" if command else ""
            python.append(line)
    try:
        return ast.parse("\n".join(python)), "\n".join(rest)
    except (SyntaxError, ValueError):
        return ast.Module([], []), source


def _mentions(text: str) -> set[str]:
    names = set(_MENTION.findall(text))
    for module, attributes in _FROM_IMPORT.findall(text):
        given = [name.split()[0] for name in attributes.split(",") if name.strip()]
        names |= {f"{module}.{name}" for name in given}
    return names


def _scan_tree(tree: ast.Module, package: str, *, paths: bool = True) -> Scan:
    imports: set[str] = set()
    assets: set[str] = set()
    names: set[str] = set()
    named: set[str] = set()
    computed = dynamic = lazy = False
    lookups = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "__getattr__"]
    passed_over = {id(node) for lookup in lookups for node in ast.walk(lookup)}
    passed_over |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    called = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            imports |= {f"{base}.{alias.name}" for alias in node.names}
            computed |= any(alias.name == "asset" and alias.asname for alias in node.names)
        elif isinstance(node, ast.Call) and _name(node.func) == "asset":
            called.add(id(node.func))
            pattern = _asset_pattern(node)
            computed |= pattern is None
            assets |= {pattern} - {None}
        elif _name(node) == "asset" and id(node) not in called:
            computed = True  # the function itself is handed on
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) in passed_over:  # documentation, or a name to look up
                continue
            if _MENTION.fullmatch(node.value):
                named.add(node.value)
            else:
                imports |= _mentions(node.value)
            names |= {node.value} if _ASSET_NAME.match(node.value) else set()
            if paths and _ASSETS_PATH.search(node.value):
                assets.add("*")
        dynamic |= _name(node) in _DYNAMIC and id(node) not in passed_over
        lazy |= _name(node) == "attach_stub"
    # A package that is only named, as in `python -m …`, hands nothing on but by computed imports.
    imports |= named if dynamic else {f"{name}.__init__" for name in named}
    return Scan(
        imports=_sorted(n for n in imports if n == PACKAGE or n.startswith(f"{PACKAGE}.")),
        assets=_sorted(assets),
        computed=computed,
        names=_sorted(names),
        dynamic=dynamic,
        lazy=lazy or bool(lookups),
        defines=_sorted(name for node in tree.body for name in _defined(node)),
    )


def _name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = [node for target in targets for node in ast.walk(target)]
        return [node.id for node in names if isinstance(node, ast.Name)]
    return []


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _asset_pattern(call: ast.Call) -> str | None:
    """What `asset(...)` reaches: a name, the beginning of a formatted one, `None` if computed."""
    argument = call.args[0] if call.args else None
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    if isinstance(argument, ast.JoinedStr) and isinstance(argument.values[0], ast.Constant):
        return f"{argument.values[0].value}*"
    return None
