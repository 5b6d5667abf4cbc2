"""introml.site.katex_fonts: which characters are shown in which of KaTeX's fonts."""

import io
import re

from fontTools.ttLib import TTFont

from introml.site.katex_fonts import FONT_OF_CLASS, FONTS, characters, subset_fonts

STYLE = FONTS.parent / "katex.css"


def formula(visible):
    hidden = '<span class="katex-mathml">not seen</span>'
    return f'<span class="katex">{hidden}<span class="katex-html">{visible}</span></span>'


def test_a_character_goes_to_the_font_of_its_class():
    html = formula(
        '<span class="mord mathnormal">x</span><span class="mord">=</span>'
        '<span class="mord mathbf">W</span><span class="delimsizing size2">(</span>'
        '<span class="sizing reset-size6 size3">2</span>'
    )
    assert characters([html]) == {
        "KaTeX_Main-Bold": "W",
        "KaTeX_Main-Regular": "2=",
        "KaTeX_Math-Italic": "x",
        "KaTeX_Size2-Regular": "(",
    }


def test_a_class_of_an_outer_element_counts_and_a_drawing_inside_disturbs_nothing():
    html = formula(
        '<span class="mord textbf"><svg><path d="M0 0"/></svg><span class="mord">ab</span></span>c'
    )
    assert characters([html]) == {"KaTeX_Main-Bold": "ab", "KaTeX_Main-Regular": "c"}


def test_every_class_that_the_style_sheet_gives_a_font_is_known():
    rules = re.findall(r"([^{}]+)\{([^{}]*font-family:[^{}]*)\}", STYLE.read_text())
    named = {
        name
        for selectors, body in rules
        if "@font-face" not in selectors
        for name in re.findall(r"\.katex \.([\w-]+)", selectors)
    }
    assert named > {"mathnormal", "mathbf", "mathcal"}
    # These two get theirs by a size that stands beside the class, as the first test's bracket does.
    assert named - set(FONT_OF_CLASS) == {"delimsizing", "op-symbol"}


def test_a_cut_font_holds_its_characters_and_no_others(tmp_path):
    fonts = subset_fonts({"KaTeX_Main-Bold": "Wb"}, tmp_path)
    held = TTFont(io.BytesIO(fonts["KaTeX_Main-Bold.woff2"])).getBestCmap()
    assert "".join(map(chr, held)) == "Wb"
    assert set(fonts) == {one.name for one in FONTS.glob("*.woff2")}
    assert len(fonts["KaTeX_Main-Italic.woff2"]) < 600
