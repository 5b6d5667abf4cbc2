"""`introml fetch`, in a terminal of the hub: a lab's notebook or a page of the book, back.

A lab comes as it was last handed in, or as it is released where nothing was. What is there is
never written over: it is put aside, under another name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from introml.grader import atomic
from introml.grader.student import LastHandIn, last_hand_in
from introml.hub.servers.singleuser import HOME, SHARED, folder_in, given, read

_MOST_ASIDE = 99


class NothingToFetch(Exception):
    """There is nothing of that name, or no place to fetch it from; the text says what to do."""


def fetch(
    what: str,
    *,
    blank: bool = False,
    environment: Mapping[str, str] = os.environ,
    handed_in: Callable[[str], LastHandIn | None] = last_hand_in,
) -> Iterator[str]:
    """Bring back `what`, or with an empty one all that was deleted; says in a line each what came.

    `what` is a lab's name, or a path as it is in the home; `blank` takes a lab as it was released.
    Raises `NothingToFetch`, `NotFetched` and `OSError`.
    """
    home, shared = environment.get(HOME), environment.get(SHARED)
    if not home or not shared:
        raise NothingToFetch(
            "This is no terminal of a course's JupyterHub. Sign in there, and choose File, New, "
            "Terminal."
        )
    sources = {place: source for source, place, _ in given(Path(shared))}
    if not what:
        yield from _all_deleted(Path(home), sources, blank, handed_in)
        return
    place = _place(what, Path(home), sources)
    yield from _one(Path(home), place, sources, blank, handed_in)


def _all_deleted(
    home: Path,
    sources: Mapping[Path, Path],
    blank: bool,
    handed_in: Callable[[str], LastHandIn | None],
) -> Iterator[str]:
    missing = [place for place in sources if not os.path.lexists(home / place)]
    for place in missing:
        if not os.path.lexists(home / place):  # a lab's checks come with its notebook
            yield from _one(home, place, sources, blank, handed_in)
    if not missing:
        yield "Nothing is missing. To have a lab back as you last handed it in: introml fetch LAB"


def _place(what: str, home: Path, sources: Mapping[Path, Path]) -> Path:
    """Where in the home it belongs. Raises `NothingToFetch`."""
    lab = Path("labs") / what / f"{what}.ipynb"
    if lab in sources:
        return lab
    for base in (Path.cwd(), home):
        with_home = Path(os.path.normpath(base / what))
        if with_home.is_relative_to(home) and with_home.relative_to(home) in sources:
            return with_home.relative_to(home)
    labs = ", ".join(place.stem for place in sources if _lab_of(place))
    raise NothingToFetch(
        f"There is no lab and no page {what!r}. The labs that are open: {labs or 'none'}. A page "
        "is named by its path, such as book/chapters/ml-basics/features.ipynb."
    )


def _lab_of(place: Path) -> str:
    """The lab whose notebook this is, or nothing."""
    is_lab = place.parts[0] == "labs" and place.suffix == ".ipynb"
    return place.stem if is_lab and place.parent.name == place.stem else ""


def _one(
    home: Path,
    place: Path,
    sources: Mapping[Path, Path],
    blank: bool,
    handed_in: Callable[[str], LastHandIn | None],
) -> Iterator[str]:
    lab, content, words = _lab_of(place), sources[place].read_bytes(), "as it was given out"
    if lab and not blank and (last := handed_in(lab)) is not None:
        when = last.submitted_at.astimezone().strftime("%Y-%m-%d %H:%M %Z")
        content, words = last.data, f"as you handed it in: attempt {last.number}, {when}"
    yield f"{place} {_put(home, place, content)}, {words}."
    for other in sources:
        if lab and other.parent == place.parent and not os.path.lexists(home / other):
            atomic.write(home / other, sources[other].read_bytes())


def _put(home: Path, place: Path, content: bytes) -> str:
    """Write a file, after what has its place was put aside; what became of it, in words."""
    target = folder_in(home, place.parent) / place.name
    if read(target) == content:
        return "is there already"
    if not os.path.lexists(target):
        atomic.write(target, content)
        return "is back"
    for number in range(1, _MOST_ASIDE + 1):
        more = f"-{number}" if number > 1 else ""
        aside = target.with_name(f"{target.stem}-before{more}{target.suffix}")
        if not os.path.lexists(aside):
            target.rename(aside)
            atomic.write(target, content)
            return (
                f"is back (what was there is now {aside.name}; if it is open, close its tab and "
                "open the file anew)"
            )
    raise FileExistsError(17, f"there are {_MOST_ASIDE} files put aside; delete some", str(target))
