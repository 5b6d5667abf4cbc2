"""What every widget of the book keeps to, and what the shared class says when it cannot start."""

import inspect
import re
import subprocess
import sys

import anywidget
import pytest
import traitlets

import introml.widgets
from introml.widgets import base
from introml.widgets.base import Widget, bundle_path, stem_of

NAMES = introml.widgets.__all__


@pytest.fixture
def bundles(tmp_path, monkeypatch):
    """An empty folder of bundles; `bundles("Probe")` puts one there."""
    monkeypatch.setattr(base, "DIST", tmp_path)

    def make(name):
        bundle_path(name, ".mjs").write_text("export default { render() { /* probe */ } };")
        bundle_path(name, ".notebook.css").write_text(".iml { color: red }")

    return make


def probe():
    class Probe(Widget):
        rate = traitlets.Float(0.5, help="a rate").tag(sync=True)
        bulk = traitlets.List([1], help="much").tag(sync=True, file=True)
        note = traitlets.Unicode("", help="stays in Python")
        _own = traitlets.Int(0).tag(sync=True)

    return Probe


@pytest.mark.parametrize(
    ("name", "stem"),
    [("LineFit", "line_fit"), ("AttentionHeatmap", "attention_heatmap"), ("Pad", "pad")],
)
def test_one_stem_names_class_module_and_folder(name, stem):
    assert stem_of(name) == stem


def test_a_widget_that_is_not_bundled_names_the_command(bundles):
    Probe = probe()
    with pytest.raises(RuntimeError, match=r"Probe's browser code .* run `make widgets`"):
        Probe()


def test_a_widget_takes_the_code_and_style_of_its_bundle(bundles):
    bundles("Probe")
    widget = probe()()
    assert "/* probe */" in widget._esm
    assert "color: red" in widget._css


def test_an_unknown_trait_is_named_with_those_that_there_are(bundles):
    bundles("Probe")
    with pytest.raises(TypeError) as caught:
        probe()(rat=0.1, zoom=2, rate=1)
    assert str(caught.value) == "Probe has no trait named rat, zoom; it has bulk, rate"


def test_public_traits_are_synced_declared_here_and_without_underscore(bundles):
    Probe = probe()
    assert sorted(Probe.public_traits()) == ["bulk", "rate"]
    assert Probe.filed_traits() == ["bulk"]


def test_a_widgets_state_goes_to_the_page_under_the_name_of_its_class(bundles):
    bundles("Probe")
    state = probe()(rate=0.25).get_state()
    assert state["rate"] == 0.25
    assert state["_anywidget_id"].endswith(".Probe")
    assert "note" not in state


def test_asking_for_an_unknown_widget_names_those_that_there_are():
    with pytest.raises(AttributeError, match=r"no widget 'LineFt'; it has .*LineFit"):
        _ = introml.widgets.LineFt


def test_a_page_pays_only_for_the_widgets_that_it_shows():
    code = (
        "import sys, introml.widgets\n"
        "loaded = [name for name in sys.modules if name.startswith('introml.widgets.')]\n"
        "print(loaded, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['introml.widgets.base'] False"


def test_all_names_are_in_order_and_each_has_its_module_and_folder():
    assert sorted(NAMES) == NAMES
    folder = base.DIST.parent
    stems = {path.parent.name for path in folder.glob("*/view.js")}
    assert stems == {stem_of(name) for name in NAMES}
    assert all((folder / stem / "__init__.py").exists() for stem in stems)


@pytest.fixture(params=NAMES)
def cls(request):
    return getattr(introml.widgets, request.param)


def test_it_is_made_without_arguments(cls):
    widget = cls()
    assert isinstance(widget, Widget)
    assert len(widget._esm) > 1000
    assert ".iml" in widget._css


def test_it_says_what_it_shows_and_where_it_is_taught(cls):
    words = inspect.getdoc(cls)
    assert words != inspect.getdoc(Widget)
    assert words.split("\n")[0].endswith((".", "?"))
    assert re.search(r"Taught in \{ref\}`sec-[\w-]+`", words)


def test_each_public_trait_is_a_noun_in_snake_case_with_help(cls):
    assert cls.public_traits()
    for name in cls.public_traits():
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)
        assert cls.class_traits()[name].help, f"{cls.__name__}.{name} has no help"


def test_each_default_is_one_that_the_trait_takes(cls):
    widget = cls()
    for name in cls.public_traits():
        default = getattr(widget, name)
        setattr(widget, name, default)
        assert getattr(widget, name) == default


def test_nothing_hides_a_trait_of_jupyters_own(cls):
    inherited = set(dir(anywidget.AnyWidget))
    assert not inherited & set(cls.public_traits())


def test_its_own_code_is_at_most_60_kb_compressed(cls):
    import gzip

    own = (
        bundle_path(cls.__name__, ".js").read_bytes()
        + bundle_path(cls.__name__, ".css").read_bytes()
    )
    assert len(gzip.compress(own)) <= 60_000
