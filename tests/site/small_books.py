"""Small books to execute in tests: written page by page, executed, and read back."""

import io
import textwrap

from introml.site.execute import ExecutionFailed, execute_book, executed_notebook
from introml.site.pages import book_pages
from introml.site.progress import PlainLines

FRONT = """---
jupytext: {text_representation: {format_name: myst}}
kernelspec: {name: python3, display_name: Python 3}
---
"""


def cell(code, tags=""):
    options = f":tags: [{tags}]\n\n" if tags else ""
    return f"```{{code-cell}} ipython3\n{options}{textwrap.dedent(code).strip()}\n```\n"


def notebook(*parts):
    return FRONT + "# Page\n\n" + "\n".join(parts)


def write_book(root, pages, timeout=None, **files):
    execution = f"execute: {{timeout: {timeout}}}\n" if timeout else ""
    chapters = "".join(f"  - file: {name}\n" for name in pages)
    texts = {
        "_config.yml": f"title: T\n{execution}",
        "_toc.yml": f"format: jb-book\nroot: intro\nchapters:\n{chapters}",
        "intro.md": "# Intro\n",
        **{f"{name}.md": text for name, text in pages.items()},
        **files,
    }
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def page_of(root, name):
    return next(page for page in book_pages(root) if page.docname == name)


def run(root, **options):
    """The results and the printed text."""
    stream = io.StringIO()
    try:
        results = execute_book(root, progress=PlainLines(stream), **options)
    except ExecutionFailed as failed:
        results = failed.results
    return results, stream.getvalue()


def text_of(root, name):
    """All that the page's cells have printed."""
    cells = executed_notebook(root, page_of(root, name)).cells
    outputs = [output for one in cells for output in one.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs)
