"""The notation page tells the truth: its colours are the tokens', its symbols stand once each."""

import re

from introml.book.paths import ROOT
from introml.book.style import CYCLE, MEANING

TEXT = (ROOT / "book" / "notation.md").read_text(encoding="utf-8")
#: The words of the page for what a token stands for.
WORDS = {
    "training": "training",
    "validation": "validation",
    "gradient": "gradients and the steps along them",
    "prediction": "predictions and the best possible value",
    "error": "errors",
    "reference": "data and references",
}


def rows(title):
    section = TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def test_each_colour_means_what_the_tokens_say():
    said = {
        re.search(r'class="key (\w+)"', color)[1]: meaning for color, meaning in rows("Colours")
    }
    assert said == {color: WORDS[meaning] for meaning, color in MEANING.items()}
    assert set(said) == set(CYCLE)


def test_no_symbol_stands_in_two_rows():
    symbols = [symbol for symbol, *_ in rows("Symbols")]
    assert len(symbols) > 15
    assert len(set(symbols)) == len(symbols)
