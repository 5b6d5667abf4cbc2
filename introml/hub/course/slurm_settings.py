"""The table `[slurm]` of course.toml: how Slurm starts grading workers for this course."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from introml.grader.lab import TIERS
from introml.hub.course.settings_table import SettingsTable, checked

#: What a new course.toml says of it.
TEMPLATE = """\
# On a Slurm cluster, Slurm starts the grading workers: set workers = 0 above, and write here what
# holds on the nodes (deploy/slurm/README.md explains each).
# [slurm]
# url = "https://hub.example.edu/services/course/"
# token_file = "/shared/introml/worker.token"
# python = "/shared/introml/venv/bin/python"
# user = "introml"
# cpu = {workers = 8, partition = "teaching", minutes = 60, memory_mb = 6000}
# cuda = {workers = 1, partition = "gpu", minutes = 60, memory_mb = 16000, gres = "gpu:1"}
"""
_OPTION = re.compile(r"--[a-z-]+(=[\x21-\x7e]{1,200})?")
#: Options that would undo what the launcher relies on.
_OURS = (
    "--array", "--job-name", "--parsable", "--requeue", "--no-requeue", "--uid", "--export",
    "--wrap", "--gres", "--mem", "--time", "--partition", "--account", "--output", "--chdir",
)  # fmt: skip


def _option(text: str) -> str:
    if not _OPTION.fullmatch(text) or text.partition("=")[0] in _OURS:
        raise ValueError(
            "it cannot be given; write long options with their value, such as --qos=low, and none "
            f"of {', '.join(_OURS)}"
        )
    return text


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.endswith("/"):
        raise ValueError(
            "it must be the service's address as the nodes reach it, such as "
            "https://hub.example.edu/services/course/"
        )
    return text


def _absolute(text: Any) -> Path:
    if not isinstance(text, str) or not text.startswith("/"):
        raise ValueError("it must be an absolute path, as it is on the nodes")
    return Path(text)


_PLAIN = "a text of letters, digits and . @ + , - _ (100 at most)"
_Plain = Annotated[str, Field(pattern=r"^[\w.@+,-]{0,100}$", description=_PLAIN)]
_Gres = Annotated[
    str,
    Field(
        pattern=r"^[\w.:,/-]{0,100}$",
        description="a text of letters, digits and . : , / - _ (100 at most), such as gpu:1",
    ),
]
_Options = Annotated[
    tuple[Annotated[str, AfterValidator(_option)], ...],
    Field(strict=False, description="a list of texts, such as --qos=low"),
]
_AbsolutePath = Annotated[
    Path,
    BeforeValidator(_absolute),
    Field(description="an absolute path, as it is on the nodes"),
]


class TierSettings(SettingsTable):
    """What Slurm is asked for, for each worker of one tier, and how many may be there at a time."""

    workers: Annotated[int, Field(ge=0, le=500)] = 4
    partition: _Plain = ""
    minutes: Annotated[int, Field(ge=2, le=10_000)] = 60
    memory_mb: Annotated[int, Field(ge=500, le=10_000_000)] = 6000
    cpus: Annotated[int, Field(ge=1, le=1000)] = 1
    gres: _Gres = ""
    options: _Options = ()


class CudaTierSettings(TierSettings):
    """The same for workers with a GPU."""

    gres: _Gres = "gpu:1"


class SlurmSettings(SettingsTable):
    """All of `[slurm]`. The files named must be there, under these paths, on the nodes."""

    url: Annotated[
        str,
        AfterValidator(_address),
        Field(
            description="the service's address, such as https://hub.example.edu/services/course/"
        ),
    ]
    token_file: _AbsolutePath
    python: _AbsolutePath
    user: _Plain = ""
    account: _Plain = ""
    logs: _AbsolutePath | None = None
    cpu: TierSettings | None = None
    cuda: CudaTierSettings | None = None

    @model_validator(mode="after")
    def _has_a_tier(self) -> SlurmSettings:
        if not self.tiers:
            raise ValueError('no tier is there; write cpu = {workers = 8, partition = "…"}')
        return self

    @property
    def tiers(self) -> dict[str, TierSettings]:
        """The tiers that there are, by name."""
        found = {name: getattr(self, name) for name in TIERS}
        return {name: tier for name, tier in found.items() if tier is not None}


def read_slurm(values: Any) -> SlurmSettings:
    """The settings in the table. Raises `ValueError`, which names what is wrong."""
    return checked(SlurmSettings, values, "slurm")
