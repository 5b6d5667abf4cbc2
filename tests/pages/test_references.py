"""The bibliography: identifiers that work as links, and fields that print as they are."""

import re
from pathlib import Path

BIBLIOGRAPHY = Path(__file__).parents[2] / "book" / "references.bib"
FIELD = re.compile(r"^@\w+\{(?P<key>[^,]+),|^\s+(?P<name>\w+) = (?P<value>.+?),?$", re.MULTILINE)
SHAPES = {  # what the page of references makes links of
    "doi": r"10\.\d{4,}/[\w.()/;:-]+",
    "eprint": r"\d{4}\.\d{4,5}",
    "url": r"https://[\w.~/-]+",
}


def fields():
    """Triples (key, name, value without its quotes) of every field of every entry."""
    key = None
    for match in FIELD.finditer(BIBLIOGRAPHY.read_text(encoding="utf-8")):
        key = match["key"] or key
        if match["name"]:
            yield key, match["name"].lower(), match["value"].strip('"{}')


def test_every_identifier_has_the_shape_of_one():
    found = [(key, name, value) for key, name, value in fields() if name in SHAPES]
    assert len(found) > 50
    for key, name, value in found:
        assert re.fullmatch(SHAPES[name], value), f"{key}: {name} = {value}"


def test_no_field_holds_mathematics_which_would_be_printed_as_source():
    for key, name, value in fields():
        assert "$" not in value, f"{key}: {name} = {value}"
