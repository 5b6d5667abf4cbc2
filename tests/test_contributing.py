"""CONTRIBUTING.md's examples work: each is carried out in a copy of the repository, as it says."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from introml.book.paths import ROOT
from introml.site.node import environment

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"^(?P<fence>`{3,})(?P<language>\w+)(?: (?P<path>\S+))?\n(?P<body>.*?)^(?P=fence)$",
    re.DOTALL | re.MULTILINE,
)
NOT_COPIED = (".git", ".venv", "node_modules", "_build", "__pycache__", ".*_cache", ".hypothesis")
#: Of the book, a copy has the pages that an example adds, and this one.
FIRST_PAGE = "(sec-first)=\n# A small book\n\nIts only page is the one that was added.\n"


@dataclass(frozen=True)
class Example:
    """One "### Add a …": the files that it writes, the changes that it makes, what it then runs."""

    title: str
    files: dict[str, str]
    changes: dict[str, str]
    commands: list[str]


def examples(text: str) -> list[Example]:
    found = []
    for part in re.split(r"^### (?=Add )", text, flags=re.MULTILINE)[1:]:
        # Headings inside a fence are the example's own.
        files, changes, commands, end = {}, {}, [], 0
        for block in BLOCK.finditer(part):
            if re.search(r"^#{1,3} ", part[end : block.start()], re.MULTILINE):
                break
            end = block.end()
            if block["language"] == "bash":
                commands += block["body"].splitlines()
            elif block["language"] == "diff":
                changes[block["path"]] = block["body"]
            else:
                files[block["path"]] = block["body"]
        found.append(Example(part.partition("\n")[0], files, changes, commands))
    return found


EXAMPLES = examples(TEXT)


def changed(text: str, change: str) -> str:
    """`text` with the lines that begin with + added, those with - taken away, where the rest is."""
    lines = change.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(before) == 1, f"these lines are not, or not once, in the file:\n{before}"
    return text.replace(before, after)


@pytest.fixture
def copy(tmp_path):
    """A copy of the repository, with the packages that are installed here."""
    copy = tmp_path / "repository"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
    for name in (".venv", "node_modules"):
        (copy / name).symlink_to(ROOT / name)
    return copy


def write(copy: Path, example: Example) -> None:
    for name, change in example.changes.items():
        path = copy / name
        path.write_text(changed(path.read_text(encoding="utf-8"), change), encoding="utf-8")
    for name, body in example.files.items():
        path = copy / name
        assert not path.exists(), f"{name} is there already"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")


def run(command: list[str], folder: Path) -> str:
    """What a command says, run in the copy; it must succeed."""
    kept = {name: value for name, value in environment().items() if not name.startswith("PYTEST_")}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        command, cwd=folder, env=kept | threads | {"PYTHONPATH": str(folder)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}"
    return done.stdout


def leave_out_other_pages(copy: Path, example: Example) -> None:
    """The whole book takes minutes to build; what an added page is held to, it is held to alone."""
    pages = [name.removesuffix(".md") for name in example.files if name.startswith("chapters/")]
    contents = (copy / "_toc.yml").read_text(encoding="utf-8")
    assert all(f"- file: {page}\n" in contents for page in pages)
    names = [*pages, "book/references"]
    lines = ["format: jb-book", "root: book/index", "chapters:", *(f"  - file: {n}" for n in names)]
    (copy / "_toc.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (copy / "book" / "index.md").write_text(FIRST_PAGE, encoding="utf-8")


def test_there_is_an_example_of_each_thing_that_can_be_added():
    things = ["page", "widget", "module", "data set", "recording", "lab"]
    assert [example.title for example in EXAMPLES] == [f"Add a {thing}" for thing in things]
    assert all(example.files and example.commands for example in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_the_example_works(example, copy):
    write(copy, example)
    if any(name.startswith("chapters/") for name in example.files):
        leave_out_other_pages(copy, example)
    for command in example.commands:
        said = run(shlex.split(command), copy)
        assert "-m pytest" not in command or re.search(r"\d+ passed", said)
        assert "skipped" not in said


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_the_example_is_in_the_projects_style(example, copy):
    write(copy, example)
    if names := [name for name in example.files if name.endswith(".py")]:
        run([".venv/bin/ruff", "check", *names], copy)
        run([".venv/bin/ruff", "format", "--check", *names], copy)
    if names := [name for name in example.files if name.endswith(".js")]:
        run(["node_modules/.bin/biome", "check", "--error-on-warnings", *names], copy)
        for settings in ("tsconfig.json", "tsconfig.views.json"):
            run(["node_modules/.bin/tsc", "-p", settings, "--pretty", "false"], copy)


def test_an_example_that_is_wrong_fails(copy):
    """The copy's own package runs, not the one that is installed."""
    (example,) = (one for one in EXAMPLES if one.title == "Add a module")
    (name,) = (name for name in example.files if name.startswith("introml/"))
    wrong = example.files | {name: example.files[name].replace("size**2 / 2", "size**2 / 3")}
    write(copy, Example(example.title, wrong, example.changes, example.commands))
    with pytest.raises(AssertionError, match="failed"):
        run(shlex.split(example.commands[0]), copy)


SINGLE = re.search(r"^## Run one test.*?^```bash\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)[1]


@pytest.mark.parametrize("line", SINGLE.splitlines())
def test_a_command_for_one_test_finds_tests(line):
    command = shlex.split(line, comments=True)
    assert command[:3] == [".venv/bin/python", "-m", "pytest"]
    said = run([sys.executable, *command[1:], "--collect-only", "-p", "no:cacheprovider"], ROOT)
    assert re.search(r"^\d+(/\d+)? tests? collected|^\d+/\d+ tests collected", said, re.MULTILINE)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z]+)`", TEXT))))
def test_the_targets_of_make_that_it_names_are_there(target):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE)


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`((?:tests|introml|tools|assets)/[^`\s<]+)`", TEXT)))
)
def test_the_files_that_it_names_are_there(name):
    written = {file for example in EXAMPLES for file in example.files}
    made = {"assets/recordings/rounding.json"}
    assert (ROOT / name).exists() or name in written | made


def test_no_example_is_in_the_repository():
    """What the examples write is free, so that they can be followed."""
    assert [n for one in EXAMPLES for n in one.files if os.path.lexists(ROOT / n)] == []
