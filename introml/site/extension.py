"""The Sphinx extension that makes Jupyter Book's build the book's site.

Jupyter Book 1.x brings the pages, the table of contents and the notebooks. This adds the theme,
formulas set at build time, widgets without a kernel, captions, margin notes, self-checks, folded
solutions, search and downloads, and leaves out what would ask another host for something.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import sphinx_exercise.nodes as exercise
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.config import Config
from sphinx.writers.html5 import HTML5Translator

import introml
from introml.book.style.figures import plotly_template
from introml.book.style.tokens import COLORS
from introml.site import (
    book_map,
    citation,
    directives,
    embed,
    equations,
    formulas,
    names,
    needs,
    numbering,
    outdated,
    package_links,
    package_pages,
    pictures,
    reading_time,
    search,
    ticks,
)
from introml.site.contents import contents_tree
from introml.site.publish import theme_scripts

HERE = Path(__file__).parent
#: Extensions of Jupyter Book's that this site does not need: they load scripts from a CDN, or icon
#: fonts and scripts for what the theme does itself.
UNWANTED = (
    "sphinx_togglebutton",
    "sphinx_copybutton",
    "sphinx_thebe",
    "sphinx_comments",
    "sphinx_design",
    "sphinx_book_theme",
    "sphinx.ext.intersphinx",
)


def _visit_solution(self: HTML5Translator, node: exercise.solution_node) -> None:
    title = node.children[0] if node.children and isinstance(node[0], nodes.title) else None
    text = title.astext() if title else "Solution"
    if title:
        node.remove(title)
    ident = f' id="{node["ids"][0]}"' if node.get("ids") else ""
    self.body.append(f'<details class="solution"{ident}><summary>{self.encode(text)}</summary>')


def _depart_solution(self: HTML5Translator, node: exercise.solution_node) -> None:
    self.body.append("</details>\n")


def unwrap_contents(app: Sphinx, doctree: nodes.document) -> None:
    """sphinx-exercise wraps each text in a section, every one with the same id: take those away."""
    for section in list(doctree.findall(nodes.section)):
        if section["ids"] in (["exercise-content"], ["solution-content"]):
            section["ids"] = []
            section.replace_self(section.children)


def wrap_tables(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """A wide table scrolls by itself; the page never does."""
    for table in list(doctree.findall(nodes.table)):
        box = nodes.container(classes=["table-scroll"])
        table.parent.replace(table, box)  # replace_self would give the box the table's id as well
        box += table
        box["is_div"] = True


#: What a reader presses to see what a cell hides.
PROMPTS = {
    "output": ("Show the output", "Hide the output"),
    "all": ("Show the code and its output", "Hide the code and its output"),
}


def name_what_is_hidden(app: Sphinx, doctree: nodes.document) -> None:
    """myst-nb has one prompt for all cells, whether they hide their code or their output."""
    for cell in doctree.findall(nodes.container):
        if cell.get("hide_mode") in PROMPTS:
            cell["prompt_show"], cell["prompt_hide"] = PROMPTS[cell["hide_mode"]]


def mark_wide_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Cells that show a widget may use the margin as well as the text column."""
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") == "cell_code" and "widget-host" in str(
            [raw.astext() for raw in cell.findall(nodes.raw)]
        ):
            cell["classes"].append("wide")


def _first_paragraph(doctree: nodes.document | None) -> str:
    if doctree is None:
        return ""
    for section in doctree.findall(nodes.section):
        for child in section.children:
            if isinstance(child, nodes.paragraph):
                return re.sub(r"\s+", " ", child.astext())[:300]
    return ""


def launch_links(app: Sphinx, pagename: str) -> dict[str, str] | None:
    """Where the page can be had as a notebook, run on the course's hub, or read as source."""
    told = getattr(app.env, "nb_metadata", {})  # by myst-nb, of pages that are notebooks
    if pagename not in told or not told[pagename].get("exec_data"):
        return None
    depth = pagename.count("/")
    links = {"notebook": f"{'../' * depth}notebooks/{pagename}.ipynb"}
    own, repository = app.config.introml, app.config.introml_repository
    if own.get("hub"):
        links["hub"] = f"{own['hub'].rstrip('/')}/hub/user-redirect/lab/tree/book/{pagename}.ipynb"
    if repository.get("url"):
        branch = repository.get("branch") or "main"
        links["source"] = f"{repository['url'].rstrip('/')}/blob/{branch}/{pagename}.md"
    return links


