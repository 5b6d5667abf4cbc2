"""What a trait may hold is said once, by its Python class; the browser code keeps to the same."""

import itertools
import json
import re
import subprocess

import pytest
import traitlets
from bs4 import BeautifulSoup

import introml.widgets
from introml.site.node import node_path
from introml.widgets.base import DIST, bundle_path
from introml.widgets.traits import Choice, Numbers, Real, Whole

#: Controls that leave out an end of their trait's range, on purpose.
NARROWER = {
    ("LineFit", "slope"),  # from the data
    ("LineFit", "intercept"),
    ("LineFit", "marked"),  # as many as there are points
    ("AttentionHeatmap", "length"),  # as many as there are keys
    ("MultiHead", "head"),  # as many as there are heads
    ("ScheduleComposer", "factor"),
    ("ScheduleComposer", "every"),
    ("ScheduleComposer", "noise"),
}
#: A control sets a part of a list; the widget's own test looks at its bounds.
OF_PARTS = {"Broadcasting", "LookupTable", "ParameterCounter"}
#: Python refuses more than the form says: the values depend on others, or on each other.
DEPENDENT = {("DrawDigit", "example"), ("ScheduleComposer", "kept")}
FORMS = DIST.parent / "kit" / "forms.js"
FITS = """
const { fits } = await import(process.argv[1]);
let text = "";
for await (const chunk of process.stdin) text += chunk;
process.stdout.write(JSON.stringify(JSON.parse(text).map(([value, form]) => fits(value, form))));
"""


def still(stills, widget, changes=None):
    """What the widget draws without a browser, some values changed behind Python's back."""
    state = {trait: getattr(widget, trait) for trait in (*widget.public_traits(), "_forms")}
    request = {"bundle": str(bundle_path(type(widget).__name__, ".mjs")), "anchor": "a"}
    return stills.ask(request | {"state": state | (changes or {})})


def edges(form):
    """Values at, just inside and just outside of a form's bounds."""
    if form["kind"] in ("real", "whole"):
        low, high = form["low"], form["high"]
        return [low, high, low - 1, high + 1, (low + high) / 2, low + 0.5]
    if form["kind"] == "numbers":
        low, high, least, most = (form[key] for key in ("low", "high", "least", "most"))
        lists = [[low] * n for n in (least - 1, least, most, most + 1)]
        lists += [[v] * least for v in (high, high + 1, low - 1, (low + high) / 2 + 0.25)]
        return lists if form["dims"] == 1 else [[row] * max(1, least) for row in lists]
    return form["options"] if form["kind"] == "choice" else ["x" * form["most"], "x" * 10_000]


def takes(widget, trait, value):
    """(whether Python takes the value for the trait, what it keeps of it)"""
    try:
        # Not set: a sentence, for one, would be run through the encoder.
        return True, type(widget).class_traits()[trait]._validate(widget, value)
    except traitlets.TraitError:
        return False, value


@pytest.mark.parametrize("name", introml.widgets.__all__)
def test_the_browser_takes_what_python_takes_and_nothing_else(name):
    widget = getattr(introml.widgets, name)()
    forms = widget.get_state()["_forms"]
    assert forms == type(widget).forms()
    kinds = (Real, Whole, Choice, Numbers)
    traits = type(widget).class_traits()
    assert {n for n in widget.public_traits() if isinstance(traits[n], kinds)} <= set(forms)
    cases, expected = [], []
    for trait, form in forms.items():
        if form["kind"] == "record":
            continue  # Python looks deeper; the view says itself what is wrong inside
        for value in (*edges(form), *MANGLED):
            good, kept = takes(widget, trait, value)
            if not good and (name, trait) in DEPENDENT:
                continue
            cases.append([kept, form])
            expected.append(good)
    done = subprocess.run(
        [node_path(), "--input-type=module", "-e", FITS, FORMS.as_uri()],
        input=json.dumps(cases), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert [c for c, f, e in zip(cases, found, expected, strict=True) if f != e] == []
    assert expected.count(True) >= len(forms) / 2
    assert False in expected


@pytest.mark.parametrize("name", introml.widgets.__all__)
def test_controls_offer_what_their_trait_takes(name, stills):
    widget = getattr(introml.widgets, name)()
    page = BeautifulSoup(still(stills, widget)["html"], "html.parser")
    seen = set()
    for trait, form in widget.forms().items():
        for control in page.select(f"input#a-{trait.replace('_', '-')}"):
            ends = [float(control[end]) for end in ("min", "max")] if "min" in control.attrs else []
            if not ends or (control["type"] == "range" and ends in ([0, 200], [0, 100])):
                continue  # a switch, or positions of a scale
            low, high = form["low"], form["high"]
            seen.add(trait)
            if (name, trait) in NARROWER:
                assert low <= ends[0] < ends[1] <= high
                assert ends != [low, high], f"{trait} is not narrower any more"
            elif control.find_parent(class_="iml-player") is None and trait != "batch_size":
                assert ends == [low, high], trait
        strip = page.select(f"input[type=radio][name=a-{trait.replace('_', '-')}]")
        if strip and form["kind"] == "choice":
            seen.add(trait)
            options = [str(option) for option in form["options"]]
            # A strip of the common ones, and a menu of all, are one choice.
            menu = page.select(f"select#a-{trait.replace('_', '-')} option")
            offered = {one["value"] for one in [*strip, *menu]}
            assert sorted(offered) == sorted(options), trait
    assert seen or name in OF_PARTS


MANGLED = [
    *(None, "mangled", -1, 1e9, 0.5, True, [], {}, [1], [1, 2, 3], [[1]], [[1, 2], [3]]),
    *([[1, 2, 3]], [1e308, 1e308], ["a", "b"], [None], [[None]]),
]
# What JavaScript says of a slip of its own, and numbers that are none.
SLIPS = re.compile(r"undefined|\bnull\b of|Cannot|not a function|not iterable|Invalid|NaN|Infinity")


@pytest.mark.parametrize("name", introml.widgets.__all__)
def test_what_cannot_be_drawn_is_said_in_words(name, stills):
    """Each trait in turn holds what no Python class lets through, as a damaged page might."""
    cls = getattr(introml.widgets, name)
    modes = [{}, {"mode": "recorded"}] if name == "AttentionHeatmap" else [{}]
    for arguments in modes:
        widget = cls(**arguments)
        for trait, value in itertools.product(cls.public_traits(), MANGLED):
            answer = still(stills, widget, {trait: value})
            text = answer.get("error") or re.sub(r"<[^>]*>", " ", answer["html"])
            assert not SLIPS.search(text), f"{trait} = {value!r}: {SLIPS.search(text)}"
            if "error" in answer:
                assert "cannot be drawn: " in text, text
