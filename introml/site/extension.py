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
from sphinx.config import Config
from sphinx.writers.html5 import HTML5Translator

import introml
from introml.book.style.tokens import COLORS
from introml.site import directives, embed, formulas, search

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


def number_exercises_by_page(app: Sphinx, env: Any) -> list[str]:
    """Exercise 1, 2, … on each page, instead of one count through the book."""
    # The collector compares its numbers with those of the last build: it must find its own.
    env.introml_book_numbers = {doc: dict(kinds) for doc, kinds in env.toc_fignumbers.items()}
    for kinds in env.toc_fignumbers.values():
        for kind, numbered in kinds.items():
            if kind == "exercise":
                kinds[kind] = {ident: (n,) for n, ident in enumerate(numbered, start=1)}
    return []


def restore_book_numbers(app: Sphinx, env: Any) -> list[str]:
    env.toc_fignumbers = getattr(env, "introml_book_numbers", env.toc_fignumbers)
    return []


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
        table.replace_self(box)
        box += table
        box["is_div"] = True


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
    if pagename not in getattr(app.env, "nb_metadata", {}):
        return None
    if not app.env.nb_metadata[pagename].get("exec_data"):
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


def contents_tree(context: dict[str, Any]) -> str:
    """The book's contents, with the sections of the page at hand under its entry."""
    tree = context["toctree"](collapse=True, maxdepth=1, includehidden=True, titles_only=True)
    tree = tree.replace(' role="heading"', "")
    own = re.search(r"</a>\s*(<ul>.*</ul>)\s*</li>\s*</ul>\s*$", context.get("toc", ""), re.DOTALL)
    if own:
        here = re.compile(r'(<li class="toctree-l1 current">.*?</a>)(</li>)', re.DOTALL)
        tree = here.sub(lambda found: found.group(1) + own.group(1) + found.group(2), tree, count=1)
    return tree


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
        "contents_tree": contents_tree(context) if "toctree" in context else "",
        "project_title": app.config.html_title,
        "book_version": introml.__version__,
        "description": _first_paragraph(doctree),
        "has_math": 'class="katex' in context.get("body", ""),
        "has_plotly": "plotly-figure" in context.get("body", ""),
        "light_tokens": json.dumps({v: k for k, v in reversed(list(COLORS.items()))}),
        "asset_versions": app.config.introml_versions,
        "launch": launch_links(app, pagename),
        "errata": errata,
    }


def lean_config(app: Sphinx, config: Config) -> None:
    config.html_theme_path.append(str(HERE))
    config.html_copy_source = False
    config.html_use_index = False
    config.html_domain_indices = False


def executed_anew(
    app: Sphinx, env: Any, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Pages to read again though their words are the same: new outputs, or a warning to repeat."""
    path = Path(app.srcdir) / "_build" / "cache" / "pages.json"
    pages = json.loads(path.read_text(encoding="utf-8"))["pages"] if path.exists() else {}
    keys = {name: pages[name]["key"] for name in pages if name in env.found_docs}
    before = getattr(env, "introml_keys", {})
    env.introml_keys = keys
    anew = {name for name, key in keys.items() if before.get(name) != key}
    warned = Path(app.doctreedir) / "warned.json"
    if warned.exists():
        anew |= env.found_docs & set(json.loads(warned.read_text(encoding="utf-8")))
    return sorted(anew)


def _citations(app: Sphinx) -> dict[str, tuple[str, str]]:
    """Key -> ("Kingma and Ba", "2015"), for notebooks, which have no bibliography of their own."""
    from pybtex.database import parse_file

    found = {}
    for name in app.config.bibtex_bibfiles:
        for key, entry in parse_file(str(Path(app.srcdir) / name)).entries.items():
            people = entry.persons.get("author") or entry.persons.get("editor") or []
            surnames = [" ".join([*person.prelast_names, *person.last_names]) for person in people]
            if len(surnames) > 2:
                authors = f"{surnames[0]} et al."
            else:
                authors = " and ".join(surnames) or key
            found[key] = (authors.replace("{", "").replace("}", ""), entry.fields.get("year", ""))
    return found


def write_names(app: Sphinx, exception: Exception | None) -> None:
    """Save what labels, equations and citations mean, for the notebooks that readers download."""
    if exception is not None:
        return
    env = app.env
    labels = {
        label: (docname, str(title))
        for label, (docname, _, title) in env.get_domain("std").labels.items()
    }
    for docname, title in env.titles.items():
        labels[f"page:{docname}"] = (docname, title.astext())
    for label, entry in getattr(env, "sphinx_exercise_registry", {}).items():
        numbers = env.toc_fignumbers.get(entry["docname"], {}).get("exercise", {})
        if label in numbers:
            labels[label.lower()] = (entry["docname"], f"Exercise {numbers[label][0]}")
    equations = {
        label: str(number) for label, (_, number) in env.get_domain("math").equations.items()
    }
    names = {"labels": labels, "equations": equations, "citations": _citations(app)}
    (Path(app.outdir).parent / "names.json").write_text(json.dumps(names), encoding="utf-8")


def lean_builder(app: Sphinx) -> None:
    # Sphinx's own search fetches pages, which file:// refuses; the book has its own.
    app.builder.search = False


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_theme("introml", str(HERE / "theme"))
    app.add_config_value("introml", {}, "html")
    app.add_config_value("introml_repository", {}, "html")
    app.add_config_value("introml_versions", {}, "html")
    app.add_config_value("introml_contents", "", "html")
    app.add_config_value("introml_templates", "", "html")
    app.add_config_value("introml_bundles", "", "html")
    app.add_config_value("introml_code", "", "env")
    app.setup_extension("sphinx_exercise")
    for part in (directives, formulas, embed, search):
        part.setup(app)
    app.add_node(exercise.solution_node, override=True, html=(_visit_solution, _depart_solution))
    app.connect("config-inited", lean_config)
    app.connect("builder-inited", lean_builder)
    app.connect("env-get-outdated", executed_anew)
    app.connect("doctree-read", mark_wide_cells)
    # Before the search index is made, which would take them for sections of the page.
    app.connect("doctree-read", unwrap_contents, priority=400)
    app.connect("env-get-updated", restore_book_numbers, priority=1)
    app.connect("env-get-updated", number_exercises_by_page, priority=999)
    app.connect("doctree-resolved", wrap_tables)
    app.connect("html-page-context", page_context)
    app.connect("build-finished", write_names)
    return {"version": introml.__version__, "parallel_read_safe": False}
