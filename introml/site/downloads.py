"""Each page as a plain notebook with its outputs, for readers to take along.

JupyterLab knows nothing of the book's directives and roles: they become ordinary Markdown.
A caption becomes a line, a reference a link to the other notebook, a number its value.
"""

from __future__ import annotations

import ast
import json
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

FENCE = re.compile(r"^(\s*)(`{3,}|:{3,})\s*\{([\w:.-]+)\}\s*(.*?)\s*$")
PLAIN_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
OPTION = re.compile(r"^\s*:([\w-]+):\s*(.*?)\s*$")
TARGET = re.compile(r"^\([\w-]+\)=\s*$")
ROLE = re.compile(r"\{([\w:.-]+)\}`([^`]+)`")
NAMED = re.compile(r"^(.*?)\s*<([^<>]+)>$", re.DOTALL)
MARK = re.compile(r"^(\s*)- \[([ xX])\]\s+")
ADMONITIONS = {"note", "tip", "hint", "warning", "caution", "important", "attention", "margin"}
RECORD = "application/papermill.record/text/plain"


@dataclass
class Names:
    """What references mean: `labels` and `equations` of the whole book, the rest of this page."""

    docname: str
    labels: dict[str, tuple[str, str]]
    equations: dict[str, str]
    citations: dict[str, tuple[str, str]]
    values: dict[str, Any] = field(default_factory=dict)

    def link(self, text: str, docname: str) -> str:
        if docname == self.docname:
            return text
        path = os.path.relpath(docname, Path(self.docname).parent).replace(os.sep, "/")
        return f"[{text}]({path}.ipynb)"


def _role(name: str, content: str, names: Names) -> str:
    named = NAMED.match(content)
    text, target = (named.group(1), named.group(2)) if named else ("", content)
    if name in ("ref", "numref"):
        docname, title = names.labels.get(target.lower(), (names.docname, target))
        return names.link(text or title, docname)
    if name == "doc":
        docname = target.lstrip("/")
        _, title = names.labels.get(f"page:{docname}", (docname, docname))
        return names.link(text or title, docname)
    if name == "eq":
        return f"({names.equations.get(target.lower(), '?')})"
    if name.startswith("cite"):
        found = [names.citations.get(key.strip(), (key.strip(), "")) for key in target.split(",")]
        if name.endswith("t"):
            return "; ".join(f"{authors} ({year})" for authors, year in found)
        return "(" + "; ".join(f"{authors}, {year}" for authors, year in found) + ")"
    if name == "glue:text":
        key, _, spec = target.partition(":")
        value = names.values.get(key, target)
        return format(value, spec) if spec else str(value)
    if name == "math":
        return f"${target}$"
    return text or target


def _inline(line: str, names: Names) -> str:
    return ROLE.sub(lambda found: _role(found.group(1), found.group(2), names), line)


def _split_options(body: list[str]) -> tuple[dict[str, str], list[str]]:
    """The directive's options (`:key: value`, or between two `---` lines), and its content."""
    options: dict[str, str] = {}
    lines = list(body)
    if lines and lines[0].strip() == "---" and "---" in [line.strip() for line in lines[1:]]:
        end = [line.strip() for line in lines[1:]].index("---") + 1
        return options, lines[end + 1 :]
    while lines and (option := OPTION.match(lines[0])):
        options[option.group(1)] = option.group(2)
        lines.pop(0)
    return options, lines


def _answers(body: list[str]) -> list[str]:
    """The answers as a plain list, and the replies folded below it."""
    choices, replies = [], []
    for line in body:
        mark = MARK.match(line)
        if mark:
            choices.append(f"- {line[mark.end() :]}")
            right = "right" if mark.group(2) != " " else "wrong"
            replies.append(f"{len(choices)}. *{right}.*")
        elif line.strip() and choices:
            replies[-1] += f" {line.strip()}"
    folded = ["", "<details><summary>Answers</summary>", "", *replies, "", "</details>", ""]
    return [*choices, *folded]


