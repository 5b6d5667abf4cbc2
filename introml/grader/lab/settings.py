"""`lab.toml`: a lab's title, limits, attempts, late rule, tiers, and what may not be used."""

from __future__ import annotations

import datetime
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introml.grader.families import FAMILIES
from introml.grader.lab.forbidden import Forbidden, known_ways
from introml.grader.lab.source import LabError

POLICIES = ("best", "last")
TIERS = ("cpu", "cuda")


@dataclass(frozen=True)
class LateRule:
    """Points taken off: the share `per_day` for each day begun after the grace, up to `max`.

    A day ends when clocks in `zone` show the same again. The course says which zone that is.
    """

    per_day: float = 0.0
    max: float = 0.0
    grace_minutes: float = 0.0
    zone: datetime.tzinfo = datetime.UTC


@dataclass(frozen=True)
class LabLimits:
    """What one submission may use: seconds, megabytes (MiB), processes."""

    wall_s: float
    memory_mb: int
    cpu_s: float
    check_s: float = 10.0
    processes: int = 64
    tmp_mb: int = 64
    file_mb: int = 16
    reply_mb: int = 64


@dataclass(frozen=True)
class Tier:
    """Where a lab runs, with the seconds and megabytes that a student should expect there."""

    name: str
    time_s: float
    memory_mb: int


@dataclass(frozen=True)
class LabSettings:
    """All of `lab.toml`."""

    title: str
    summary: str
    solutions_from: datetime.date
    limits: LabLimits
    tiers: tuple[Tier, ...]
    attempts: int = 0
    policy: str = "best"
    late: LateRule = LateRule()
    families: tuple[str, ...] = ()
    compiler: bool = False

    @property
    def zone(self) -> datetime.tzinfo:
        """Where the lab is handed in: the days of its dates and of its late rule are this one's."""
        return self.late.zone

    @property
    def forbidden(self) -> tuple[Forbidden, ...]:
        """The names by which readers know what is withheld."""
        return known_ways(self.families)


class _Table:
    """A table of the file, whose values are taken out one by one; what is left is an error."""

    def __init__(self, path: Path, name: str, values: dict[str, Any]) -> None:
        self._path, self._name, self._values = path, name, dict(values)

    def wrong(self, key: str, message: str) -> LabError:
        return LabError(self._path, None, f"{self._name}{key} {message}")

    def take(self, key: str, default: Any = None) -> Any:
        value = self._values.pop(key, default)
        if value is None:
            raise self.wrong(key, "is missing")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        value = self.take(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self.wrong(key, f"is {value!r}; it must be a text")
        return value

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        value = self.take(key, default)
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not math.isfinite(value) or not low <= value <= high:
            raise self.wrong(key, f"is {value!r}; it must be a number from {low:g} to {high:g}")
        return value

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value = self.number(key, low, high, default)
        if value != int(value):
            raise self.wrong(key, f"is {value!r}; it must be a whole number")
        return int(value)

    def table(self, key: str) -> _Table:
        value = self.take(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, f"is {value!r}; it must be a table: [{key}]")
        return _Table(self._path, f"{key}.", value)

    def end(self, allowed: str) -> None:
        if self._values:
            key = min(self._values)
            raise self.wrong(key, f"is not a setting; allowed are {allowed}")


def read_settings(path: Path) -> LabSettings:
    """The settings of a lab. Raises `LabError`, which names the setting and what is allowed."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LabError(path, None, "there is no such file; a lab has a lab.toml") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise LabError(path, None, f"is not TOML: {problem}") from problem
    table = _Table(path, "", values)
    settings = LabSettings(
        title=table.text("title"),
        summary=table.text("summary"),
        solutions_from=_date(table),
        limits=_limits(table.table("limits")),
        tiers=_tiers(path, table),
        attempts=table.whole("attempts", 0, 10_000, 0),
        policy=_choice(table, "policy", POLICIES, "best"),
        late=_late(table.table("late")),
        families=_families(table),
        compiler=_truth(table, "compiler"),
    )
    table.end(
        "title, summary, attempts, policy, solutions_from, families, compiler, [late], [limits] "
        "and [[tier]]"
    )
    return settings


def _date(table: _Table) -> datetime.date:
    value = table.take("solutions_from")
    # A datetime is a date to Python, but has a time of day, and perhaps a zone.
    if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
        raise table.wrong("solutions_from", f"is {value!r}; it must be a date: 2027-03-01")
    return value


def _choice(table: _Table, key: str, allowed: tuple[str, ...], default: str | None) -> str:
    value = table.text(key, default)
    if value not in allowed:
        raise table.wrong(key, f"is {value!r}; it must be one of {', '.join(map(repr, allowed))}")
    return value


def _truth(table: _Table, key: str) -> bool:
    value = table.take(key, False)
    if not isinstance(value, bool):
        raise table.wrong(key, f"is {value!r}; it must be true or false")
    return value


def _limits(table: _Table) -> LabLimits:
    wall_s = table.number("wall_s", 1, 86_400)
    limits = LabLimits(
        wall_s=wall_s,
        memory_mb=table.whole("memory_mb", 256, 1_000_000),
        cpu_s=table.number("cpu_s", 1, 864_000, wall_s),
        check_s=table.number("check_s", 0.1, 86_400, 10.0),
        processes=table.whole("processes", 1, 10_000, 64),
        tmp_mb=table.whole("tmp_mb", 1, 100_000, 64),
        file_mb=table.whole("file_mb", 1, 100_000, 16),
        reply_mb=table.whole("reply_mb", 1, 10_000, 64),
    )
    table.end("wall_s, cpu_s, check_s, memory_mb, processes, tmp_mb, file_mb, reply_mb")
    return limits


def _late(table: _Table) -> LateRule:
    rule = LateRule(
        per_day=table.number("per_day", 0, 1, 0.0),
        max=table.number("max", 0, 1, 0.0),
        grace_minutes=table.number("grace_minutes", 0, 100_000, 0.0),
    )
    table.end("per_day, max, grace_minutes")
    return rule


def _tiers(path: Path, table: _Table) -> tuple[Tier, ...]:
    values = table.take("tier", [])
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise table.wrong("tier", "must be written as [[tier]]")
    tiers = []
    for value in values:
        one = _Table(path, "tier.", value)
        name = _choice(one, "name", TIERS, None)
        tiers.append(
            Tier(
                name=name,
                time_s=one.number("time_s", 0, 86_400),
                memory_mb=one.whole("memory_mb", 1, 1_000_000),
            )
        )
        one.end("name, time_s, memory_mb")
    names = [tier.name for tier in tiers]
    if "cpu" not in names or len(set(names)) != len(names):
        raise table.wrong("tier", f"names {names}; there must be one named cpu, and none twice")
    return tuple(tiers)


def _families(table: _Table) -> tuple[str, ...]:
    values = table.take("families", [])
    if not isinstance(values, list):
        raise table.wrong("families", f"is {values!r}; it must be a list of names")
    for value in values:
        if not isinstance(value, str) or value not in FAMILIES:
            known = ", ".join(FAMILIES)
            raise table.wrong("families", f"names {value!r}, which is none; there are: {known}")
    return tuple(dict.fromkeys(values))