#: Syntax classes that the style sheet leaves alone: names, operators, punctuation, white space.
PLAIN_CODE = re.compile(r'<span class="(?:n|p|o|w|nn|nb|bp|vm|fm)">([^<]*)</span>')


def page_context(
    app: Sphinx,
    pagename: str,
    template: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    own, repository = app.config.introml, app.config.introml_repository
    errata = own.get("errata") or (f"{repository['url']}/issues" if repository.get("url") else "")
    if "body" in context:
        body = PLAIN_CODE.sub(r"\1", context["body"])
        # A name other than the words shown misleads those who speak to their browser.
        body = body.replace(' aria-label="Toggle hidden content"', "")
        # Roles that docutils gives where ARIA does not allow them.
        body = body.replace(' role="doc-biblioentry"', "")
        context["body"] = body.replace('role="list" class="citation-list"', 'class="citation-list"')
    context |= {
        "contents_tree": contents_tree(app, pagename, context) if "toctree" in context else "",
        "project_title": app.config.html_title,
        "book_version": introml.__version__,
        # Another book has another licence: its foot says whose it is.
        "licence_page": "book/cite" if "book/cite" in app.env.found_docs else "",
        "book_copyright": " ".join(
            str(part) for part in (app.config.copyright, app.config.author) if part
        ),
        "description": _first_paragraph(doctree),
        "has_math": 'class="katex' in context.get("body", ""),
        "has_plotly": "plotly-figure" in context.get("body", ""),
        "theme_script": theme_scripts()[0],
        "plotly_template": json.dumps(plotly_template(), separators=(",", ":")),
        "light_tokens": json.dumps({v: k for k, v in reversed(list(COLORS.items()))}),
        "asset_versions": app.config.introml_versions,
        "launch": launch_links(app, pagename),
        "ticks": ticks.count_on(app.env, pagename),
        "reading": reading_time.reading_of(app.env, pagename),
        "errata": errata,
    }


def lean_config(app: Sphinx, config: Config) -> None:
    config.html_theme_path.append(str(HERE))
    config.html_copy_source = False
    config.html_use_index = False
    config.html_domain_indices = False
    # In the package's pages, a name stands without the module, which is the page's title.
    config.add_module_names = False
    config.toc_object_entries_show_parents = "hide"


def lean_builder(app: Sphinx) -> None:
    # Sphinx's own search fetches pages, which file:// refuses; the book has its own.
    if isinstance(app.builder, StandaloneHTMLBuilder):
        app.builder.search = False


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_theme("introml", str(HERE / "theme"))
    app.add_config_value("introml", {}, "html")
    app.add_config_value("introml_repository", {}, "html")
    app.add_config_value("introml_versions", {}, "html")
    app.add_config_value("introml_contents", "", "html")
    app.add_config_value("introml_templates", "", "html")
    app.add_config_value("introml_code", "", "env")
    app.setup_extension("sphinx_exercise")
    # What the first of these add to a page, the later ones see.
    parts = (
        citation,
        directives,
        equations,
        formulas,
        embed,
        pictures,
        ticks,
        needs,
        book_map,
        reading_time,
    )
    for part in (*parts, names, numbering, outdated, search, package_pages, package_links):
        part.setup(app)
    app.add_node(exercise.solution_node, override=True, html=(_visit_solution, _depart_solution))
    app.connect("config-inited", lean_config)
    app.connect("builder-inited", lean_builder)
    app.connect("doctree-read", name_what_is_hidden)
    app.connect("doctree-read", mark_wide_cells)
    # Before the search index is made, which would take them for sections of the page.
    app.connect("doctree-read", unwrap_contents, priority=400)
    app.connect("doctree-resolved", wrap_tables)
    app.connect("html-page-context", page_context)
    return {"version": introml.__version__, "parallel_read_safe": False}
