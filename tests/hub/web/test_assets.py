"""The service's own files: in which fonts people's names stand."""

import io
import re

import pytest
from fontTools.ttLib import TTFont

from introml.hub.web.assets import assets


def faces(family):
    """The upright faces of a family in the style: the weights of each, and the letters it gives."""
    style = assets()["hub.css"].content.decode()
    found = []
    for rule in re.findall(r"@font-face \{(.*?)\}", style, re.DOTALL):
        told = dict(re.findall(r"([\w-]+): ([^;]+);", rule))
        if told["font-family"] != f'"{family}"' or "font-style" in told:
            continue
        (file,) = re.findall(r'url\("([^"]+)"\)', told["src"])
        letters = set(TTFont(io.BytesIO(assets()[file].content)).getBestCmap())
        wanted = re.findall(r"U\+(\w+)(?:-(\w+))?", told.get("unicode-range", "U+0-10FFFF"))
        ranges = [range(int(low, 16), int(high or low, 16) + 1) for low, high in wanted]
        found.append((told["font-weight"], {x for x in letters if any(x in r for r in ranges)}))
    return found


@pytest.mark.parametrize("family", ["Source Sans 3", "Source Serif 4"])
@pytest.mark.parametrize(
    "name",
    [
        "Nguyễn Thị Ánh Tuyết", "Łukasz Żółć", "Þóra Ægisdóttir", "Ștefan Țurcanu", "Őry Győző",
        "Çağla Işık İpek", "Jiří Dvořák", "Nuñez Muñoz", "Søren Ångström", "João Conceição",
        "Šime Đurđević", "Jānis Bērziņš", "Γιάννης Παπαδόπουλος", "Дмитрий Чайковский", "Їжакевич",
        "Œuvrard", "Ruairí Ó Súilleabháin", "Oʻahu",
    ],
)  # fmt: skip
def test_a_name_in_latin_greek_or_cyrillic_letters_stands_in_one_font(family, name):
    given = set().union(*(letters for _, letters in faces(family)))
    assert {x for x in name if ord(x) not in given} == set()


@pytest.mark.parametrize("family", ["Source Sans 3", "Source Serif 4"])
def test_the_faces_of_a_family_have_the_same_weights(family):
    """A browser takes one weight's faces alone: of others it would take no letter."""
    assert len({weights for weights, _ in faces(family)}) == 1


#: What each system brings along for a script, by its vendor's list of fonts.
OF_SCRIPTS = {
    "Chinese": ("Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei"),
    "Japanese": ("Noto Sans JP", "Hiragino Sans", "Yu Gothic"),
    "Korean": ("Noto Sans KR", "Apple SD Gothic Neo", "Malgun Gothic"),
    "Arabic": ("Noto Sans Arabic", "Geeza Pro"),
    "Hebrew": ("Noto Sans Hebrew", "Arial Hebrew"),
    "Devanagari": ("Noto Sans Devanagari", "Kohinoor Devanagari", "Nirmala UI"),
    "Thai": ("Noto Sans Thai", "Thonburi", "Leelawadee UI"),
    "Tamil": ("Noto Sans Tamil", "Tamil Sangam MN", "Nirmala UI"),
    "Ethiopic": ("Noto Sans Ethiopic", "Kefa", "Ebrima"),
}


@pytest.mark.parametrize("script", OF_SCRIPTS)
def test_fonts_are_named_for_every_script_before_whatever_the_browser_would_take(script):
    style = assets()["hub.css"].content.decode()
    named = re.findall(r"--iml-fonts-of-names:([^;]+);", style)[-1]
    assert all(f'"{font}"' in named for font in OF_SCRIPTS[script])
    for kind in ("text", "label"):
        stack = re.findall(rf"--iml-font-{kind}:([^;]+);", style)[-1]
        assert re.search(r"var\(--iml-fonts-of-names\), (sans-)?serif\s*$", stack)
