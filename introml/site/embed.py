"""Widgets in a static page: their state as JSON, their code as shared files, a still picture each.

The state was saved when the page was executed; the code is today's. So an edited widget is never
stale in a page that came out of the cache.
"""

from __future__ import annotations

import hashlib
import json
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from introml.site.node import NodeLines
from introml.site.outputs import script_json
from introml.site.unchanged import write_if_changed
from introml.widgets.base import DIST, Widget, bundle_path, stem_of

LOGGER = logging.getLogger(__name__)
STATE_MIME = "application/vnd.jupyter.widget-state+json"
HOST = re.compile(r'<div class="widget-host" data-model="([^"]+)"></div>')
#: Behind a page's first widget: here the layout puts the states and the code of all of them.
CODE_PLACE = "<!-- widgets start here -->"
#: What all widgets share; the site publishes it once.
SHARED = ("kit.js", "kit.css")
NEEDS_KERNEL = (
    '<p class="needs-kernel">This control computes in Python. Open the notebook in JupyterLab to '
    "use it.</p>"
)


def kebab(class_name: str) -> str:
    return stem_of(class_name).replace("_", "-")


def widget_class(anywidget_id: str) -> type[Widget] | None:
    """The book's widget of this name, such as `introml.widgets.line_fit.LineFit`; else None."""
    module, _, name = anywidget_id.rpartition(".")
    if not module.startswith("introml.widgets.") or find_spec(module) is None:
        return None
    found = getattr(import_module(module), name, None)
    return found if isinstance(found, type) and issubclass(found, Widget) else None


class PageWidgets:
    """The widgets of one page: collects their states, writes what they need, fills their places."""

    def __init__(self, saved: dict[str, Any], static: Path, stills: NodeLines):
        self.saved, self.static, self.stills = saved, static, stills
        self.states: dict[str, dict[str, Any]] = {}
        self.counts: dict[str, int] = {}

    def place(self, model_id: str) -> str:
        """The HTML that stands where the cell displayed the model."""
        entry = self.saved.get(model_id)
        if entry is None or "_anywidget_id" not in entry["state"]:
            return NEEDS_KERNEL
        cls = widget_class(entry["state"]["_anywidget_id"])
        if cls is None:
            return NEEDS_KERNEL
        name = cls.__name__
        state = {key: entry["state"][key] for key in cls.public_traits() if key in entry["state"]}
        self.counts[name] = self.counts.get(name, 0) + 1
        anchor = f"widget-{kebab(name)}" + (f"-{n}" if (n := self.counts[name]) > 1 else "")
        filed = {
            key: self._file(state.pop(key))
            for key in cls.filed_traits()
            if state.get(key) is not None
        }
        # Today's bounds of the traits, as the code is today's.
        forms = cls.forms()
        self.states[anchor] = {"name": name, "state": state, "files": filed, "forms": forms}
        whole = state | self._contents(entry["state"], filed) | {"_forms": forms}
        still = self._still(name, anchor, whole)
        place = CODE_PLACE if len(self.states) == 1 else ""
        return f'<div class="widget-host" data-anchor="{anchor}">{still}</div>{place}'

    def _contents(self, state: dict[str, Any], filed: dict[str, str]) -> dict[str, Any]:
        return {key: state[key] for key in filed}

    def _file(self, value: Any) -> str:
        """Write bulky data as a script of its own, which loads from file:// too; return its key."""
        body = json.dumps(value, separators=(",", ":"))
        key = hashlib.sha256(body.encode()).hexdigest()[:16]
        target = self.static / "data" / f"{key}.js"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(f'introml.provide("{key}",{body});', encoding="utf-8")
        return key

    def _still(self, name: str, anchor: str, state: dict[str, Any]) -> str:
        request = {"bundle": str(bundle_path(name, ".mjs")), "anchor": anchor, "state": state}
        answer = self.stills.ask(request)
        if "error" in answer:
            raise RuntimeError(f"{name} cannot be drawn without a browser: {answer['error']}")
        return answer["html"]

    @property
    def names(self) -> list[str]:
        return sorted(self.counts)


def _saved_state(context: dict[str, Any]) -> dict[str, Any]:
    """Take the widget state that myst-nb put among the page's scripts."""
    for file in context.get("script_files", []):
        attributes = getattr(file, "attributes", None) or {}
        if attributes.get("type") == STATE_MIME:
            return json.loads(attributes["body"])["state"]
    return {}


def _kept_states(env: Any, docname: str) -> list[dict[str, Any]]:
    """What the environment has of the page's widget states; a list of one, or none."""
    scripts = env.nb_metadata.get(docname, {}).get("js_files", {}).values()
    return [given for _, given in scripts if given.get("type") == STATE_MIME]


def keep_own_states(env: Any, docname: str) -> None:
    """Keep of the page's widget states what pages show: each carries all its code as well."""
    for given in _kept_states(env, docname):
        states = json.loads(given["body"])["state"]
        given["body"] = json.dumps(
            {"state": {model: own for model, one in states.items() if (own := _own_state(one))}}
        )


def _own_state(entry: dict[str, Any]) -> dict[str, Any] | None:
    state = entry["state"]
    cls = widget_class(state.get("_anywidget_id", ""))
    if cls is None:
        return None
    names = ["_anywidget_id", *cls.public_traits()]
    return {"state": {name: state[name] for name in names if name in state}}


def shown_widgets(env: Any, docname: str) -> list[str]:
    """The classes of the widgets on a page that was read."""
    entries = (json.loads(given["body"])["state"] for given in _kept_states(env, docname))
    states = (entry["state"] for states in entries for entry in states.values())
    return sorted({state["_anywidget_id"].rpartition(".")[2] for state in states})


def content_version(path: Path) -> str:
    """Eight digits of a file's hash, so that a browser's cache never serves an old one."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]


def fill_page(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    body = context.get("body", "")
    if "widget-host" not in body:
        context["widgets"] = []
        return
    static = Path(app.outdir) / "_static"
    page = PageWidgets(_saved_state(context), static, cast(Any, app).introml_stills)

    def fill(found: re.Match[str]) -> str:
        try:
            return page.place(found.group(1))
        except RuntimeError as problem:
            LOGGER.warning("%s", problem, location=pagename)
            return ""

    context["body"] = HOST.sub(fill, body)
    context["widgets"] = [
        {
            "name": name,
            "code_version": content_version(DIST / f"{name}.js"),
            "style_version": content_version(DIST / f"{name}.css"),
        }
        for name in page.names
    ]
    context["widget_states"] = script_json(page.states)
    context["widget_code_place"] = CODE_PLACE
    files = (key for state in page.states.values() for key in state["files"].values())
    context["widget_files"] = list(dict.fromkeys(files))


def copy_code(app: Sphinx, exception: Exception | None) -> None:
    if exception is None:
        target = Path(app.outdir) / "_static" / "widgets"
        target.mkdir(parents=True, exist_ok=True)
        for source in [*DIST.glob("*.js"), *DIST.glob("*.css")]:
            if not source.name.endswith(".notebook.css") and source.name not in SHARED:
                write_if_changed(target / source.name, source.read_bytes())


def setup(app: Sphinx) -> None:
    def start(app: Sphinx) -> None:
        cast(Any, app).introml_stills = NodeLines(Path(__file__).with_name("still.mjs"))

    def stop(app: Sphinx, exception: Exception | None) -> None:
        cast(Any, app).introml_stills.close()

    app.connect("builder-inited", start)
    app.connect("html-page-context", fill_page, priority=900)
    app.connect("build-finished", copy_code)
    app.connect("build-finished", stop)
