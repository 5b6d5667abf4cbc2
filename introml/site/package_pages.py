"""The package's pages: `{package-module}` documents a module, `{package-modules}` lists all."""

from __future__ import annotations

import reprlib
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any

import griffe
from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from introml.site.docstrings import markdown_lines, name_sentences, set_scripts
from introml.site.package_modules import (
    Member,
    Package,
    class_members,
    is_widget,
    kind,
    public_members,
    signature,
)

#: A value longer than this says less than its name.
LONGEST_VALUE = 60
#: A signature longer than this is written with a line for each parameter.
LONGEST_SIGNATURE = 68


class listing(nodes.General, nodes.Element):
    """A module's source, folded away under a line that names it."""


def package(app: Sphinx) -> Package:
    """The package as it is in this build."""
    if not hasattr(app, "introml_package"):
        app.introml_package = Package(app.srcdir)  # type: ignore[attr-defined]
    return app.introml_package  # type: ignore[attr-defined]


class _PackageDirective(SphinxDirective):
    """What both directives do with text: parse it, set it, and link the names in it."""

    @property
    def package(self) -> Package:
        return package(self.env.app)

    def parse(self, lines: list[str]) -> list[nodes.Node]:
        box = nodes.Element()
        self.state.nested_parse(StringList(lines), self.content_offset, box)
        return box.children

    def docstring(self, member: griffe.Object) -> list[nodes.Node]:
        """The docstring's nodes, with the places where they come from, for warnings."""
        if not member.docstring:
            return []
        parts = self.parse(markdown_lines(member.docstring.value))
        for part in parts:
            for node in part.findall(nodes.Element):
                node.source, node.line = str(member.module.filepath), member.docstring.lineno
            for literal in list(part.findall(nodes.literal)):
                self._link(literal, member)
        set_scripts(parts)
        return parts

    def _link(self, literal: nodes.literal, member: griffe.Object) -> None:
        """Make a name in code font a link to what it names, unless that is where it stands."""
        text = literal.astext()
        if not text.replace(".", "").replace("_", "").removesuffix("()").isalnum():
            return
        full = self.package.documented(member.module.path, text.removesuffix("()"))
        if full and full not in (member.path, getattr(member.parent, "path", "")):
            reference = _reference(full)
            literal.replace_self(reference)
            reference += literal

    def depends_on(self, module: str) -> None:
        """Have the page written anew when the module's file changes."""
        self.env.note_dependency(str(self.package.path(module)))


class Module(_PackageDirective):
    """`:::{package-module} introml.convolution`: its docstring, what is public in it, its lines."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        try:
            module = self.package.module(name)
        except FileNotFoundError as problem:
            raise self.error(str(problem)) from None
        self.depends_on(name)
        found = self.parse([f"```{{py:module}} {name}", "```"])
        found += self.docstring(module)
        for member in public_members(module):
            found += self._entry(member)
        return [*found, _listing(module)]

    def _entry(self, member: Member) -> list[nodes.Node]:
        """What Sphinx's Python domain makes of the member, with its docstring and members."""
        lines = [f"```{{{kind(member)}}} {signature(member)}", f":module: {member.module.path}"]
        labels = member.labels & {"classmethod", "staticmethod"}
        lines += [f":{label}:" for label in sorted(labels)]
        if isinstance(member, griffe.Attribute):
            if member.annotation:
                lines.append(f":type: {member.annotation}")
            if 0 < len(str(member.value or "")) <= LONGEST_VALUE:
                lines.append(f":value: {member.value}")
        entry = self.parse([*lines, "```"])
        for described in (part for part in entry if isinstance(part, addnodes.desc)):
            head, body = described[0], described[-1]
            self._link_types(head, member)
            if len(signature(member)) > LONGEST_SIGNATURE:
                head["classes"].append("long")
            head += nodes.reference(
                "", "source", refid=_anchor(member), internal=True, classes=["to-source"]
            )
            body += self.docstring(member)
            name_sentences(body.children)
            if isinstance(member, griffe.Class):
                body += self._class_body(member)
        return entry

    def _class_body(self, cls: griffe.Class) -> list[nodes.Node]:
        found: list[nodes.Node] = []
        if is_widget(cls):
            self.depends_on("introml.widgets.traits")
            found += self.parse(traits_table(cls.path))
        for member in class_members(cls):
            # Each description takes the class away again when it ends.
            self.env.ref_context["py:class"] = cls.name
            found += self._entry(member)
        self.env.ref_context["py:class"] = None
        return found

    def _link_types(self, head: nodes.Element, member: griffe.Object) -> None:
        """In a signature, link the types that the package documents; the others are words."""
        for reference in list(head.findall(addnodes.pending_xref)):
            full = self.package.documented(member.module.path, reference["reftarget"])
            if full:
                reference["reftarget"], reference["reftype"] = full, "obj"
            else:
                reference.replace_self(reference.children)


