"""The book's own directives: numbered captions, margin notes, questions answered in the page."""

from __future__ import annotations

import re
from html import escape
from typing import Any, ClassVar, cast

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains.std import StandardDomain
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

LOGGER = logging.getLogger(__name__)
KINDS = {"fig": "Figure", "tbl": "Table"}
TAKEN = "the label %s is already used in %s.md; choose another"
MARK = re.compile(r"^\s*\[([ xX])\]\s+")


class caption_line(nodes.Part, nodes.TextElement):
    """The caption of the output above it, numbered within its page."""


class margin_note(nodes.General, nodes.Element):
    """A note beside the text."""


class aside(nodes.General, nodes.Element):
    """A derivation that is folded: its title, then its text."""


class aside_title(nodes.Part, nodes.TextElement):
    """The line of an aside that is shown."""


class question(nodes.General, nodes.Element):
    """A question with a few answers; `prompt` holds its text."""


class question_prompt(nodes.Part, nodes.TextElement):
    """The text of a question."""


class answer(nodes.General, nodes.Element):
    """One answer: its text, then what is said of it when it is chosen."""


class answer_text(nodes.Part, nodes.TextElement):
    """The text of an answer, beside its radio button."""


class Caption(SphinxDirective):
    """`:::{caption} fig-path` numbers and labels the figure or table (`tbl-…`) above it."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        label = self.arguments[0]
        kind = label.partition("-")[0]
        if kind not in KINDS:
            raise self.error(f"label {label!r} must begin with 'fig-' or 'tbl-'")
        box = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, box)
        if not box.children or not all(isinstance(part, nodes.paragraph) for part in box.children):
            raise self.error(f"caption {label} needs a sentence or a few, and nothing else")
        node = caption_line(kind=kind, label=label, ids=[label], names=[label])
        for paragraph in box.children:
            node += [nodes.Text(" "), *paragraph.children]
        self.set_source_info(node)
        return [node]


class Margin(SphinxDirective):
    """`:::{margin}` a short note that stands in the margin where there is one."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        node = margin_note()
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node]


class Aside(SphinxDirective):
    """`:::{aside} Title` folds a derivation that serves rigour only: read it, or read on."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        inline, messages = self.state.inline_text(self.arguments[0], self.lineno)
        node = aside()
        node += aside_title("", "", *inline)
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node, *messages]


class SelfCheck(SphinxDirective):
    """`:::{self-check} Question?` with a list of `- [ ]` and `- [x]` answers and their replies."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    serial: ClassVar[str] = "self-check"

    def run(self) -> list[nodes.Node]:
        inline, messages = self.state.inline_text(self.arguments[0], self.lineno)
        box = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, box)
        lists = [child for child in box.children if isinstance(child, nodes.bullet_list)]
        if len(lists) != 1 or len(box.children) != 1:
            raise self.error("self-check needs one list of answers and nothing else")
        node = question(name=f"{self.serial}-{self.env.new_serialno(self.serial)}")
        node += question_prompt("", "", *inline)
        for item in lists[0].children:
            node += self._answer(item)
        if sum(child.get("right", False) for child in node.children) != 1:
            raise self.error("self-check needs exactly one answer marked [x]")
        return [node, *messages]

    def _answer(self, item: nodes.list_item) -> answer:
        first, *reply = item.children or [nodes.paragraph()]
        mark = MARK.match(first.children[0].astext() if first.children else "")
        if not mark or not reply:
            raise self.error("each answer is `- [ ] text` or `- [x] text`, then an indented reply")
        text = first.children[0]
        first[0] = nodes.Text(text.astext()[mark.end() :])
        node = answer(right=mark.group(1) != " ")
        node += answer_text("", "", *first.children)
        node += reply
        return node


def number_captions(app: Sphinx, doctree: nodes.document) -> None:
    """Number captions 1, 2, … within the page, and let `{ref}` name them."""
    docname = app.env.docname
    domain = cast(StandardDomain, app.env.get_domain("std"))
    pages: dict[str, dict[str, int]] = app.env.__dict__.setdefault("introml_captions", {})
    own = pages[docname] = {}
    counts: dict[str, int] = {}
    for node in doctree.findall(caption_line):
        kind = node["kind"]
        counts[kind] = counts.get(kind, 0) + 1
        node["title"] = f"{KINDS[kind]} {counts[kind]}"
        label = node["label"].lower()
        if label in own:
            LOGGER.warning(TAKEN, label, docname, location=node)
        own[label] = node.line or 0
        domain.labels[label] = (docname, node["ids"][0], node["title"])
        domain.anonlabels[label] = (docname, node["ids"][0])