def _directive(name: str, argument: str, body: list[str], names: Names) -> list[str]:
    options, content = _split_options(body)
    if name == "math":
        label = options.get("label")
        tag = rf" \tag{{{names.equations[label.lower()]}}}" if label else ""
        return [
            "",
            "$$",
            *([argument] if argument else []),
            *content,
            *([tag] if tag else []),
            "$$",
        ]
    if name == "caption":
        _, title = names.labels.get(argument.lower(), ("", argument))
        text = " ".join(_inline(line, names).strip() for line in content).strip()
        return ["", f"**{title}.** {text}", ""]
    if name == "self-check":
        asked = f"**{_inline(argument, names)}**"
        return ["", asked, "", *_answers([_inline(line, names) for line in content])]
    if name in ("exercise-start", "exercise"):
        _, title = names.labels.get(options.get("label", "").lower(), ("", "Exercise"))
        return ["", f"**{title}.**", "", *plain_lines(content, names)]
    if name in ("solution-start", "solution"):
        _, title = names.labels.get(argument.lower(), ("", "the exercise"))
        return ["", f"**Solution to {title.lower()}.**", "", *plain_lines(content, names)]
    if name in ("exercise-end", "solution-end"):
        return [""]
    if name == "aside":
        return ["", f"**{_inline(argument, names)}.**", "", *plain_lines(content, names)]
    if name in ("figure", "image"):
        return ["", f"![{options.get('alt', '')}]({argument})", "", *plain_lines(content, names)]
    inner = plain_lines(content, names)
    if name in ADMONITIONS or name == "admonition":
        title = argument if name == "admonition" else ""
        return ["", *(f"> {line}".rstrip() for line in ([f"**{title}**", ""] if title else [])),
                *(f"> {line}".rstrip() for line in inner), ""]  # fmt: skip
    return inner


def plain_lines(lines: list[str], names: Names) -> list[str]:
    """MyST Markdown -> ordinary Markdown, line by line."""
    out: list[str] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        opening = FENCE.match(line)
        plain = PLAIN_FENCE.match(line)
        marker = opening[2] if opening else plain[1] if plain else ""
        if marker:
            closing = re.compile(rf"^\s*{re.escape(marker[0])}{{{len(marker)},}}\s*$")
            end = position + 1
            while end < len(lines) and not closing.match(lines[end]):
                end += 1
            body = lines[position + 1 : end]
            if opening:
                out += _directive(opening.group(3), opening.group(4), body, names)
            else:
                out += lines[position : end + 1]
            position = end + 1
            continue
        if not TARGET.match(line):
            out.append(_inline(line, names))
        position += 1
    return out


def _quoted_values(notebook: NotebookNode) -> dict[str, Any]:
    """The values that cells gave a name with `introml.book.glue.glue`."""
    values = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            if name and RECORD in output.get("data", {}):
                text = "".join(output["data"][RECORD])
                try:
                    values[name] = ast.literal_eval(text)
                except ValueError:
                    values[name] = text
    return values


def plain_notebook(notebook: NotebookNode, names: Names) -> NotebookNode:
    """The notebook with its Markdown cells in ordinary Markdown; code and outputs as they are."""
    names.values = _quoted_values(notebook)
    kept = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = "\n".join(plain_lines(cell.source.split("\n"), names))
            cell.source = re.sub(r"\n{3,}", "\n\n", text).strip()
            if not cell.source:
                continue
        kept.append(cell)
    notebook.cells = kept
    return notebook


def write_downloads(root: Path, html: Path) -> list[str]:
    """Write `html/notebooks/<page>.ipynb` for each notebook page that was written since.

    Returns the docnames of the notebooks that were written.
    """
    import nbformat

    from introml.site.cache import BookCache
    from introml.site.execute import executed_notebook

    names = book_names(root / "_build")
    pages = BookCache(root).notebooks()
    folder, kept = html / "notebooks", {page.docname for page in pages}
    for old in folder.rglob("*.ipynb"):
        name = old.relative_to(folder).with_suffix("").as_posix()
        if name not in kept and not name.startswith("labs/"):  # those are the labs' own
            old.unlink()
    written = []
    for page in pages:
        target = html / "notebooks" / f"{page.docname}.ipynb"
        if not _holds(target, html / f"{page.docname}.html"):
            target.parent.mkdir(parents=True, exist_ok=True)
            notebook = plain_notebook(
                executed_notebook(root, page), replace(names, docname=page.docname)
            )
            nbformat.write(notebook, target)
            written.append(page.docname)
    return written


def _holds(notebook: Path, page: Path) -> bool:
    """Whether the notebook is as new as its page, which has the same words, outputs and names."""
    return notebook.exists() and notebook.stat().st_mtime_ns >= page.stat().st_mtime_ns


def book_names(build: Path) -> Names:
    """What the last build learnt of labels, equations and citations; for no page yet."""
    known = json.loads((build / "names.json").read_text(encoding="utf-8"))
    labels = {label: (entry[0], entry[1]) for label, entry in known["labels"].items()}
    citations = {key: (entry[0], entry[1]) for key, entry in known["citations"].items()}
    return Names("", labels, known["equations"], citations)
