"""Running the model functions of the shipped widget bundles under node."""

import json
import math
import subprocess
from pathlib import Path

import pytest

from introml import site
from introml.site.node import NodeLines, node_path
from introml.widgets.base import bundle_path

RUNNER = Path(__file__).with_name("run_model.mjs")
NAMES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _encode(value):
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: _encode(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return value


def _decode(value):
    if isinstance(value, dict):
        return {key: _decode(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_decode(entry) for entry in value]
    return NAMES.get(value, value) if isinstance(value, str) else value


class ModelError(Exception):
    """The model function refused its arguments; the text is its message."""


@pytest.fixture(scope="session")
def run_model():
    """`run_model("LineFit", "residuals", [args, args, …])` -> a list of results, one for each case.

    A case that the model refuses gives a `ModelError` in its place.
    """
    node = node_path()

    def run(widget: str, function: str, cases: list) -> list:
        bundle = bundle_path(widget, ".mjs")
        assert bundle.exists(), f"{bundle} is missing; run `make widgets`"
        message = json.dumps({"bundle": str(bundle), "name": function, "cases": _encode(cases)})
        done = subprocess.run(
            [node, str(RUNNER)], input=message, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return [
            ModelError(result["error"]) if "error" in result else _decode(result["value"])
            for result in json.loads(done.stdout)
        ]

    return run


@pytest.fixture(scope="session")
def stills():
    """Draws widgets without a browser.

    `stills.ask({"bundle", "anchor", "state"})` gives {"html"} or {"error"}.
    """
    lines = NodeLines(Path(site.__file__).with_name("still.mjs"))
    yield lines
    lines.close()
