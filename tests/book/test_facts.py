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


PEAK = """
[gpu.fp32_dense]
value = 67e12
unit = "FLOP/s"
density = "dense"
units = 16896
clock = 1.98e9
per_cycle = 2
at = "boost"
source = "someone2020"

[gpu.link]
value = 450e9
unit = "B/s"
direction = "one way"
source = "someone2020"
"""


def test_all_fields_of_a_fact_and_the_names_below_a_path(hardware):
    hardware.write_text(PEAK)
    assert facts.whole_fact("hardware.gpu.link")["direction"] == "one way"
    assert facts.facts_below("hardware") == ["gpu"]
    assert facts.facts_below("hardware.gpu") == ["fp32_dense", "link"]
    with pytest.raises(KeyError, match="'cpu' is not among gpu"):
        facts.facts_below("hardware.cpu")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'density = "dense"',
            "",
            "hardware.gpu.fp32_dense is in FLOP/s, and its density is missing",
        ),
        ('"dense"', '"both"', "its density is 'both'; say density = one of 'dense', 'sparse'"),
        ('direction = "one way"', "", "hardware.gpu.link is in B/s, and its direction is missing"),
        ('"one way"', '"two ways"', "one of 'one way', 'both ways', 'shared'"),
        (
            'unit = "B/s"',
            'unit = "GB/s"',
            "hardware.gpu.link has the unit 'GB/s'; allowed are FLOP/s",
        ),
        ('unit = "B/s"', 'unit = "Gbps"', "400 Gbit/s as 400e9 bit/s or as 50e9 B/s"),
        ('unit = "FLOP/s"', 'unit = "TFLOPS"', "has the unit 'TFLOPS'; allowed are"),
        ("clock = 1.98e9", "clock = 1.755e9", "2 a cycle are 5.93e\\+13; at most 1% between them"),
        ("67e12", "134e12", "Is the clock the one that the peak is at, and is the peak dense"),
        (
            "per_cycle = 2",
            "",
            "has units, clock, at alone; give all of units, clock, per_cycle, at",
        ),
    ],
)
def test_a_figure_that_can_be_read_in_two_ways_is_refused_by_its_name(hardware, old, new, words):
    assert old in PEAK
    hardware.write_text(PEAK.replace(old, new, 1))
    with pytest.raises(ValueError, match=words):
        fact("hardware.gpu.link")


def test_bits_are_allowed_where_they_say_so(hardware):
    hardware.write_text(PEAK.replace('450e9\nunit = "B/s"', '3600e9\nunit = "bit/s"'))
    assert fact("hardware.gpu.link") == 3600e9


def test_every_source_of_a_machines_figure_has_an_address_and_a_year():
    bibliography = (ROOT / "book" / "references.bib").read_text()
    table = tomllib.loads((ROOT / "assets" / "facts" / "hardware.toml").read_text("utf-8"))
    sources = {entry["source"] for _, entry in entries(table)}
    assert len(sources) >= 10
    for source in sources:
        record = bibliography.partition(f"{{{source},")[2].partition("\n}")[0]
        assert 'url = "https://' in record, source
        assert 'year = "' in record, source
