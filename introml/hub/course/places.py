"""Where a course and its homes lie if nobody says: in places of their own, never in the checkout.

`make hub` asks before anything is installed, so this file uses Python's own modules alone.
"""

from __future__ import annotations

import os
from pathlib import Path

#: Where students' homes are, where each is a user of the machine.
HOMES = Path("/home/introml")
#: The home of the one person who uses a hub without root, the first that is no checkout.
_OWN_HOMES = ("introml", "introml-home")


def default_folder() -> Path:
    """Where `make hub` keeps a course: /var/lib/introml for root, else in the home folder."""
    if named := os.environ.get("INTROML_COURSE"):
        return Path(named)
    if os.geteuid() == 0:
        return Path("/var/lib/introml")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "introml"


def default_homes(checkout: Path) -> Path:
    """The folder of the students' homes; without root, the home of the one person.

    Many clone the book into ~/introml: what a server writes would lie among the labs' sources.
    """
    if os.geteuid() == 0:
        return HOMES
    places = [Path.home() / name for name in _OWN_HOMES]
    fit = (one for one in places if not overlap(one, checkout) and not _is_checkout(one))
    return next(fit, places[-1])


def overlap(one: Path, other: Path) -> bool:
    """Whether one of two folders is the other, or lies in it."""
    one, other = one.resolve(), other.resolve()
    return one == other or one in other.parents or other in one.parents


def _is_checkout(folder: Path) -> bool:
    return (folder / ".git").exists() or (folder / "_toc.yml").exists()
