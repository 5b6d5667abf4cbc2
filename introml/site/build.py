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
from pathlib import Path

from introml.site.node import environment, node_path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "_build"
HTML = BUILD / "html"
STAMP = BUILD / "inputs.json"
#: All that a page can depend on. Anything else may change without a rebuild.
INPUTS = ("_config.yml", "_toc.yml", "requirements.txt", "package-lock.json", "CHANGES.md")
INPUT_FOLDERS = ("book", "chapters", "labs", "assets", "introml")
_NOT_INPUT = {"__pycache__", "dist", ".ipynb_checkpoints"}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class BuildFailed(Exception):
    """The site could not be built; what is wrong has been printed."""


def input_files(folders: Iterable[str] = INPUT_FOLDERS) -> Iterable[Path]:
    for name in INPUTS:
        if (ROOT / name).exists():
            yield ROOT / name
    for folder in folders:
        for parent, inner, names in os.walk(ROOT / folder):
            inner[:] = sorted(name for name in inner if name not in _NOT_INPUT)
            yield from (Path(parent, name) for name in sorted(names))


def inputs_digest() -> str:
    """A hash of the inputs' names, sizes and times: equal when nothing was touched."""
    digest = hashlib.sha256(sys.version.encode())
    for path in input_files():
        status = path.stat()
        digest.update(f"{path}\0{status.st_mtime_ns}\0{status.st_size}\n".encode())
    return digest.hexdigest()


def files_digest(folder: Path, patterns: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(folder.rglob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def bundle_widgets(quiet: bool = True) -> None:
    """Bundle the widgets' JavaScript if a source is newer than the bundles."""
    widgets = ROOT / "introml" / "widgets"
    sources = [path for path in widgets.rglob("*.*js") if "dist" not in path.parts]
    sources += [path for path in widgets.rglob("*.js") if "dist" not in path.parts]
    sources += [path for path in widgets.rglob("*.css") if "dist" not in path.parts]
    sources += [ROOT / "introml" / "style" / "tokens.json", ROOT / "package-lock.json"]
    stamp = widgets / "dist" / "stamp"
    digest = hashlib.sha256()
    for path in sorted(set(sources)):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    done = subprocess.run(
        [node_path(), str(widgets / "bundle.mjs")], cwd=ROOT, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode != 0:
        raise BuildFailed(f"the widgets could not be bundled:\n{done.stdout}")
    stamp.write_text(digest.hexdigest())
    if not quiet:
        print("bundled the widgets")


def sphinx_configuration() -> dict:
    """What Jupyter Book makes of `_config.yml`, less the extensions that this site replaces."""
    import yaml
    from jupyter_book.config import get_final_config

    from introml.site.extension import UNWANTED
    from introml.site.publish import versions

    path = ROOT / "_config.yml"
    config, _ = get_final_config(
        user_yaml=path,
        cli_config={"latex_individualpages": False},
        sourcedir=ROOT,
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
        "nb_execution_cache_path": str(BUILD / "cache"),
        "external_toc_path": str(ROOT / "_toc.yml"),
        "introml": own.get("introml") or {},
        "introml_repository": own.get("repository") or {},
        # A change of these makes Sphinx write (or read) every page anew.
        "introml_versions": versions(),
        "introml_code": files_digest(ROOT / "introml" / "site", ["*.py"]),
        "introml_templates": files_digest(ROOT / "introml" / "site" / "theme", ["*.html"]),
        "introml_bundles": files_digest(ROOT / "introml" / "widgets" / "dist", ["*.mjs", "*.css"]),
    }
    return config


def write_pages() -> None:
    """Run Sphinx in this process. Raises BuildFailed, with each warning printed once."""
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    warnings = io.StringIO()
    with patch_docutils(), docutils_namespace():
        try:
            app = Sphinx(
                srcdir=ROOT,
                confdir=None,
                outdir=HTML,
                doctreedir=BUILD / "doctrees",
                buildername="html",
                confoverrides=sphinx_configuration(),
                status=None,
                warning=warnings,
                parallel=1,
            )
            app.build()
        except SphinxError as problem:
            raise BuildFailed(f"{ANSI.sub('', warnings.getvalue())}{problem}") from problem
    text = ANSI.sub("", warnings.getvalue()).replace(f"{ROOT}/", "")
    if text.strip():
        raise BuildFailed(text.strip())


def build(force: bool = False, jobs: int | None = None) -> float:
    """Bring `_build/html` up to date; returns the seconds it took. Raises BuildFailed."""
    began = time.monotonic()
    digest = inputs_digest()
    if not force and STAMP.exists() and (HTML / "index.html").exists():
        done = json.loads(STAMP.read_text())
        if done.get("inputs") == digest:
            print("the site is up to date")
            return time.monotonic() - began
    STAMP.unlink(missing_ok=True)
    bundle_widgets(quiet=False)
    from introml.site.execute import ExecutionFailed, execute_book

    try:
        execute_book(ROOT, jobs=jobs)
    except ExecutionFailed as problem:
        raise BuildFailed(str(problem)) from None
    from introml.site.downloads import write_downloads
    from introml.site.publish import publish

    print("writing the pages", flush=True)
    write_pages()
    publish(HTML)
    write_downloads(ROOT, HTML)
    (HTML / "index.html").write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Introduction to Machine '
        'Learning</title><meta http-equiv="refresh" content="0; url=book/index.html">'
        '<a href="book/index.html">The book</a></html>\n',
        encoding="utf-8",
    )
    STAMP.write_text(json.dumps({"inputs": digest}))
    seconds = time.monotonic() - began
    print(f"built {HTML.relative_to(ROOT)} in {seconds:.1f} s")
    return seconds
