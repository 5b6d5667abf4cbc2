"""Whether students, who have a shell on this machine, could read what is the course's alone.

Hidden checks and the labs' folders are always so; so is what a lab's repository remembers. All else
beside them (tests, drafts, copies) is the course's alone while it gives a lab away, by what is in
it, and the lab's solution is not out. What is handed to students must give none away.
"""

from __future__ import annotations

import grp
import hashlib
import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from introml.book.paths import ROOT
from introml.grader import atomic
from introml.grader.lab import Lab
from introml.hub.course import Course, now
from introml.hub.grades import solution_for_all_from
from introml.hub.operate import answer_search, packed
from introml.hub.operate.answer_search import Wanted, given_away, text_in
from introml.hub.people import GROUP

#: What is not searched for answers: what was installed, and what is looked at by itself.
_NOT_SEARCHED = (".git", "site-packages", "node_modules")
_LARGEST, _LARGEST_PACKED = 2_000_000, 200_000_000
_MEMORY = "searched-for-answers.json"


class _File(NamedTuple):
    path: Path
    size: int
    #: What changes when the file does: when it was last changed, in any way.
    changed: str


class GivenAway(NamedTuple):
    """A file that gives labs away to those who can read it."""

    path: Path
    labs: tuple[str, ...]


def open_to_students(course: Course) -> list[Path]:
    """What to close: folders and files in which any user can read hidden checks or answers.

    Needs root to find out.
    """
    found = {folder for folder, secret in _secrets(course) if any(_open_files([secret]))}
    found |= {_to_close(one.path) for one in given_away_beside(course)}
    # What lies in a folder that is to be closed is closed with it.
    return sorted(one for one in found if not found & set(one.parents))


def given_away_beside(course: Course) -> list[GivenAway]:
    """Files in the labs' repositories, and not in the labs, that any user can read."""
    labs = {lab.folder.parent for lab in course.labs.values()}
    return [
        one
        for one in _search(course, _repositories(course), _NOT_SEARCHED)
        if not labs & set(one.path.parents)
    ]


def given_out(course: Course, folders: Iterable[Path]) -> list[GivenAway]:
    """Files in what students are given (the book's pages, the package) that give labs away."""
    return _search(course, [folder for folder in folders if folder.is_dir()], ())


def _secrets(course: Course) -> Iterator[tuple[Path, Path]]:
    """What nobody else may read, each after the folder to close."""
    for lab in course.labs.values():
        # A lab's text has its solutions in it, and so have the answers its checks are tried on.
        yield lab.folder.parent, lab.folder
    for repository in _repositories(course):  # and so has what was ever committed
        if (git := _git_folder(repository)) is not None:
            yield git, git
        for git in _gits_inside(repository):
            yield git, git
    if course.settings.hidden:
        yield Path(course.settings.hidden), Path(course.settings.hidden)


def _repositories(course: Course) -> list[Path]:
    """The folders that the labs and their private checks came in, with all that lies beside."""
    found = set()
    places = [lab.folder for lab in course.labs.values()]
    for place in [*places, *map(Path, filter(None, [course.settings.hidden]))]:
        above = [one for one in place.resolve().parents if one == ROOT or (one / ".git").exists()]
        found |= set(above[:1])
    return sorted(found)


def _git_folder(repository: Path) -> Path | None:
    """Where a repository keeps what was committed; a worktree says in a file where that is."""
    git = repository / ".git"
    if git.is_file():
        git = repository / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        common = git / "commondir"
        if common.is_file():
            git = (git / common.read_text(encoding="utf-8").strip()).resolve()
    return git if git.is_dir() else None


def _gits_inside(repository: Path) -> Iterator[Path]:
    """What copies of a repository that lie in it remember: clones, and bare ones of any name."""
    command = ["find", str(repository), "-mindepth", "2"]
    for name in ("site-packages", "node_modules"):
        command += ["-name", name, "-prune", "-o"]
    command += ["-type", "d", "-name", "objects", "-print0"]
    done = subprocess.run(command, cwd="/", capture_output=True, check=False)
    for line in done.stdout.split(b"\0")[:-1]:
        git = Path(line.decode("utf-8", "surrogateescape")).parent
        if (git / "HEAD").is_file() and (git / "refs").is_dir() and git != repository / ".git":
            yield git


