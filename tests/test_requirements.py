"""The pinned packages install on every Python that the README names."""

import re
from importlib.metadata import metadata

import pytest
from packaging.specifiers import SpecifierSet

from introml.book.paths import ROOT

#: Each version's first release, which is what a distribution may still ship (Debian 12: 3.11.2).
PYTHONS = ("3.11.0", "3.12.0", "3.13.0")
PINS = sorted(
    name
    for file in ROOT.glob("requirements*.txt")
    for name in re.findall(r"^([\w.-]+)==", file.read_text(encoding="utf-8"), re.MULTILINE)
)


@pytest.mark.parametrize("name", PINS)
def test_a_pinned_package_runs_on_all_versions_of_python_that_the_readme_names(name):
    needed = SpecifierSet(metadata(name).get("Requires-Python", ""))
    refused = [version for version in PYTHONS if not needed.contains(version)]
    assert not refused, f"{name} needs Python {needed}; pin an older release of it"