class Modules(_PackageDirective):
    """`:::{package-modules}`: every documented module, with the first line of its docstring."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency("_toc.yml")
        lines = []
        for page, modules in self.package.pages.items():
            self.env.note_dependency(f"{page}.md")
            if len(modules) > 1:
                lines.append(f"- {{doc}}`/{page}`")
            for name in modules:
                self.depends_on(name)
                indent = "  " if len(modules) > 1 else ""
                lines.append(f"{indent}- {{py:mod}}`{name}`: {self._first_line(name)}")
        return self.parse(lines)

    def _first_line(self, name: str) -> str:
        docstring = self.package.module(name).docstring
        return docstring.value.partition("\n")[0] if docstring else ""


def _reference(full_name: str) -> addnodes.pending_xref:
    return addnodes.pending_xref(
        "", refdomain="py", reftype="obj", reftarget=full_name, refexplicit=True, refwarn=True
    )


def _anchor(member: griffe.Object) -> str:
    """Where a member's lines begin in the listing; those of a method's class, and of a value's."""
    while isinstance(member.parent, griffe.Class):
        member = member.parent
    return f"source-{member.path}"


def _listing(module: griffe.Module) -> listing:
    """The module's lines, in one block for each public member, so that each has an address."""
    assert isinstance(module.filepath, Path)  # not several, as of a package without __init__
    lines = module.filepath.read_text(encoding="utf-8").splitlines()
    starts = {member.lineno or 1: _anchor(member) for member in public_members(module)}
    cuts = [1, *(_with_comment(lines, line) for line in sorted(starts)), len(lines) + 1]
    anchors = ["", *(starts[line] for line in sorted(starts))]
    box = listing(name=module.path, lines=len(lines))
    for anchor, first, end in zip(anchors, cuts[:-1], cuts[1:], strict=True):
        text = "\n".join(lines[first - 1 : end - 1]).rstrip()
        blank = "\n" * (end - first - len(text.splitlines())) if end <= len(lines) else ""
        if text:
            block = nodes.literal_block(text + blank, text + blank, language="python")
            block["ids"] = [anchor] if anchor else []
            box += block
    return box


def _with_comment(lines: list[str], line: int) -> int:
    """The first line of the comment right above; the line itself where there is none."""
    while line > 1 and lines[line - 2].startswith("#"):
        line -= 1
    return line


def traits_table(class_path: str) -> list[str]:
    """The traits of a widget that a reader may set, as a Markdown table."""
    module, _, name = class_path.rpartition(".")
    cls = getattr(import_module(module), name)
    traits = cls.class_traits()
    rows = [
        f"| `{trait}` | {_default(traits[trait])} | {traits[trait].help}: {_takes(traits[trait])} |"
        for trait in cls.__dict__
        if trait in cls.public_traits()
    ]
    return ["", "| trait | default | meaning: what it takes |", "|---|---|---|", *rows, ""]


def _default(trait: Any) -> str:
    value = trait.default()
    text = reprlib.repr(value)
    if isinstance(value, list | tuple) and len(text) > 24:
        inner = f" × {len(value[0])}" if isinstance(value[0], list | tuple) else ""
        return f"{len(value)}{inner} numbers"
    return f"`{text}`"


def _takes(trait: Any) -> str:
    """What a trait takes, in words."""
    from introml.widgets import traits

    if isinstance(trait, traits.Switch):
        return "`True` or `False`"
    if isinstance(trait, traits.Choice):
        return ", ".join(f"`{option!r}`" for option in trait.options)
    if isinstance(trait, traits.Whole):
        return f"a whole number, {_span(trait.low, trait.high)}"
    if isinstance(trait, traits.Real):
        return f"a number, {_span(trait.low, trait.high)}"
    words = (type(trait).__doc__ or "").strip().partition("\n")[0]
    if type(trait) is traits.Numbers:
        form = "a list of" if trait.dims == 1 else "a rectangle of"
        sizes = _span(trait.least, trait.most) + ("" if trait.dims == 1 else " each way")
        return f"{form} {sizes} numbers, each {_span(trait.low, trait.high)}"
    return words[:1].lower() + words[1:].rstrip(".")


def _span(low: float, high: float) -> str:
    """`2` if that is all there is, `−1,000,000 to 1,000,000` otherwise."""
    ends = [f"{one:,.10g}".replace("-", "−") for one in (low, high)]
    return ends[0] if low == high else " to ".join(ends)


def _visit_listing(self: HTML5Translator, node: listing) -> None:
    name = escape(node["name"])
    self.body.append(
        f'<details class="listing"><summary>Source of <code>{name}</code>, {node["lines"]} lines'
        "</summary>\n"
    )


def _depart_listing(self: HTML5Translator, node: listing) -> None:
    self.body.append("</details>\n")


def _visit_parameters(self: HTML5Translator, node: addnodes.desc_parameterlist) -> None:
    # Sphinx's own markup is a list of definitions without terms, which screen readers stumble over.
    self.body.append('<span class="sig-paren">(</span>')


def _depart_parameters(self: HTML5Translator, node: addnodes.desc_parameterlist) -> None:
    self.body.append('<span class="sig-paren">)</span>')


def _visit_parameter(self: HTML5Translator, node: addnodes.desc_parameter) -> None:
    self.body.append('<em class="sig-param">')


def _depart_parameter(self: HTML5Translator, node: addnodes.desc_parameter) -> None:
    is_last = node is node.parent.children[-1]
    self.body.append("</em>" if is_last else ", </em>")


def setup(app: Sphinx) -> None:
    parameters, parameter = addnodes.desc_parameterlist, addnodes.desc_parameter
    app.add_node(parameters, override=True, html=(_visit_parameters, _depart_parameters))
    app.add_node(parameter, override=True, html=(_visit_parameter, _depart_parameter))
    app.add_directive("package-module", Module)
    app.add_directive("package-modules", Modules)
    app.add_node(listing, html=(_visit_listing, _depart_listing))
