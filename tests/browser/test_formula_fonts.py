"""Each character of a formula is in the font in which the browser draws it: the fonts are cut."""

from browser_site import DOCNAMES, HTML, Tab
from fontTools.ttLib import TTFont

SHOWN = """() => {
  const shown = {};
  for (const formula of document.querySelectorAll('.katex-html')) {
    const walker = document.createTreeWalker(formula, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const style = getComputedStyle(walker.currentNode.parentElement);
      const family = style.fontFamily.split(',')[0].replaceAll('"', '');
      const bold = +style.fontWeight >= 600 ? 'Bold' : '';
      const italic = style.fontStyle === 'italic' ? 'Italic' : '';
      const font = `${family}-${bold + italic || 'Regular'}`;
      shown[font] = (shown[font] ?? '') + walker.currentNode.data;
    }
  }
  return shown;
}"""
INVISIBLE = set("\u200b\xa0 \n")
# Where KaTeX has no such character, in any of its fonts, the browser takes one of the system's.
FOREIGN = {chr(0xE020)}


def test_every_character_of_a_formula_is_in_its_font(address, chromium):
    fonts = HTML / "_static" / "katex" / "fonts"
    held = {file.stem: set(TTFont(file).getBestCmap() or ()) for file in fonts.glob("*.woff2")}
    tab = Tab(chromium)
    seen = set()
    missing = []
    for docname in DOCNAMES:
        tab.open(f"{address}/{docname}.html", settle=False)
        for font, text in tab.page.evaluate(SHOWN).items():
            seen.add(font)
            for one in set(text) - INVISIBLE - FOREIGN:
                if ord(one) not in held.get(font, ()):
                    missing.append((docname, font, one))
    tab.context.close()
    assert seen >= {"KaTeX_Main-Regular", "KaTeX_Main-Bold", "KaTeX_Math-Italic"}
    assert missing == []
