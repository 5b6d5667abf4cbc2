"""Whether `_config.yml` and `_toc.yml` say what their author means: looked at before each build.

A slip is told in one line with its file, its line and what to do; a setting of Jupyter Book's that
this site does not have is named, so that nobody waits for its effect.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONFIG, CONTENTS = "_config.yml", "_toc.yml"
#: Settings of Jupyter Book's without effect here, and what there is instead.
WITHOUT_EFFECT = {
    "logo": "the title stands in its place",
    "html": "the theme is the book's own, and no page asks another host for anything",
    "latex": "no PDF is made; pages print well from a browser",
    "launch_buttons": "set introml.hub for links to your course's hub",
    "execute.cache": "the cache is _build/cache",
    "execute.exclude_patterns": "every notebook is executed; a file without a kernel is not",
    "execute.run_in_temp": "pages always run in a copy of their folder",
    "execute.allow_errors": "a cell that is meant to fail has the tag raises-exception",
    "execute.stderr_output": "what a cell writes there is shown",
    "execute.eval_regex": "no text is evaluated",
    "execute.raise_on_error": "a failing cell always fails the build",
    "execute.show_tb": "a failing cell's traceback is always shown",
    "repository.path_to_book": "pages lie where their names in _toc.yml say",
}
#: What the site adds to Jupyter Book's settings, and one that its schema leaves out.
_OWN = {
    "introml": {"type": "object", "properties": {"hub": {}, "errata": {}}},
    "only_build_toc_files": {"type": "boolean"},
}
_TOP_OF_CONTENTS = {
    "format",
    "root",
    "title",
    "defaults",
    "parts",
    "chapters",
    "sections",
    "options",
}
_ITEM = {"file", "url", "title", "glob", "sections", "subtrees", "entries", "options"}
_PART = {"caption", "chapters", "numbered", "maxdepth", "hidden", "titlesonly", "reversed"}


class WrongSettings(Exception):
    """What is wrong in the settings, a line for each slip."""


def check_settings(root: Path) -> list[str]:
    """Notes about settings that have no effect, each in one line. Raises `WrongSettings`."""
    wrong: list[str] = []
    config = _read(root, CONFIG, wrong) if (root / CONFIG).exists() else None
    contents = _read(root, CONTENTS, wrong)
    notes: list[str] = []
    if config is not None:
        wrong += _in_config(config)
        notes = list(_without_effect(config))
    if contents is not None:
        wrong += _in_contents(root, contents)
    if wrong:
        raise WrongSettings("\n".join(wrong))
    return notes


def _read(root: Path, name: str, wrong: list[str]) -> Any:
    """The file as YAML's nodes, which know their lines."""
    import yaml

    try:
        node = yaml.compose((root / name).read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        wrong.append(f"{name} is missing; a book has one, which names its pages in their order")
        return None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be read as YAML"
        wrong.append(f"{name}:{mark.line + 1 if mark else 1}: {problem}")
        return None
    if node is not None and not isinstance(node, yaml.MappingNode):
        wrong.append(f"{name}:1: it must consist of settings, `name: value`, one a line")
        return None
    return node


def _entries(node: Any) -> Iterator[tuple[str, int, Any]]:
    """The names of a mapping, each with its line and its value's node."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), key.start_mark.line + 1, value


def _plain(node: Any) -> Any:
    import yaml

    return yaml.SafeLoader("").construct_document(node)


def _schema() -> dict[str, Any]:
    import jupyter_book

    path = Path(jupyter_book.__file__).parent / "config_schema.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    schema["properties"] |= _OWN
    return schema


def _in_config(node: Any) -> Iterator[str]:
    schema = _schema()
    lines: dict[str, int] = {}
    yield from _unknown(CONFIG, node, schema, "", lines)
    from jsonschema import Draft7Validator

    for error in Draft7Validator(schema).iter_errors(_plain(node)):
        path = ".".join(str(part) for part in error.absolute_path)
        known = path
        while known and known not in lines:
            known = known.rpartition(".")[0]
        yield f"{CONFIG}:{lines.get(known, 1)}: {path} is {error.instance!r}; {_allowed(error)}"


def _allowed(error: Any) -> str:
    rule = error.schema
    if "enum" in rule:
        return f"it must be one of {', '.join(map(str, rule['enum']))}"
    if error.validator == "minimum":
        return f"it must be at least {rule['minimum']}"
    kinds = {
        "number": "a number", "string": "text", "boolean": "true or false", "array": "a list",
        "object": "a group of settings", "null": "empty",
    }  # fmt: skip
    wanted = rule.get("type", "")
    wanted = [wanted] if isinstance(wanted, str) else wanted
    return f"it must be {' or '.join(kinds.get(one, one) for one in wanted)}"


def _unknown(
    file: str, node: Any, schema: dict[str, Any], path: str, lines: dict[str, int]
) -> Iterator[str]:
    """Names that nobody reads, and those that stand twice; `lines` learns where each one stands."""
    known = schema.get("properties")
    for name, line, value in _entries(node):
        dotted = f"{path}{name}"
        if dotted in lines:
            yield (
                f"{file}:{line}: {dotted} stands in line {lines[dotted]} as well; one must go, "
                "since only the last would count"
            )
        lines[dotted] = line
        if known is None:
            continue
        if name not in known:
            yield f"{file}:{line}: there is no setting {dotted}{_meant(name, known)}"
        else:
            yield from _unknown(file, value, known[name], f"{dotted}.", lines)


def _meant(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"


def _without_effect(node: Any) -> Iterator[str]:
    for name, line, value in _entries(node):
        if name in WITHOUT_EFFECT:
            yield f"note: {CONFIG}:{line}: {name} has no effect here: {WITHOUT_EFFECT[name]}"
        for inner, place, _ in _entries(value):
            dotted = f"{name}.{inner}"
            if dotted in WITHOUT_EFFECT:
                reason = WITHOUT_EFFECT[dotted]
                yield f"note: {CONFIG}:{place}: {dotted} has no effect here: {reason}"


def _in_contents(root: Path, node: Any) -> Iterator[str]:
    names = {name for name, _, _ in _entries(node)}
    if "root" not in names:
        yield f"{CONTENTS}:1: there is no root; it names the book's first page: `root: intro`"
    seen: dict[str, int] = {}
    for name, line, value in _entries(node):
        if name not in _TOP_OF_CONTENTS:
            yield f"{CONTENTS}:{line}: there is no setting {name}{_meant(name, _TOP_OF_CONTENTS)}"
        elif name == "root":
            yield from _page(root, value, seen)
        elif name == "parts":
            for part in _items(value):
                yield from _listed(root, part, _PART, seen)
        elif name in ("chapters", "sections"):
            for item in _items(value):
                yield from _listed(root, item, _ITEM, seen)


def _items(node: Any) -> list[Any]:
    import yaml

    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _listed(root: Path, node: Any, known: set[str], seen: dict[str, int]) -> Iterator[str]:
    """What is wrong with a part, or with a page and those below it."""
    entries = list(_entries(node))
    if not entries:
        yield (
            f"{CONTENTS}:{node.start_mark.line + 1}: {_text(node)} is no entry; "
            "a page is named by `- file: its/name`"
        )
    for name, line, value in entries:
        if name not in known:
            yield f"{CONTENTS}:{line}: there is no setting {name}{_meant(name, known)}"
        elif name == "file":
            yield from _page(root, value, seen)
        elif name == "glob":
            yield (
                f"{CONTENTS}:{line}: pages are named by a pattern, {_text(value)}; name each page "
                "by itself, since the order in _toc.yml is the order of the book"
            )
        elif name in ("chapters", "sections", "entries"):
            for item in _items(value):
                yield from _listed(root, item, _ITEM, seen)


def _text(node: Any) -> str:
    return repr(getattr(node, "value", "")) if isinstance(getattr(node, "value", ""), str) else "it"


def _page(root: Path, node: Any, seen: dict[str, int]) -> Iterator[str]:
    line, name = node.start_mark.line + 1, str(node.value).removesuffix(".md")
    if name in seen:
        yield f"{CONTENTS}:{line}: {name} stands in line {seen[name]} as well; a page has one place"
    seen.setdefault(name, line)
    path = root / f"{name}.md"
    if path.is_file():
        return
    notebook = root / f"{name.removesuffix('.ipynb')}.ipynb"
    if notebook.is_file():
        stem = name.removesuffix(".ipynb")
        yield (
            f"{CONTENTS}:{line}: {stem}.ipynb is a notebook; pages are written in Markdown, and "
            f"`jupytext --to myst {stem}.ipynb` makes {stem}.md of it"
        )
        return
    near = [one for one in _pages_near(path) if one != name]
    hint = f"; did you mean {near[0]}?" if near else "; add the page or take the name out"
    yield f"{CONTENTS}:{line}: there is no file {name}.md{hint}"


def _pages_near(path: Path) -> list[str]:
    folder = path.parent
    if not folder.is_dir():
        return []
    return difflib.get_close_matches(path.stem, [one.stem for one in folder.glob("*.md")], 1, 0.7)
