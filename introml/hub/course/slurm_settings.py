"""The table `[slurm]` of course.toml: how Slurm starts grading workers for this course."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from introml.grader.lab import TIERS

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
_PLAIN = re.compile(r"[\w.@+,-]{1,100}")
_GRES = re.compile(r"[\w.:,/-]{1,100}")
_OPTION = re.compile(r"--[a-z-]+(=[\x21-\x7e]{1,200})?")
#: Options that would undo what the launcher relies on.
_OURS = (
    "--array", "--job-name", "--parsable", "--requeue", "--no-requeue", "--uid", "--export",
    "--wrap", "--gres", "--mem", "--time", "--partition", "--account", "--output", "--chdir",
)  # fmt: skip


@dataclass(frozen=True)
class TierSettings:
    """What Slurm is asked for, for each worker of one tier, and how many may be there at a time."""

    workers: int = 4
    partition: str = ""
    minutes: int = 60
    memory_mb: int = 6000
    cpus: int = 1
    gres: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class SlurmSettings:
    """All of `[slurm]`. The files named must be there, under these paths, on the nodes."""

    url: str
    token_file: Path
    python: Path
    user: str
    account: str
    logs: Path | None
    tiers: dict[str, TierSettings]


def read_slurm(values: Any) -> SlurmSettings:
    """The settings in the table. Raises `ValueError`, which names what is wrong."""
    if not isinstance(values, dict):
        raise ValueError(f"slurm is {values!r}; it must be a table: [slurm]")
    left = dict(values)
    url = _text(left, "url")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.endswith("/"):
        raise ValueError(
            f"slurm.url is {url!r}; it must be the service's address as the nodes reach it, such "
            "as https://hub.example.edu/services/course/"
        )
    settings = SlurmSettings(
        url=url,
        token_file=_path(left, "token_file"),
        python=_path(left, "python"),
        user=_text(left, "user", "", _PLAIN),
        account=_text(left, "account", "", _PLAIN),
        logs=_path(left, "logs") if "logs" in left else None,
        tiers={name: _tier(name, left.pop(name)) for name in TIERS if name in left},
    )
    if left:
        raise ValueError(
            f"slurm.{min(left)} is no setting; allowed are url, token_file, python, user, account, "
            f"logs, {', '.join(TIERS)}"
        )
    if not settings.tiers:
        raise ValueError('slurm: no tier is there; write cpu = {workers = 8, partition = "…"}')
    return settings


def _tier(name: str, values: Any) -> TierSettings:
    if not isinstance(values, dict):
        raise ValueError(f"slurm.{name} is {values!r}; it must be a table: {{workers = 8}}")
    left = dict(values)
    where = f"{name}."
    own = TierSettings(gres="gpu:1" if name == "cuda" else "")
    options = left.pop("options", [])
    if not isinstance(options, list) or not all(isinstance(x, str) for x in options):
        raise ValueError(f"slurm.{name}.options is {options!r}; it must be a list of texts")
    for one in options:
        if not _OPTION.fullmatch(one) or one.partition("=")[0] in _OURS:
            raise ValueError(
                f"slurm.{name}.options: {one!r} cannot be given; write long options with their "
                f"value, such as --qos=low, and none of {', '.join(_OURS)}"
            )
    settings = TierSettings(
        workers=_whole(left, "workers", 0, 500, own.workers, where),
        partition=_text(left, "partition", "", _PLAIN, where),
        minutes=_whole(left, "minutes", 2, 10_000, own.minutes, where),
        memory_mb=_whole(left, "memory_mb", 500, 10_000_000, own.memory_mb, where),
        cpus=_whole(left, "cpus", 1, 1000, own.cpus, where),
        gres=_text(left, "gres", own.gres, _GRES, where),
        options=tuple(options),
    )
    if left:
        allowed = ", ".join(vars(own))
        raise ValueError(f"slurm.{name}.{min(left)} is no setting; allowed are {allowed}")
    return settings


def _text(
    left: dict[str, Any],
    key: str,
    default: str | None = None,
    form: re.Pattern[str] | None = None,
    where: str = "",
) -> str:
    value = left.pop(key, default)
    if value is None:
        raise ValueError(f"slurm.{where}{key} is missing")
    if not isinstance(value, str) or (value and form is not None and not form.fullmatch(value)):
        raise ValueError(f"slurm.{where}{key} is {value!r}; it must be a text without odd signs")
    return value


def _path(left: dict[str, Any], key: str) -> Path:
    path = Path(_text(left, key))
    if not path.is_absolute():
        raise ValueError(f"slurm.{key} is {str(path)!r}; it must be an absolute path")
    return path


def _whole(
    left: dict[str, Any], key: str, low: int, high: int, default: int, where: str = ""
) -> int:
    value = left.pop(key, default)
    if type(value) is not int or not low <= value <= high:
        raise ValueError(
            f"slurm.{where}{key} is {value!r}; it must be a whole number from {low} to {high}"
        )
    return value
