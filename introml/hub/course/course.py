"""A course: a folder that only its owner can read, with its settings, keys, database and files."""

from __future__ import annotations

import os
import re
import secrets
import sys
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from introml.book.paths import ROOT
from introml.grader import atomic
from introml.grader.lab import PAGE, Lab, labs, load_lab
from introml.hub.course.blobs import Blobs
from introml.hub.course.database import Database
from introml.hub.course.hub_settings import HubSettings
from introml.hub.course.places import default_homes
from introml.hub.course.receipts import Signer
from introml.hub.course.refused import CourseError
from introml.hub.course.secret_files import made_once
from introml.hub.course.settings import Settings, new_settings, read_settings
from introml.hub.course.settings_table import checked

_URL = "hub.url"


class Course:
    """The course in a folder. `Course.at` makes what is missing in it."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings

    @classmethod
    def at(cls, folder: Path) -> Course:
        """The course in `folder`, made with mode 0700 if it is new. Raises `CourseError`."""
        folder = folder.absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            raise CourseError(
                f"{folder}: others can read this folder, and it will hold submissions and keys; "
                f"run: chmod 700 {folder}"
            )
        path = folder / "course.toml"
        if not path.exists():
            path.write_text(new_settings(), encoding="utf-8")
        return cls(folder, read_settings(path))

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.database or f"sqlite:///{self.folder / 'course.sqlite'}")

    @cached_property
    def blobs(self) -> Blobs:
        return Blobs(self.folder / "submissions")

    @cached_property
    def signer(self) -> Signer:
        return Signer.at(self.folder / "receipt.key")

    @cached_property
    def labs(self) -> dict[str, Lab]:
        """The labs of this course by name, in its order. Raises `LabError`."""
        hidden = Path(self.settings.hidden) if self.settings.hidden else None
        folder = self.settings.folder_of_labs
        names = self.settings.labs or _in_the_books_order(folder)
        return {name: self._here(load_lab(str(folder / name), hidden)) for name in names}

    def _here(self, lab: Lab) -> Lab:
        late = replace(lab.settings.late, zone=self.zone)
        return replace(lab, settings=replace(lab.settings, late=late))

    @cached_property
    def zone(self) -> ZoneInfo:
        """The course's time zone."""
        return ZoneInfo(self.settings.time_zone)

    def hub_settings(self, **changes: Any) -> HubSettings:
        """[hub] with changes, and with what is left out in it. Raises `CourseError`."""
        values = self.settings.hub.model_dump(exclude_unset=True) | changes
        try:
            given = checked(HubSettings, values, "hub")
        except ValueError as problem:
            raise CourseError(f"{self.folder / 'course.toml'}: {problem}") from problem
        root = os.geteuid() == 0
        fallback = {
            "shared": "/opt/introml/shared" if root else str(self.folder / "shared"),
            "students_python": "/opt/introml/env/bin/python" if root else sys.executable,
            "homes": str(default_homes(ROOT)),
        }
        return given.model_copy(
            update={key: getattr(given, key) or value for key, value in fallback.items()}
        )

    @property
    def url(self) -> str:
        """Where people find the hub: as course.toml says, or as at its last start (PORT=8001)."""
        hub = self.hub_settings()
        path = self.folder / _URL
        if not hub.public_url and path.exists():
            return path.read_text(encoding="utf-8").strip()
        return hub.url

    def runs_at(self, url: str) -> None:
        """Keep where people find the hub from now on."""
        atomic.write(self.folder / _URL, f"{url}\n".encode())

    def secret(self, name: str) -> str:
        """A random secret of this course, made once and kept in a file with mode 0600."""
        make = lambda: secrets.token_urlsafe(32).encode("ascii")  # noqa: E731
        return made_once(self.folder / f"{name}.secret", make).decode("ascii")


def _in_the_books_order(folder: Path) -> list[str]:
    """All labs of a folder: as the book beside it lists their pages, then the others by name."""
    contents = folder.parent / "_toc.yml"
    listed: list[str] = []
    if contents.is_file():
        page = rf"^\s*-?\s*file:\s*{re.escape(folder.name)}/([\w-]+)/{Path(PAGE).stem}\b"
        listed = re.findall(page, contents.read_text(encoding="utf-8"), re.MULTILINE)
    found = labs(folder)
    return [name for name in listed if name in found] + [x for x in found if x not in listed]


__all__ = ["Course", "CourseError"]
