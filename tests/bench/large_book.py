"""Makes a book six times as large out of copies of today's, to measure and test what grows with it.

    python tests/bench/large_book.py FOLDER

The folder becomes a whole checkout, in which `make site` and `make test` run: 70 lessons, 45
widgets and 8 labs, each copy with its tests. Copies have titles, labels, names and code of their
own. A second call updates the folder and leaves what was built in it.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
LESSONS, WIDGETS, LABS = 70, 45, 8
#: What is built, installed or remembered in a checkout: not copied, and left alone in the copy.
BUILT = {"_build", ".venv", "node_modules", ".git", "__pycache__", "dist", ".pytest_cache",
         ".ruff_cache", ".hypothesis", "handout.md"}  # fmt: skip
GENERATIONS = "bcdefghijklmnopqrstuvwxyz"
LABEL = re.compile(
    r"^\(([\w-]+)\)=$|^:(?:label|name): (\S+)$|^:{3,}\{caption\} (\S+)$", re.MULTILINE
)
KERNEL = re.compile(r"\A---\n.*?^kernelspec:.*?^---\n", re.DOTALL | re.MULTILINE)


def copies(names: list[str], count: int) -> list[tuple[str, str]]:
    """Pairs (name, generation) of the copies to make, so that there are `count` in all."""
    pairs = [(name, generation) for generation in GENERATIONS for name in names]
    return pairs[: count - len(names)]


class Renaming:
    """Old names -> new ones, as whole words: `eq-line` is not found in `eq-line-fit`."""

    def __init__(self, names: dict[str, str]):
        self.names = names
        longest = sorted(names, key=len, reverse=True)
        words = "|".join(map(re.escape, longest)) or r"\Z\A"
        self.pattern = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])")

    def __call__(self, text: str) -> str:
        return self.pattern.sub(lambda found: self.names[found.group(0)], text)


def widget_class(stem: str) -> str:
    return "".join(word.capitalize() for word in stem.split("_"))


def widget_names(stem: str, generation: str) -> dict[str, str]:
    """How the widget's copy is called wherever the widget is named."""
    new, kebab = f"{stem}_{generation}", stem.replace("_", "-")
    return {
        widget_class(stem): widget_class(new),
        f"introml.widgets.{stem}": f"introml.widgets.{new}",
        f"widgets/{stem}": f"widgets/{new}",
        f"widget-{kebab}": f"widget-{kebab}-{generation}",
    }


def copy_text(source: Path, target: Path, change: Renaming) -> None:
    """A copy of a file with other names in it; one that is not text is copied as it is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        text = change(source.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        shutil.copy2(source, target)
        return
    write(target, text)


def write(path: Path, text: str) -> None:
    """Write the file unless it holds the text already: its time is what builds go by."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def files_below(folder: Path) -> Iterable[Path]:
    """The files of a checkout that are its own, in order."""
    for parent, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if name not in BUILT)
        yield from (Path(parent, name) for name in sorted(names) if name not in BUILT)


