"""Building the book: bundle widgets, execute what is stale, write pages, publish files."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from html import escape
from pathlib import Path
from urllib.parse import quote

from introml.book.paths import ROOT
from introml.site.node import environment, node_path
from introml.site.pages import book_config
from introml.site.settings import WrongSettings, check_settings
from introml.site.unchanged import mirror, write_if_changed
from introml.widgets.base import class_of

HTML = ROOT / "_build" / "html"
#: All that a page can depend on. Anything else may change without a rebuild.
INPUTS = (
    "_config.yml",
    "_toc.yml",
    "requirements.txt",
    "package-lock.json",
    "CHANGES.md",
    "CITATION.cff",
)
INPUT_FOLDERS = ("book", "chapters", "labs", "assets", "introml")
_NOT_INPUT = {"__pycache__", "dist", ".ipynb_checkpoints"}
#: The site's own address leads to the book's first page.
FORWARD = (
    '<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{title}</title>'
    '<meta http-equiv="refresh" content="0; url={first}"><a href="{first}">{title}</a></html>\n'
)
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class BuildFailed(Exception):
    """The site could not be built; what is wrong has been printed."""


def is_input(path: Path) -> bool:
    """Whether a build may depend on the file; the path begins at the repository's root."""
    # Hidden files are editors' locks and drafts, which come and go.
    return _NOT_INPUT.isdisjoint(path.parts) and not path.name.startswith(".")


def input_files(root: Path = ROOT) -> Iterable[Path]:
    for name in INPUTS:
        if (root / name).exists():
            yield root / name
    for folder in INPUT_FOLDERS:
        for parent, inner, names in os.walk(root / folder):
            inner[:] = sorted(name for name in inner if name not in _NOT_INPUT)
            yield from (Path(parent, name) for name in sorted(names) if is_input(Path(name)))


def inputs_digest(root: Path = ROOT) -> str:
    """A hash of the inputs' names, sizes and times: equal when nothing was touched."""
    digest = hashlib.sha256(sys.version.encode())
    for path in input_files(root):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        digest.update(f"{path}\0{status.st_mtime_ns}\0{status.st_size}\n".encode())
    return digest.hexdigest()


