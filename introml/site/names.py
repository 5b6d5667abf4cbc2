"""What the book's labels, equations and citations mean: for references, and for the notebooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def citations(env: Any) -> dict[str, tuple[str, str]]:
    """Key -> ("Kingma and Ba", "2015"), for notebooks, which have no bibliography of their own."""
    found = {}
    for key, entry in env.get_domain("cite").bibdata.data.entries.items():
        people = entry.persons.get("author") or entry.persons.get("editor") or []
        surnames = [" ".join([*person.prelast_names, *person.last_names]) for person in people]
        many = len(surnames) > 2
        authors = f"{surnames[0]} et al." if many else " and ".join(surnames) or key
        found[key] = (authors.replace("{", "").replace("}", ""), entry.fields.get("year", ""))
    return found


def book_names(env: Any) -> dict[str, dict[str, Any]]:
    """`labels`: page and text of each label; `equations`: numbers; `citations`: authors, year."""
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
    return {"labels": labels, "equations": equations, "citations": citations(env)}


def write_names(app: Sphinx, exception: Exception | None) -> None:
    """Save the names beside the pages, for the notebooks that readers download."""
    if exception is None:
        path = Path(app.outdir).parent / "names.json"
        path.write_text(json.dumps(book_names(app.env)), encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("build-finished", write_names)