class LargeBook:
    """The checkout at `source`, and the large one that is made of it at `target`."""

    def __init__(self, source: Path, target: Path):
        self.source, self.target = source.resolve(), target.resolve()
        self.contents = yaml.safe_load((self.source / "_toc.yml").read_text(encoding="utf-8"))
        listed = [entry["file"] for part in self.contents["parts"] for entry in part["chapters"]]
        self.lessons = [name for name in listed if name.startswith("chapters/")]
        self.labs = sorted(path.parent.name for path in self.source.glob("labs/*/lab.md"))
        views = self.source.glob("introml/widgets/*/view.js")
        self.widgets = sorted(path.parent.name for path in views)

    def make(self) -> None:
        made = set(self.copy_checkout())
        made |= set(self.copy_widgets(copies(self.widgets, WIDGETS)))
        made |= set(self.copy_labs(copies(self.labs, LABS)))
        made |= set(self.copy_lessons(copies(self.lessons, LESSONS)))
        for path in set(files_below(self.target)) - made:
            path.unlink()
        self.install()

    def copy_checkout(self) -> Iterable[Path]:
        # What the copies change is written with them.
        changed = {"_toc.yml"}
        for path in files_below(self.source):
            name = path.relative_to(self.source).as_posix()
            target = self.target / name
            yield target
            if name in changed or (target.exists() and filecmp.cmp(path, target, shallow=False)):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target, follow_symlinks=False)

    def copy_widgets(self, pairs: list[tuple[str, str]]) -> Iterable[Path]:
        package = self.source / "introml" / "widgets"
        for stem, generation in pairs:
            change = Renaming(widget_names(stem, generation))
            tests = self.source / "tests" / "widgets"
            for folder in (package, tests):
                for path in files_below(folder):
                    name = path.relative_to(folder).as_posix()
                    if re.match(rf"(test_)?{stem}(/|\.py$)", name):
                        renamed = name.replace(stem, f"{stem}_{generation}", 1)
                        target = self.target / folder.relative_to(self.source) / renamed
                        copy_text(path, target, change)
                        yield target

    def copy_labs(self, pairs: list[tuple[str, str]]) -> Iterable[Path]:
        tests = self.source / "tests" / "labs"
        for name, generation in pairs:
            new = f"{name}-{generation}"
            stem, new_stem = name.replace("-", "_"), new.replace("-", "_")
            folder = self.source / "labs" / name
            title = re.search(r"^# (.+)$", (folder / "lab.md").read_text("utf-8"), re.MULTILINE)
            assert title, f"labs/{name}/lab.md has no title"
            titled = Renaming({title[1]: f"{title[1]} ({generation})"})
            for path in files_below(folder):
                target = self.target / "labs" / new / path.relative_to(folder)
                copy_text(path, target, titled)
                yield target
            own = [path for path in files_below(tests) if stem in path.name]
            names = {path.stem: path.stem.replace(stem, new_stem) for path in own} | {name: new}
            for path in own:
                target = self.target / "tests" / "labs" / path.relative_to(tests)
                target = target.with_name(path.name.replace(stem, new_stem))
                copy_text(path, target, Renaming(names))
                yield target

    def copy_lessons(self, pairs: list[tuple[str, str]]) -> Iterable[Path]:
        widgets = copies(self.widgets, WIDGETS)
        for generation in dict.fromkeys(generation for _, generation in pairs):
            docnames = [name for name, of in pairs if of == generation]
            texts = {name: (self.source / f"{name}.md").read_text("utf-8") for name in docnames}
            labels = [label for text in texts.values() for label in map(max, LABEL.findall(text))]
            names = {label: f"{label}-{generation}" for label in labels}
            names |= {name: f"{name}-{generation}" for name in docnames}
            for stem, of in widgets:
                if of == generation:
                    names |= widget_names(stem, generation)
            change = Renaming(names)
            for name, text in texts.items():
                target = self.target / f"{name}-{generation}.md"
                write(target, distinct(change(text), generation))
                yield target
        write(self.target / "_toc.yml", yaml.safe_dump(self.large_contents(pairs), sort_keys=False))

    def large_contents(self, lessons: list[tuple[str, str]]) -> dict:
        """The contents: today's parts, then a part a generation, with all labs in theirs."""
        parts = [dict(part) for part in self.contents["parts"]]
        at = next(i for i, part in enumerate(parts) if part["caption"] == "Labs")
        labs = [f"labs/{name}-{generation}/handout" for name, generation in copies(self.labs, LABS)]
        parts[at]["chapters"] = [*parts[at]["chapters"], *({"file": name} for name in labs)]
        more = [
            {
                "caption": f"Part {generation.upper()}",
                "chapters": [{"file": f"{name}-{of}"} for name, of in lessons if of == generation],
            }
            for generation in dict.fromkeys(generation for _, generation in lessons)
        ]
        return self.contents | {"parts": parts[:at] + more + parts[at:]}

    def install(self) -> None:
        """The installed packages: Python's linked file by file, the browser's as a whole."""
        modules = self.target / "node_modules"
        if not modules.exists():
            modules.symlink_to(self.source / "node_modules")
        old, new = self.source / ".venv", self.target / ".venv"
        if installed(new) == installed(old):
            return
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(old, new, symlinks=True, copy_function=link_or_copy)
        # Scripts and the editable install name the checkout that they belong to.
        was, now = str(self.source).encode(), str(self.target).encode()
        own = new.glob("lib/*/*/*introml*")
        for place in [new / "bin", new / "etc", new / "share", new / "pyvenv.cfg", *own]:
            for path in files_below_or_itself(place):
                content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
                if was in content:
                    replace_content(path, content.replace(was, now))
        for name in ("installed", "ready", "hub-ready", "test-ready"):
            replace_content(new / name, b"")


def distinct(text: str, generation: str) -> str:
    """The page with another title, and with a cell that makes its code another page's code."""
    title = re.search(r"^# .+$", KERNEL.sub("", text), re.MULTILINE)
    assert title, "a lesson has no title"
    text = text.replace(title[0], f"{title[0]} ({generation})", 1)
    if not KERNEL.match(text):
        return text
    cell = f'```{{code-cell}} ipython3\n:tags: [remove-cell]\n\ngeneration = "{generation}"\n```'
    return text.replace("\n## ", f"\n{cell}\n\n## ", 1)


def files_below_or_itself(path: Path) -> list[Path]:
    return list(path.rglob("*")) if path.is_dir() else [path]


def installed(environment: Path) -> set[str]:
    """The packages of a virtual environment, versions included."""
    return {path.name for path in environment.glob("lib/*/site-packages/*")}


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system
        shutil.copy2(source, target, follow_symlinks=False)


def replace_content(path: Path, content: bytes) -> None:
    """Write a file of its own: what is linked belongs to both checkouts."""
    mode = path.stat().st_mode if path.exists() else 0o644
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def make(target: Path, source: Path = ROOT) -> None:
    """Make the large book at `target`, or bring it up to date."""
    LargeBook(source, target).make()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    make(parser.parse_args().folder)
