"""Facts with sources: found by their path, refused by name, and complete in every file."""

import tomllib

import pytest

from introml.book import facts
from introml.book.assets import asset
from introml.book.facts import fact
from introml.book.paths import ROOT

TABLE = """
[models.small]
value = 117
unit = "million parameters"
source = "radford2019gpt2"

[cores]
value = 8.5
unit = "1"
source = "someone2020"
"""
FILES = sorted((ROOT / "assets" / "facts").glob("*.toml"))


@pytest.fixture(autouse=True)
def hardware(tmp_path, monkeypatch):
    """One file of facts, `hardware.toml`."""
    path = tmp_path / "hardware.toml"
    path.write_text(TABLE)
    facts._table.cache_clear()

    def find(name):
        if name == "facts/hardware.toml":
            return path
        return asset(name)

    monkeypatch.setattr(facts, "asset", find)
    yield path
    facts._table.cache_clear()


def test_a_fact_is_found_by_its_path():
    assert fact("hardware.models.small") == 117
    assert fact("hardware.cores") == 8.5


def test_a_file_is_read_once(hardware):
    fact("hardware.cores")
    hardware.unlink()
    assert fact("hardware.cores") == 8.5


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("hardware.model", "'model' is not among models, cores"),
        ("hardware.models.large", "'large' is not among small"),
        ("hardware.cores.value", "'value' is not among a value"),
        ("hardware.models", "'value' is not among small"),
        ("hardware", "'value' is not among models, cores"),
    ],
)
def test_an_unknown_path_is_refused_with_what_there_is(path, words):
    with pytest.raises(KeyError) as caught:
        fact(path)
    assert f"no fact {path!r}" in str(caught.value)
    assert words in str(caught.value)


def test_an_unknown_topic_is_a_missing_file_of_the_book():
    with pytest.raises(FileNotFoundError, match=r"assets/facts/nothing\.toml is missing"):
        fact("nothing.at.all")


def entries(table, path=()):
    for name, value in table.items():
        if isinstance(value, dict):
            if "value" in value:
                yield ".".join((*path, name)), value
            else:
                yield from entries(value, (*path, name))
        else:
            yield ".".join((*path, name)), value


def test_every_fact_of_the_book_has_a_value_a_unit_and_a_source():
    bibliography = (ROOT / "book" / "references.bib").read_text()
    for file in FILES:
        for path, entry in entries(tomllib.loads(file.read_text(encoding="utf-8"))):
            assert isinstance(entry, dict), f"{file.name}: {path} is not a table"
            assert {"value", "unit", "source"} <= entry.keys(), f"{file.name}: {path}"
            assert f"{{{entry['source']}," in bibliography, f"{file.name}: {path}'s source"