def check_labels(app: Sphinx, env: Any) -> None:
    """No two pages use one label; asked once all pages are read, for they may have swapped them."""
    first: dict[str, str] = {}
    for docname, labels in sorted(env.__dict__.get("introml_captions", {}).items()):
        for label, line in labels.items():
            if first.setdefault(label, docname) != docname:
                LOGGER.warning(TAKEN, label, first[label], location=(docname, line))


def forget_labels(app: Sphinx, env: Any, docname: str) -> None:
    env.__dict__.get("introml_captions", {}).pop(docname, None)


def _visit_caption(self: HTML5Translator, node: caption_line) -> None:
    self.body.append(self.starttag(node, "p", CLASS="caption-line"))
    self.body.append(f'<span class="caption-number">{node["title"]}</span>')


def _depart_caption(self: HTML5Translator, node: caption_line) -> None:
    self.body.append("</p>\n")


def _visit_margin(self: HTML5Translator, node: margin_note) -> None:
    self.body.append('<aside class="margin-note" aria-label="Side note">')


def _depart_margin(self: HTML5Translator, node: margin_note) -> None:
    self.body.append("</aside>\n")


def _visit_aside(self: HTML5Translator, node: aside) -> None:
    self.body.append('<details class="aside">')


def _depart_aside(self: HTML5Translator, node: aside) -> None:
    self.body.append("</details>\n")


def _visit_aside_title(self: HTML5Translator, node: aside_title) -> None:
    self.body.append("<summary>")


def _depart_aside_title(self: HTML5Translator, node: aside_title) -> None:
    self.body.append("</summary>")


def _visit_question(self: HTML5Translator, node: question) -> None:
    self.body.append('<fieldset class="self-check">')


def _depart_question(self: HTML5Translator, node: question) -> None:
    self.body.append("</fieldset>\n")


def _visit_prompt(self: HTML5Translator, node: question_prompt) -> None:
    self.body.append("<legend>")


def _depart_prompt(self: HTML5Translator, node: question_prompt) -> None:
    self.body.append("</legend>")


def _visit_answer(self: HTML5Translator, node: answer) -> None:
    name = node.parent["name"]
    ident = f"{name}-{node.parent.index(node)}"
    verdict = "right" if node["right"] else "wrong"
    # The reply is shown by style alone (:checked), so that it works without any script.
    # Not every screen reader names a control by a formula: then its TeX is the name.
    label = node.children[0]
    words = "".join(c.astext() for c in label.children if not isinstance(c, nodes.math))
    formula = not any(letter.isalnum() for letter in words)
    spoken = f' aria-label="{escape(label.astext(), quote=True)}"' if formula else ""
    self.body.append(
        f'<div class="answer {verdict}"><input type="radio" name="{name}" id="{ident}"{spoken}'
        f' aria-describedby="{ident}-reply">'
        f'<label for="{ident}">'
    )
    node["ident"] = ident


def _depart_answer(self: HTML5Translator, node: answer) -> None:
    self.body.append("</div></div>\n")


def _depart_answer_text(self: HTML5Translator, node: answer_text) -> None:
    verdict = "Right." if node.parent["right"] else "Not so."
    self.body.append(
        f'</label><div class="reply" id="{node.parent["ident"]}-reply" role="status">'
        f'<span class="verdict">{verdict}</span>'
    )


def _nothing(self: Any, node: nodes.Node) -> None:
    pass


def setup(app: Sphinx) -> None:
    app.add_directive("caption", Caption)
    app.add_directive("margin", Margin)
    app.add_directive("aside", Aside)
    app.add_directive("self-check", SelfCheck)
    app.add_node(caption_line, html=(_visit_caption, _depart_caption))
    app.add_node(margin_note, html=(_visit_margin, _depart_margin))
    app.add_node(aside, html=(_visit_aside, _depart_aside))
    app.add_node(aside_title, html=(_visit_aside_title, _depart_aside_title))
    app.add_node(question, html=(_visit_question, _depart_question))
    app.add_node(question_prompt, html=(_visit_prompt, _depart_prompt))
    app.add_node(answer, html=(_visit_answer, _depart_answer))
    app.add_node(answer_text, html=(_nothing, _depart_answer_text))
    app.connect("env-purge-doc", forget_labels)
    app.connect("doctree-read", number_captions)
    app.connect("env-check-consistency", check_labels)
