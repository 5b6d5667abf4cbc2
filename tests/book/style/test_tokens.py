"""The palette: legible on every ground, and told apart without colour vision or in a grey print."""

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest

import introml
from introml.book.style.figures import plotly_template
from introml.book.style.tokens import (
    COLORS,
    CYCLE,
    MEANING,
    colors,
    css_variables,
    notebook_css,
    page_css,
)

SCHEMES = ("light", "dark")
GROUNDS = ("paper", "raised", "sunken")
#: Severity 1.0 of Machado, Oliveira and Fernandes (2009), table 1; they act on linear RGB.
SEEN_WITH = {
    "full colour vision": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def linear(hex_color):
    """sRGB as light: `#rrggbb` -> three numbers from 0 to 1 (IEC 61966-2-1)."""
    encoded = np.array([int(hex_color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def luminance(hex_color):
    return float(linear(hex_color) @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    """WCAG 2.2's contrast ratio, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lightness(hex_color):
    """L* of CIELAB; every colour here is well above the linear part near black."""
    return 116 * np.cbrt(luminance(hex_color)) - 16


def oklab(light):
    """Linear RGB -> OKLab (Ottosson, 2020)."""
    cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return lab @ np.cbrt(cones @ light)


def test_the_colour_arithmetic_gives_published_values():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert lightness("#808080") == pytest.approx(53.585, abs=0.001)
    assert oklab(linear("#ff0000")) == pytest.approx([0.62796, 0.22486, 0.12585], abs=1e-4)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("name", ["ink", "muted", "accent", "good", "bad"])
def test_text_is_legible_on_every_ground(scheme, name, ground):
    c = colors(scheme)
    assert contrast(c[name], c[ground]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_is_legible_on_the_accent_and_on_its_soft_ground(scheme):
    c = colors(scheme)
    assert contrast(c["on-accent"], c["accent"]) >= 4.5
    assert contrast(c["ink"], c["accent-soft"]) >= 4.5
    assert contrast(c["accent"], c["accent-soft"]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("name", [*CYCLE, "control"])
def test_lines_points_and_controls_are_seen_on_every_ground(scheme, name, ground):
    c = colors(scheme)
    assert contrast(c[name], c[ground]) >= 3


@pytest.mark.parametrize("scheme", SCHEMES)
def test_data_colours_stay_apart_in_greyscale(scheme):
    # Two L* steps are just seen side by side; lines that lie apart on a page need about twice that.
    # Six colours that also keep 3:1 to the grounds leave room for little more than this.
    ordered = sorted(lightness(colors(scheme)[name]) for name in CYCLE)
    assert np.diff(ordered).min() >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("vision", SEEN_WITH)
def test_data_colours_stay_apart_for_colour_blind_readers(scheme, vision):
    seen = {
        name: oklab(np.clip(SEEN_WITH[vision] @ linear(colors(scheme)[name]), 0, 1))
        for name in CYCLE
    }
    for one, other in itertools.combinations(CYCLE, 2):
        assert np.linalg.norm(seen[one] - seen[other]) >= 0.055, (one, other)


def test_both_schemes_name_the_same_tokens_as_hex_colours():
    assert colors("light").keys() == colors("dark").keys()
    for scheme in SCHEMES:
        for value in colors(scheme).values():
            assert re.fullmatch(r"#[0-9a-f]{6}", value)


def test_a_light_colour_that_figures_use_has_one_name():
    """A figure drawn in the light colours is recoloured by value, so values must not repeat."""
    drawn = [value for name, value in COLORS.items() if name != "on-accent"]
    assert len(set(drawn)) == len(drawn)


def test_a_meaning_is_one_of_the_data_colours():
    assert MEANING["training"] == "blue"
    assert MEANING["validation"] == "orange"
    assert sorted(MEANING.values()) == sorted(CYCLE)
    for scheme in SCHEMES:
        for meaning, color in MEANING.items():
            assert colors(scheme)[meaning] == colors(scheme)[color]


def test_changing_the_answer_does_not_change_the_tokens():
    colors("dark")["ink"] = "#123456"
    assert colors("dark")["ink"] != "#123456"


@pytest.mark.parametrize("scheme", ["x", "Light", "", None])
def test_an_unknown_scheme_is_refused(scheme):
    with pytest.raises(ValueError, match="must be 'light' or 'dark'"):
        colors(scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_css_variables_declare_colours_meanings_and_fonts(scheme):
    pairs = re.findall(r"--iml-([\w-]+): ([^;]+);", css_variables(scheme))
    declared = dict(pairs)
    assert len(pairs) == len(declared)
    assert declared["paper"] == colors(scheme)["paper"]
    assert declared["training"] == colors(scheme)["blue"]
    assert declared["font-code"].startswith("ui-monospace")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("style", [page_css(), notebook_css()], ids=["page", "notebook"])
def test_the_style_of_a_page_and_of_a_notebook_declares_each_scheme_in_its_place(scheme, style):
    bodies = re.findall(r"([^{}]+)\{([^{}]*--iml-paper[^{}]*)\}", style)
    dark = [body for place, body in bodies if re.search(r"theme=.dark|not\(|light=.false", place)]
    light = [body for _, body in bodies if body not in dark]
    assert len(light) == 1
    assert dark
    for body in light if scheme == "light" else dark:
        assert css_variables(scheme) in body


def test_no_style_script_or_template_types_a_colour():
    """Colours are written in tokens.json alone."""
    endings = {".css", ".js", ".mjs", ".html", ".j2", ".py"}
    typed = re.compile(r"#[0-9a-fA-F]{6}\b|#[0-9a-fA-F]{3}(?=[;\"'\s])|\brgb\(\d+[ ,]+[1-9]")
    package = Path(introml.__file__).parent
    files = [p for p in package.rglob("*") if p.suffix in endings and "dist" not in p.parts]
    found = {
        str(path.relative_to(package)): typed.findall(path.read_text(encoding="utf-8"))
        for path in files
    }
    assert {name: colors for name, colors in found.items() if colors} == {}
    assert len(found) > 100


def test_plotly_draws_in_the_tokens_too():
    layout = plotly_template()["layout"]
    assert layout["colorway"] == [COLORS[name] for name in CYCLE]
    assert layout["font"]["color"] == COLORS["ink"]
    written = re.findall(r"#[0-9a-f]{6}", json.dumps(layout))
    assert set(written) <= set(COLORS.values())


def test_each_light_colour_means_one_token_in_each_scheme():
    """A page recolours figures by their light colours: two tokens of one colour must stay one."""
    for light in set(COLORS.values()):
        names = [name for name, color in COLORS.items() if color == light]
        drawn = [name for name in names if name != "on-accent"]  # no figure draws in it
        assert len({colors("dark")[name] for name in drawn}) <= 1
