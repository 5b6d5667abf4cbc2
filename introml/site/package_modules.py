"""The modules that the book's pages document, read from their source and never imported.

A page in `book/package/` names each of its modules in a line `:::{package-module} introml.<name>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import griffe

FOLDER = "book/package/"
WIDGET = "introml.widgets.base.Widget"
MODULE_LINE = re.compile(r"^:{3,}\{package-module\} *([\w.]+) *$", re.MULTILINE)


class Package:
    """What is public in the documented modules, and which page it is on. `root` is the book's."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._read: dict[Path, griffe.Module] = {}

    @cached_property
    def pages(self) -> dict[str, list[str]]:
        """Page -> the modules that it documents, both in reading order."""
        from introml.site.pages import book_pages

        pages = [page for page in book_pages(self.root) if page.docname.startswith(FOLDER)]
        return {
            page.docname: MODULE_LINE.findall(page.path.read_text(encoding="utf-8"))
            for page in pages
        }

    @cached_property
    def modules(self) -> list[str]:
        return [name for names in self.pages.values() for name in names]

    @cached_property
    def names(self) -> dict[str, griffe.Object]:
        """Full name -> what it names, of all that is documented: modules, members, methods."""
        found: dict[str, griffe.Object] = {}
        for name in self.modules:
            found[name] = module = self.module(name)
            for member in public_members(module):
                found[member.path] = member
                if isinstance(member, griffe.Class):
                    found |= {inner.path: inner for inner in class_members(member)}
        return found

    def page_of(self, name: str) -> str:
        """The page on which a documented name stands."""
        while name not in self.modules:
            name = name.rpartition(".")[0]
        return next(page for page, modules in self.pages.items() if name in modules)

    def path(self, name: str) -> Path:
        """The file of a module. Raises `FileNotFoundError` when there is none."""
        stem = self.root.joinpath(*name.split("."))
        for path in (stem.with_suffix(".py"), stem / "__init__.py"):
            if path.is_file():
                return path
        raise FileNotFoundError(f"there is no module {name}: neither {stem}.py nor a folder of it")

    def module(self, name: str) -> griffe.Module:
        """A module as it stands in its file. Raises `FileNotFoundError`."""
        return self._visit(name, self.path(name))

    def _visit(self, name: str, path: Path) -> griffe.Module:
        if path not in self._read:
            source = path.read_text(encoding="utf-8")
            self._read[path] = griffe.visit(name, filepath=path, code=source)
        return self._read[path]

    def documented(self, module: str, name: str) -> str | None:
        """The full name of what `name` means in a module; None if no page documents it."""
        full = self._resolved(module, name)
        if full in self.names:
            return full
        # A package that loads lazily what its modules define: `introml.widgets.LineFit`.
        package, _, last = full.rpartition(".")
        if self._is_lazy(package):
            inside = [f"{one}.{last}" for one in self.modules if one.startswith(f"{package}.")]
            return next((one for one in inside if one in self.names), None)
        return None

    def _resolved(self, module: str, name: str) -> str:
        try:
            # What a package hands on stands in its stub, if it has one.
            stub = self.root.joinpath(*module.split("."), "__init__.pyi")
            scope = self._visit(module, stub) if stub.is_file() else self.module(module)
            return scope.resolve(name)
        except (FileNotFoundError, griffe.NameResolutionError):
            return f"{module}.{name}"

    def _is_lazy(self, package: str) -> bool:
        """Whether a package looks its names up in its modules when they are asked for."""
        try:
            return "__getattr__" in self.module(package).members
        except FileNotFoundError:
            return False


#: What is described, a thing of its own.
Member = griffe.Class | griffe.Function | griffe.Attribute


def public_members(module: griffe.Module) -> Iterator[Member]:
    """A module's own functions and classes without an underscore, and values with a docstring.

    A widget comes before what helps it. The types of its traits are left out: what they take stands
    with each trait.
    """
    yield from sorted(_public_members(module), key=lambda member: not is_widget(member))


def _public_members(module: griffe.Module) -> Iterator[Member]:
    for name, member in module.members.items():
        if name.startswith("_") or not isinstance(member, Member):
            continue
        if member.is_attribute and not member.docstring:
            continue
        if isinstance(member, griffe.Class) and _is_trait_type(member):
            continue
        yield member


def class_members(cls: griffe.Class) -> Iterator[Member]:
    """A class's own public methods, properties and fields, those that have a docstring."""
    for name, member in cls.members.items():
        if not name.startswith("_") and isinstance(member, Member) and member.docstring:
            yield member


def is_widget(member: griffe.Object) -> bool:
    return isinstance(member, griffe.Class) and WIDGET in base_names(member)


def base_names(cls: griffe.Class) -> list[str]:
    """The full names of the classes that it is made from."""
    return [getattr(base, "canonical_path", str(base)) for base in cls.bases]


def _is_trait_type(cls: griffe.Class) -> bool:
    return any(
        name == "traitlets.TraitType" or name.startswith("introml.widgets.traits.")
        for name in base_names(cls)
    )


def signature(member: Member) -> str:
    """The name with its parameters, their types and defaults, and what is returned."""
    if isinstance(member, griffe.Attribute):
        return member.name
    if isinstance(member, griffe.Class) and "dataclass" in member.labels:
        fields = [
            f"{name}: {field.annotation}" + (f" = {field.value}" if field.value else "")
            for name, field in member.members.items()
            if isinstance(field, griffe.Attribute) and field.annotation
        ]
        return f"{member.name}({', '.join(fields)})"
    if isinstance(member, griffe.Class) and "__init__" not in member.members:
        return member.name
    return member.signature()


def kind(member: Member) -> str:
    """The directive of Sphinx's Python domain that describes it."""
    inside_class = isinstance(member.parent, griffe.Class)
    if isinstance(member, griffe.Class):
        is_error = any(name.endswith(("Exception", "Error")) for name in base_names(member))
        return "py:exception" if is_error else "py:class"
    if member.is_attribute:
        if "property" in member.labels:
            return "py:property"
        return "py:attribute" if inside_class else "py:data"
    return "py:method" if inside_class else "py:function"
