"""One version: the package's, the newest release's in CHANGES.md, and the citation's.

`tests/golden/cff-1.2.0.json` is the Citation File Format's own schema (its authors, CC BY 4.0).
"""

import datetime
import json
import re
import tomllib
from itertools import pairwise

import jsonschema
import pytest
import yaml
from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from packaging.version import Version

import introml
from introml.book.paths import ROOT

CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
HEADINGS = re.findall(r"^## (.+)$", (ROOT / "CHANGES.md").read_text(encoding="utf-8"), re.MULTILINE)


def releases(headings: list[str]) -> list[tuple[Version, datetime.date]]:
    """The versions in CHANGES.md and their dates, newest first."""
    released = [one for one in headings if one != "Unreleased"]
    parts = [re.fullmatch(r"(\d+\.\d+\.\d+) \((\d{4}-\d{2}-\d{2})\)", one) for one in released]
    assert all(parts), f"a heading is 'Unreleased' or like '1.2.3 (2026-11-30)': {released}"
    return [(Version(part[1]), datetime.date.fromisoformat(part[2])) for part in parts]


def test_the_version_is_that_of_the_newest_release_in_changes():
    newest, _ = releases(HEADINGS)[0]
    assert introml.__version__ == str(newest)


def test_changes_go_from_new_to_old():
    found = releases(HEADINGS)
    for (version, date), (older, before) in pairwise(found):
        assert version > older
        assert date >= before
    assert "Unreleased" not in HEADINGS[1:]


@pytest.mark.parametrize("heading", ["v0.3", "0.3.0", "0.3.0 (soon)", "0.3.0 (2026-13-01)"])
def test_a_release_without_its_day_is_refused(heading):
    with pytest.raises((AssertionError, ValueError)):
        releases([heading])


def test_the_built_package_has_the_version_too():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" not in project, "it is said in introml/__init__.py"
    assert ProjectMetadata(str(ROOT), PluginManager()).version == introml.__version__


def test_the_citation_has_the_version_and_its_day():
    version, date = releases(HEADINGS)[0]
    assert CITATION["version"] == CITATION["preferred-citation"]["version"] == str(version)
    assert CITATION["date-released"] == str(date)
    assert CITATION["preferred-citation"]["year"] == date.year


def test_the_citation_is_valid():
    schema = json.loads((ROOT / "tests" / "golden" / "cff-1.2.0.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(CITATION)


def test_the_citation_names_the_book_and_its_licences():
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert [one["name"] for one in CITATION["authors"]] == [config["author"]]
    assert CITATION["title"].startswith(config["title"])
    assert CITATION["title"] == CITATION["preferred-citation"]["title"]
    assert "BSD 3-Clause" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "CC BY 4.0" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert CITATION["license"] == ["BSD-3-Clause", "CC-BY-4.0"]
