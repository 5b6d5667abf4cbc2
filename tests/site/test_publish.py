"""The site's own files: all there, none too many, named by their content."""

import hashlib
import io
import re
import shutil

import pytest
from fontTools.ttLib import TTFont

from introml.site import publish as module
from introml.site.publish import publish, versions


@pytest.fixture(scope="module")
def site(book, tmp_path_factory):
    """The small book, published."""
    root = tmp_path_factory.mktemp("published") / "book"
    shutil.copytree(book.root, root)
    publish(root / "_build" / "html")
    return root / "_build" / "html"


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]


def test_every_file_that_a_page_asks_for_is_there_under_its_version(site):
    asked = set()
    for page in site.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        ahead = re.findall(r'data-(?:ahead|formulas)="([^"]*)"', html)
        asks = re.findall(r'(?:src|href)="([^"]*_static/[^"]*)"', html)
        for address in [*asks, *" ".join(ahead).split()]:
            path, _, version = address.partition("?v=")
            target = (page.parent / path).resolve()
            assert target.is_file(), address
            # Data has the hash of its value for a name, and needs no version.
            named_by_content = re.fullmatch(r"data/[0-9a-f]{16}\.js", path.partition("_static/")[2])
            assert version == ("" if named_by_content else sha(target)), address
            asked.add(target.relative_to(site / "_static").as_posix())
    assert {"book.css", "book.js", "host.js", "kit.js", "icon.svg", "katex/katex.css"} <= asked


def test_styles_ask_only_for_files_that_are_there(site):
    found = 0
    for css in site.rglob("*.css"):
        for address in re.findall(r"url\(\s*['\"]?([^'\")]+)", css.read_text(encoding="utf-8")):
            if address.startswith("data:"):
                continue
            assert (css.parent / address.partition("?")[0]).is_file(), address
            found += 1
    assert found > 20


def test_what_sphinx_and_its_extensions_write_and_no_page_asks_for_is_gone(site):
    assert {entry.name for entry in (site / "_static").iterdir()} <= module.KEPT
    assert not (site / "_static" / "pygments.css").exists()


def test_fonts_are_woff2_alone(site):
    css = (site / "_static" / "katex" / "katex.css").read_text()
    assert "woff2" in css
    assert not re.search(r"\.ttf|\.woff\b|truetype|format\(\"woff\"\)", css)
    kinds = {path.suffix for path in site.rglob("*") if "font" in path.parent.name}
    assert kinds == {".woff2"}


def glyphs(path):
    return set(TTFont(io.BytesIO(path.read_bytes())).getBestCmap())


def test_formula_fonts_hold_the_characters_of_the_book_and_no_others(site):
    fonts = site / "_static" / "katex" / "fonts"
    italic = glyphs(fonts / "KaTeX_Math-Italic.woff2")
    assert {ord(letter) for letter in "wxyab"} <= italic
    assert ord("Q") not in italic
    main = glyphs(fonts / "KaTeX_Main-Regular.woff2")
    assert {ord("="), ord("+"), ord("<"), ord("1"), ord("2")} <= main
    assert ord("7") not in main


def test_versions_follow_the_contents(monkeypatch, tmp_path):
    before = versions()
    static = tmp_path / "static"
    shutil.copytree(module.STATIC, static)
    (static / "book.js").write_text("edited")
    monkeypatch.setattr(module, "STATIC", static)
    after = versions()
    assert {name for name in before if before[name] != after[name]} == {"book.js"}
    assert after["book.js"] == hashlib.sha256(b"edited").hexdigest()[:8]


def test_publishing_again_touches_nothing(site):
    def times():
        return {path: path.stat().st_mtime_ns for path in site.rglob("*") if path.is_file()}

    before = times()
    publish(site)
    assert times() == before


def test_a_damaged_or_older_file_is_replaced(site):
    script = site / "_static" / "book.js"
    script.write_text("old")
    (site / "_static" / "leftover").mkdir()
    (site / "_static" / "leftover" / "a.js").write_text("old")
    publish(site)
    assert script.read_bytes() == (module.STATIC / "book.js").read_bytes()
    assert not (site / "_static" / "leftover").exists()


def test_the_search_library_is_made_small_once(tmp_path, monkeypatch):
    made = module.search_library(tmp_path)
    assert b"MiniSearch" in made
    assert (
        len(made)
        < len((module.MODULES / "minisearch" / "dist" / "umd" / "index.js").read_bytes()) / 2
    )
    monkeypatch.setattr("subprocess.run", lambda *given, **named: pytest.fail("made again"))
    assert module.search_library(tmp_path) == made


def test_data_that_no_page_names_any_more_is_taken_away(site):
    data = site / "_static" / "data"
    data.mkdir(exist_ok=True)
    kept, old = (data / f"{digit * 16}.js" for digit in "ab")
    for path in (kept, old):
        path.write_text("introml.provide();")
    (site / "names-it.html").write_text(f'{{"files":{{"weights":"{kept.stem}"}}}}')
    try:
        publish(site)
        assert kept.exists()
        assert not old.exists()
    finally:
        (site / "names-it.html").unlink()
        kept.unlink()
