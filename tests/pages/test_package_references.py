"""What the package says of the book: where each thing is taught."""

import re
from pathlib import Path

from introml.site.pages import book_pages

ROOT = Path(__file__).resolve().parents[2]
LABEL = re.compile(r"^\(([\w-]+)\)=$", re.MULTILINE)
#: A reference in a docstring, to a section or to something that a page numbers.
REFERENCE = re.compile(r"\{ref\}`(?:[^`<]*<)?([\w-]+)>?`")


def labels():
    return {
        label
        for page in book_pages(ROOT)
        for label in LABEL.findall(page.path.read_text(encoding="utf-8"))
    }


def references():
    """Pairs (module, label) of all that the modules refer to."""
    for path in sorted((ROOT / "introml").rglob("*.py")):
        for label in REFERENCE.findall(path.read_text(encoding="utf-8")):
            yield path.relative_to(ROOT).as_posix(), label


def test_every_reference_in_the_package_is_to_a_page_of_the_book():
    found = list(references())
    assert len(found) > 40
    known = labels()
    unknown = [f"{module}: {label}" for module, label in found if label not in known]
    assert unknown == [], "name the page that teaches it today, or leave the sentence out"
