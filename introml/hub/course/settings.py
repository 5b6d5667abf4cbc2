"""`course.toml`: the settings of a course, read and checked."""

from __future__ import annotations

import tomllib
import zoneinfo
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from introml.book.paths import LABS
from introml.grader.lab import labs
from introml.hub.course.hub_settings import HubSettings, SigninSettings
from introml.hub.course.refused import CourseError
from introml.hub.course.settings_table import SettingsTable, Texts, checked, nearest
from introml.hub.course.slurm_settings import TEMPLATE as SLURM_TEMPLATE
from introml.hub.course.slurm_settings import SlurmSettings
from introml.hub.course.time_zone import is_zone, machines_zone

#: What a new course starts from; each setting is explained where a teacher will look for it.
TEMPLATE = (
    """\
# The settings of this course. After a change, stop the hub and start it again (make hub).
title = "Introduction to Machine Learning"

# The time zone in which pages show dates, forms take them, and a late day ends at the same hour.
# A change moves no deadline: pages show the same moments by other clocks. Left out: UTC.
time_zone = "UTC"

# Which labs are handed in here, in this order. Leave it out for all that there are, in the book's.
# labs = ["gradient-descent", "attention"]

# A folder of labs of your own, in place of the book's.
# labs_folder = "/srv/my-labs"

# Whether one has to sign in to read the book's pages here. Left out: whoever reaches the hub reads
# them. Of a lab they show nothing before it opens, to anybody.
# book_needs_sign_in = true

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
# What a student's server may use, and a student's home hold; `introml hub status` says what of
# it this machine can hold them to.
# mem_limit = "4G"
# cpu_limit = 2
# process_limit = 1000
# disk_limit = "10G"
# public_url = "https://hub.example.edu"
# A host name for each student's server; `introml hub hosts DOMAIN` writes it, and makes the
# certificate (needs names and a certificate for *.hub.example.edu):
# student_hosts = true
# A session is good where its browser signed in; false where people's addresses change all the time:
# bind_sessions = true

# How people sign in: by one-time invitations and passwords (left out), or by your institution.
# [signin]
# kind = "oauth"  # or "lti13"

"""
    + SLURM_TEMPLATE
)


def _is_there(folder: str) -> str:
    if folder and not Path(folder).is_dir():
        raise ValueError("there is no such folder")
    return folder


_Folder = Annotated[str, AfterValidator(_is_there)]


def _is_a_zone(name: str) -> str:
    if not is_zone(name):
        near = nearest(name, sorted(zoneinfo.available_timezones()))
        raise ValueError(f"there is no such time zone; {near}write one such as Europe/Berlin")
    return name


class Settings(SettingsTable):
    """`course.toml`: what `TEMPLATE` explains, key by key."""

    title: str = "Introduction to Machine Learning"
    time_zone: Annotated[str, AfterValidator(_is_a_zone)] = "UTC"
    labs: Texts = ()
    labs_folder: _Folder = ""
    gpu_labs: Texts = ()
    database: str = ""
    hidden: _Folder = ""
    workers: Annotated[int, Field(ge=0, le=256)] = 2
    book_needs_sign_in: bool = False
    largest: Annotated[int, Field(ge=1_000, le=1_000_000_000)] = 10_000_000
    hub: HubSettings = HubSettings()
    signin: SigninSettings = SigninSettings()
    #: Where Slurm starts the grading workers.
    slurm: SlurmSettings | None = None

    @model_validator(mode="after")
    def _has_its_labs(self) -> Settings:
        known = labs(self.folder_of_labs)
        for name in (*self.labs, *self.gpu_labs):
            if name not in known:
                raise ValueError(
                    f"{name!r} is no lab; {nearest(name, known)}there are: {', '.join(known)}"
                )
        return self

    @property
    def folder_of_labs(self) -> Path:
        """The course's own folder of labs, or the book's."""
        return Path(self.labs_folder) if self.labs_folder else LABS


def new_settings() -> str:
    """`course.toml` of a new course, in this machine's time zone."""
    return TEMPLATE.replace('time_zone = "UTC"', f'time_zone = "{machines_zone()}"')


def read_settings(path: Path) -> Settings:
    """The settings in `course.toml`. Raises `CourseError`, which names what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise CourseError(f"{path}: is not TOML: {problem}") from problem
    try:
        return checked(Settings, values, text=text)
    except ValueError as problem:
        raise CourseError("\n".join(f"{path}: {x}" for x in str(problem).splitlines())) from problem