def _to_close(path: Path) -> Path:
    """The folder at the top of the repository that a file is in; the file if it is in none."""
    root = next((one for one in path.parents if (one / ".git").exists()), ROOT)
    inside = path.relative_to(root).parts if path.is_relative_to(root) else ()
    return root / inside[0] if inside else path


def _search(course: Course, folders: list[Path], without: tuple[str, ...]) -> list[GivenAway]:
    """The files that any user can read there, and the labs that they give away.

    What was searched before, and has not changed since, is remembered.
    """
    labs = _secret_labs(course)
    memory = course.folder / _MEMORY
    version = _version(labs)
    known, kept, found = _remembered(memory, version), {}, []
    wanted: list[Wanted] | None = None
    for file in _open_files(folders, without):
        if file.size > _LARGEST and not _is_packed(file):
            continue
        state = [file.size, file.changed]
        before = known.get(str(file.path))
        if before is None or before[:2] != state:
            wanted = [Wanted.of(lab) for lab in labs] if wanted is None else wanted
            try:
                text = text_in(file.path.name, file.path.read_bytes())
            except OSError:
                continue  # it went away
            before = [*state, *given_away(text, wanted)]
        kept[str(file.path)] = before
        if before[2:]:
            found.append(GivenAway(file.path, tuple(before[2:])))
    if kept != {path: known.get(path) for path in kept}:
        files = {path: state for path, state in known.items() if Path(path).exists()} | kept
        atomic.write(memory, json.dumps({"for": version, "files": files}))
        memory.chmod(0o600)
    return sorted(found)


def _is_packed(file: _File) -> bool:
    if file.size > _LARGEST_PACKED:
        return False
    try:
        with open(file.path, "rb") as opened:
            return packed.is_packed(opened.read(512))
    except OSError:
        return False


def _secret_labs(course: Course) -> list[Lab]:
    """The labs whose solutions some student may not see yet."""
    at = now()
    with course.database.reading() as session:
        labs = course.labs.values()
        return [lab for lab in labs if solution_for_all_from(session, lab) > at]


def _remembered(memory: Path, version: str) -> dict[str, list]:
    try:
        node = json.loads(memory.read_text(encoding="utf-8"))
        return node["files"] if node["for"] == version else {}
    except (OSError, ValueError, KeyError):
        return {}


def _version(labs: list[Lab]) -> str:
    """A hash of all that decides what a file gives away: labs, right answers, our own code."""
    digest = hashlib.sha256(Path(answer_search.__file__).read_bytes())
    digest.update(Path(packed.__file__).read_bytes())
    for lab in labs:
        digest.update(f"{lab.name} {lab.version}".encode())
        for one in lab.right_solutions():
            digest.update(repr(sorted(one.cells.items())).encode())
    return digest.hexdigest()


def _open_files(folders: Iterable[Path], without: tuple[str, ...] = ()) -> Iterator[_File]:
    """The files below these folders that a student can read, as `find` sees them as nobody."""
    there = [str(folder) for folder in folders]
    if not there:
        return  # where it is told no folder, `find` takes the one where it is
    pruned = [word for name in without for word in ("-name", name, "-o")][:-1]
    command = ["find", *there, *(["(", *pruned, ")", "-prune", "-o"] if pruned else [])]
    try:
        students = [grp.getgrnam(GROUP).gr_gid]
    except KeyError:
        students = []
    done = subprocess.run(
        [*command, "-type", "f", "-readable", "-printf", r"%s %C@ %p\0"],
        user="nobody", group=65534, extra_groups=students, cwd="/",
        env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False,
    )  # fmt: skip
    for line in done.stdout.split(b"\0")[:-1]:
        size, changed, path = line.split(b" ", 2)
        yield _File(Path(path.decode("utf-8", "surrogateescape")), int(size), changed.decode())
