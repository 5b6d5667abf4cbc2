"""A course: a folder that only its owner can read, with its settings, keys, database and files."""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from introml.book.paths import LABS
from introml.grader.lab import Lab, LabError, labs, load_lab
from introml.hub.course.blobs import Blobs
from introml.hub.course.database import Database
from introml.hub.course.receipts import Signer
from introml.hub.course.secret_files import made_once
from introml.hub.course.slurm_settings import TEMPLATE as _SLURM_TEMPLATE
from introml.hub.course.slurm_settings import SlurmSettings, read_slurm

#: What a new course starts from; each setting is explained where a teacher will look for it.
_TEMPLATE = """\
# The settings of this course. After a change, stop the hub and start it again (make hub).
title = "Introduction to Machine Learning"

# Which labs are handed in here, in this order. Leave it out for all that there are.
# labs = ["gradient-descent", "attention"]

# A folder of labs of your own, in place of the book's.
# labs_folder = "/srv/my-labs"

# Labs that GPU workers grade, with their GPU tier.
# gpu_labs = ["attention"]

# Where submissions and grades are kept. Left out: SQLite in this folder.
# database = "postgresql://introml@/introml"

# A folder of hidden checks that take the place of the repository's (see the page Writing a lab).
# hidden = "/srv/introml-hidden"

# How many grading workers run on this machine. 0 where Slurm starts them.
workers = 2

# The largest notebook that may be handed in, in bytes.
largest = 10_000_000

# Where the hub listens, and how long an idle server of a student's lives.
# [hub]
# address = "127.0.0.1"
# port = 8000
# idle_minutes = 60
# public_url = "https://hub.example.edu"
# A host name for each student's server (needs names and a certificate for *.hub.example.edu):
# student_hosts = true

# How people sign in: by one-time invitations and passwords (left out), or by your institution.
# [signin]
# kind = "oauth"  # or "lti13"
"""


class CourseError(Exception):
    """The course cannot be used as it is; the text says why, and what to do."""


@dataclass(frozen=True)
class Settings:
    """`course.toml`, read and checked."""

    title: str = "Introduction to Machine Learning"
    labs: tuple[str, ...] = ()
    labs_folder: str = ""
    gpu_labs: tuple[str, ...] = ()
    database: str = ""
    hidden: str = ""
    workers: int = 2
    largest: int = 10_000_000
    #: The tables [hub] and [signin], which `hub_config` reads and checks.
    hub: Mapping[str, Any] = field(default_factory=dict)
    signin: Mapping[str, Any] = field(default_factory=dict)
    #: Where Slurm starts the grading workers: the table [slurm].
    slurm: SlurmSettings | None = None


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
            path.write_text(f"{_TEMPLATE}\n{_SLURM_TEMPLATE}", encoding="utf-8")
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
        folder = _labs_folder(self.settings)
        names = self.settings.labs or labs(folder)
        return {name: load_lab(str(folder / name), hidden) for name in names}

    def secret(self, name: str) -> str:
        """A random secret of this course, made once and kept in a file with mode 0600."""
        make = lambda: secrets.token_urlsafe(32).encode("ascii")  # noqa: E731
        return made_once(self.folder / f"{name}.secret", make).decode("ascii")


def default_folder() -> Path:
    """Where `make hub` keeps a course: /var/lib/introml for root, else in the home folder."""
    if named := os.environ.get("INTROML_COURSE"):
        return Path(named)
    if os.geteuid() == 0:
        return Path("/var/lib/introml")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "introml"


def read_settings(path: Path) -> Settings:
    """The settings in `course.toml`. Raises `CourseError`, which names what is wrong."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise CourseError(f"{path}: is not TOML: {problem}") from problem
    slurm = None
    if "slurm" in values:
        try:
            slurm = read_slurm(values.pop("slurm"))
        except ValueError as problem:
            raise CourseError(f"{path}: {problem}") from problem
    kinds = {key: type(value) for key, value in vars(Settings()).items() if key != "slurm"}
    for key, value in values.items():
        if key not in kinds:
            allowed = ", ".join(kinds)
            raise CourseError(f"{path}: {key} is no setting; allowed are {allowed}, [slurm]")
        wanted = list if kinds[key] is tuple else kinds[key]
        if type(value) is not wanted:
            raise CourseError(f"{path}: {key} is {value!r}; it must be a {wanted.__name__}")
    settings = Settings(
        **{key: tuple(x) if isinstance(x, list) else x for key, x in values.items()}, slurm=slurm
    )
    if not 0 <= settings.workers <= 256:
        raise CourseError(f"{path}: workers is {settings.workers}; it must be 0 to 256")
    if not 1_000 <= settings.largest <= 1_000_000_000:
        raise CourseError(f"{path}: largest is {settings.largest}; it must be 1000 to 10^9 bytes")
    if settings.hidden and not Path(settings.hidden).is_dir():
        raise CourseError(f"{path}: hidden is {settings.hidden!r}; there is no such folder")
    if settings.labs_folder and not Path(settings.labs_folder).is_dir():
        raise CourseError(
            f"{path}: labs_folder is {settings.labs_folder!r}; there is no such folder"
        )
    known = labs(_labs_folder(settings))
    for name in settings.labs + settings.gpu_labs:
        if not isinstance(name, str) or name not in known:
            raise CourseError(f"{path}: {name!r} is no lab; there are: {', '.join(known)}")
    return settings


def _labs_folder(settings: Settings) -> Path:
    return Path(settings.labs_folder) if settings.labs_folder else LABS


__all__ = ["Course", "CourseError", "LabError", "Settings", "default_folder", "read_settings"]