def files_digest(folder: Path, patterns: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(folder.rglob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def bundle_widgets(quiet: bool = True, root: Path = ROOT) -> None:
    """Bundle the widgets' JavaScript if a source has changed since. Raises BuildFailed."""
    widgets = root / "introml" / "widgets"
    patterns = ("*.js", "*.mjs", "*.css")
    found = [path for pattern in patterns for path in widgets.rglob(pattern)]
    sources = [path for path in found if "dist" not in path.relative_to(widgets).parts]
    sources.append(root / "package-lock.json")
    stamp = widgets / "dist" / "stamp"
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    names = [class_of(view.parent.name) for view in widgets.glob("*/view.js")]
    there = all((widgets / "dist" / f"{name}.mjs").exists() for name in names)
    if there and stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    # Until all are bundled, none counts as up to date, whatever is edited back meanwhile.
    stamp.unlink(missing_ok=True)
    done = subprocess.run(
        [node_path(), str(widgets / "bundle.mjs")], cwd=root, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode != 0:
        raise BuildFailed(f"the widgets could not be bundled:\n{done.stdout}")
    stamp.write_text(digest.hexdigest())
    if not quiet:
        print("bundled the widgets")


def sphinx_configuration(root: Path = ROOT) -> dict:
    """What Jupyter Book makes of `_config.yml`, less the extensions that this site replaces."""
    import yaml
    from jupyter_book.config import get_final_config

    from introml.site.extension import UNWANTED
    from introml.site.publish import versions

    path = root / "_config.yml"
    config, _ = get_final_config(
        user_yaml=path,
        cli_config={"latex_individualpages": False},
        sourcedir=root,
        raise_on_invalid=False,
        validate=False,
    )
    own = yaml.safe_load(path.read_text(encoding="utf-8"))
    config["extensions"] = [name for name in config["extensions"] if name not in UNWANTED]
    config.pop("comments_config", None)
    config |= {
        "html_theme_options": {},
        "html_theme": "introml",
        "nb_execution_mode": "cache",
        "nb_execution_cache_path": str(root / "_build" / "cache"),
        "external_toc_path": str(root / "_toc.yml"),
        "introml": own.get("introml") or {},
        "introml_repository": own.get("repository") or {},
        # A change of these makes Sphinx write (or read) every page anew.
        "introml_versions": versions(),
        "introml_code": files_digest(ROOT / "introml" / "site", ["*.py", "*.mjs"]),
        "introml_contents": hashlib.sha256((root / "_toc.yml").read_bytes()).hexdigest(),
        "introml_templates": files_digest(ROOT / "introml" / "site" / "theme", ["*.html"]),
    }
    return config


def write_pages(root: Path = ROOT, outdir: Path | None = None) -> None:
    """Run Sphinx in this process; `outdir` is `_build/html` unless it is given.

    Pages that are no longer in the book are taken away. Raises BuildFailed, with each warning
    printed once.
    """
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    from introml.site.formulas import remembered

    build = root / "_build"
    outdir = outdir or build / "html"
    if not remembered(build / "doctrees" / "katex.json"):
        # The formulas' fonts are cut to what is remembered: all formulas must be met again.
        _forget_pages(build)
    warnings = io.StringIO()
    with patch_docutils(), docutils_namespace():
        try:
            app = Sphinx(
                srcdir=root,
                confdir=None,
                outdir=outdir,
                doctreedir=build / "doctrees",
                buildername="html",
                confoverrides=sphinx_configuration(root),
                status=None,
                warning=warnings,
                parallel=1,
            )
            app.build()
        except SphinxError as problem:
            _forget_pages(build)
            text = ANSI.sub("", f"{warnings.getvalue()}{problem}").replace(f"{root}/", "")
            raise BuildFailed(text) from problem
        except BaseException:
            _forget_pages(build)
            raise
    text = ANSI.sub("", warnings.getvalue()).replace(f"{root}/", "").strip()
    _remember_warnings(build, text)
    if text:
        raise BuildFailed(text)
    for page in outdir.rglob("*.html"):
        name = page.relative_to(outdir).with_suffix("").as_posix()
        if name not in app.env.found_docs and not name.startswith("_static/"):
            page.unlink()


def _forget_pages(build: Path) -> None:
    """Make Sphinx read and write every page next time: some that it has read are not written."""
    (build / "doctrees" / "environment.pickle").unlink(missing_ok=True)


def _remember_warnings(build: Path, text: str) -> None:
    """Note the pages that were warned of: Sphinx must read them again, or it would be silent."""
    starts = [
        line for line in text.splitlines() if re.search(r"\b(WARNING|ERROR|CRITICAL): ", line)
    ]
    places = [re.match(r"([^:]+)\.md(?::\d+)?: ", line) for line in starts]
    if not all(places):
        _forget_pages(build)
    warned = sorted({place.group(1) for place in places if place})
    (build / "doctrees" / "warned.json").write_text(json.dumps(warned), encoding="utf-8")


def build(root: Path = ROOT, force: bool = False, jobs: int | None = None) -> float:
    """Bring the `_build/html` of the book in the folder up to date; returns the seconds it took.

    What is there is replaced only when all of the new site is written: a build that fails leaves
    the last good one whole. Raises BuildFailed.
    """
    began = time.monotonic()
    from introml.grader.lab import LabError
    from introml.site.labs import write_handouts, write_lab_notebooks

    try:
        write_handouts(root)  # the labs' pages, which the contents name
        notes = check_settings(root)
    except (LabError, WrongSettings) as problem:
        raise BuildFailed(str(problem)) from None
    digest = inputs_digest(root)
    written, html = root / "_build" / "pages", root / "_build" / "html"
    stamp = root / "_build" / "inputs.json"
    if not force and stamp.exists() and (html / "index.html").exists():
        done = json.loads(stamp.read_text())
        if done.get("inputs") == digest:
            print("the site is up to date")
            return time.monotonic() - began
    stamp.unlink(missing_ok=True)
    for note in notes:
        print(note)
    bundle_widgets(quiet=False)
    from introml.site.execute import ExecutionFailed, execute_book

    try:
        execute_book(root, jobs=jobs)
    except ExecutionFailed as problem:
        raise BuildFailed(str(problem)) from None
    from introml.site.downloads import write_downloads
    from introml.site.publish import publish

    print("writing the pages", flush=True)
    write_pages(root, written)
    publish(written)
    write_downloads(root, written)
    write_lab_notebooks(root, written)
    _write_forward(root, written)
    mirror(written, html)
    stamp.write_text(json.dumps({"inputs": digest}))
    seconds = time.monotonic() - began
    print(f"built {html.relative_to(root)} in {seconds:.1f} s")
    return seconds


def _write_forward(root: Path, outdir: Path) -> None:
    from sphinx_external_toc.parsing import parse_toc_yaml

    first = parse_toc_yaml(root / "_toc.yml").root.docname.removesuffix(".md")
    if first == "index":
        return
    config = book_config(root)
    page = FORWARD.format(
        language=(config.get("sphinx") or {}).get("config", {}).get("language", "en"),
        title=escape(str(config.get("title") or "The book")),
        first=f"{quote(first)}.html",
    )
    write_if_changed(outdir / "index.html", page.encode())
