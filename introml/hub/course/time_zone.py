"""The time zone of a course: its name, what its clocks show, and which moment a clock means."""

from __future__ import annotations

import os
import zoneinfo
from datetime import UTC, datetime, tzinfo
from pathlib import Path

_LOCALTIME = Path("/etc/localtime")


def machines_zone() -> str:
    """The name of this machine's time zone, such as "Europe/Berlin"; "UTC" if it tells none."""
    named = os.environ.get("TZ", "").removeprefix(":")
    linked = os.path.realpath(_LOCALTIME).partition("/zoneinfo/")[2]
    name = next((name for name in (named, linked) if is_zone(name)), "UTC")
    return "UTC" if name == "Etc/UTC" else name


def is_zone(name: str) -> bool:
    """Whether there is a time zone of that name."""
    return name in zoneinfo.available_timezones()


def at_wall_clock(shown: datetime, zone: tzinfo) -> datetime:
    """The moment, in UTC, when clocks in the zone show this. Raises `ValueError` if they never do.

    Of an hour that comes twice, as clocks go back, it is the later one: a deadline is not earlier
    than it reads.
    """
    moment = shown.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None, fold=0) != shown:
        raise ValueError(f"there is no {shown:%H:%M} on {shown:%Y-%m-%d} in {zone}")
    return moment


def clock_words(at: datetime, zone: tzinfo) -> str:
    """What a clock in the zone shows: "2026-10-31 23:59 CET", or "… UTC-03:00"."""
    local = at.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} {zone_words(at, zone)}"


def zone_words(at: datetime, zone: tzinfo) -> str:
    """What the zone is called at that moment: its letters, or its offset where it has none."""
    letters = at.astimezone(zone).tzname() or ""
    return letters if letters.isalpha() else offset_words(at, zone)


def offset_words(at: datetime, zone: tzinfo) -> str:
    """How far the zone is from UTC at that moment: "UTC+01:00"."""
    offset = f"{at.astimezone(zone):%z}"
    return f"UTC{offset[:3]}:{offset[3:5]}"
