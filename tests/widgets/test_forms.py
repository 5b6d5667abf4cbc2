"""The forms that the browser code holds a trait to are those of the Python class."""

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import introml.widgets
from introml import site
from introml.site.node import NodeLines
from introml.widgets.base import bundle_path
from introml.widgets.traits import Choice, Numbers, Real, Whole

#: These say themselves what is wrong with a value, or hold what only Python sets.
OWN_CHECK = {
    "AttentionHeatmap": {"recording", "sentence"},
    "BatchSize": {"throughput"},
    "DrawDigit": {"drawing", "network", "examples"},
}


def form_of(trait):
    """The form of a Python trait, as introml/widgets/kit/forms.js writes it."""
    if isinstance(trait, Choice):
        return {"kind": "choice", "options": list(trait.options)}
    if isinstance(trait, Numbers):
        bounds = {name: getattr(trait, name) for name in ("dims", "low", "high", "least", "most")}
        return {"kind": "numbers", **bounds}
    kind = {Real: "real", Whole: "whole"}[type(trait)]
    return {"kind": kind, "low": trait.low, "high": trait.high}


# The convolution's settings depend on each other; its own check_form is tested with its model.
@pytest.mark.parametrize("name", sorted({*introml.widgets.__all__} - {"ConvolutionVisualizer"}))
def test_the_browser_allows_what_python_allows(name):
    cls = getattr(introml.widgets, name)
    bundle = json.dumps(bundle_path(name, ".mjs").as_uri())
    code = f"import w from {bundle}; console.log(JSON.stringify(w.forms))"
    done = subprocess.run(
        [shutil.which("node"), "--input-type=module", "-e", code],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    own = OWN_CHECK.get(name, set())
    found = {key: form for key, form in json.loads(done.stdout).items() if key not in own}
    expected = set(cls.public_traits()) - own
    assert found == {trait: form_of(cls.class_traits()[trait]) for trait in expected}


MANGLED = [
    *(None, "mangled", -1, 1e9, 0.5, True, [], {}, [1], [1, 2, 3], [[1]], [[1, 2], [3]]),
    *([[1, 2, 3]], [1e308, 1e308], ["a", "b"], [None], [[None]]),
]
# What JavaScript says of a slip of its own, and numbers that are none.
SLIPS = re.compile(r"undefined|\bnull\b of|Cannot|not a function|not iterable|Invalid|NaN|Infinity")


@pytest.fixture(scope="module")
def stills():
    lines = NodeLines(Path(site.__file__).with_name("still.mjs"))
    yield lines
    lines.close()


@pytest.mark.parametrize("name", introml.widgets.__all__)
def test_what_cannot_be_drawn_is_said_in_words(name, stills):
    """Each trait in turn holds what no Python class lets through, as a damaged page might."""
    cls = getattr(introml.widgets, name)
    modes = [{}, {"mode": "recorded"}] if name == "AttentionHeatmap" else [{}]
    for arguments in modes:
        widget = cls(**arguments)
        state = {trait: getattr(widget, trait) for trait in cls.public_traits()}
        for trait, value in itertools.product(state, MANGLED):
            request = {"bundle": str(bundle_path(name, ".mjs")), "anchor": "a"}
            answer = stills.ask(request | {"state": state | {trait: value}})
            text = answer.get("error") or re.sub(r"<[^>]*>", " ", answer["html"])
            assert not SLIPS.search(text), f"{trait} = {value!r}: {SLIPS.search(text)}"
            if "error" in answer:
                assert "cannot be drawn: " in text, text
