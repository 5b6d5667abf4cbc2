"""Facts that the book quotes from elsewhere, each with its source: `assets/facts/*.toml`."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

from introml.book.assets import asset

#: What an entry of a unit must say besides, lest it can be read in two ways.
_NEEDS = {
    "FLOP/s": ("density", ("dense", "sparse")),
    "B/s": ("direction", ("one way", "both ways", "shared")),
    "bit/s": ("direction", ("one way", "both ways", "shared")),
}
#: Units of a machine's figures, in any writing: GFLOPS, TOPS, GB/s, Gbps, GHz, GB, GiB.
_OF_MACHINES = re.compile(r"OPS$|/s$|[bB]ps$|Hz$|^[kKMGTPE]i?[Bb]$")
_MACHINE_UNITS = (*_NEEDS, "B", "Hz")
#: How far a product may be from the data sheet's peak, which is rounded to two or three digits.
_TOLERANCE = 0.01
_PARTS = ("units", "clock", "per_cycle", "at")


@cache
def _table(name: str) -> dict[str, Any]:
    table = tomllib.loads(asset(f"facts/{name}.toml").read_text(encoding="utf-8"))
    for path, entry in _entries(table, name):
        _check(path, entry)
    return table


def fact(path: str) -> Any:
    """The value of one fact, e.g. `fact("models.gpt3.parameters")` of `assets/facts/models.toml`.

    Each entry is a table with `value`, `unit`, `source` (a key of references.bib) and, where it
    helps, `note`. Raises KeyError, naming what there is, for an unknown path, and ValueError for
    a file with an entry that can be read in two ways (see `assets/facts/hardware.toml`).
    """
    return whole_fact(path)["value"]


def whole_fact(path: str) -> dict[str, Any]:
    """All fields of one fact. Raises as `fact` does."""
    found = _below(path, "value")
    return dict(found)


def facts_below(path: str) -> list[str]:
    """The names right below a path, e.g. the processors below `hardware`, in the file's order.

    Raises as `fact` does.
    """
    return list(_below(path))


def _below(path: str, *last: str) -> dict[str, Any]:
    """The table at a path, which must have the keys `last`."""
    name, *keys = path.split(".")
    found: Any = _table(name)
    for step, key in enumerate([*keys, *last]):
        if not isinstance(found, dict) or key not in found:
            have = ", ".join(found) if isinstance(found, dict) else "a value"
            raise KeyError(f"no fact {path!r}: {key!r} is not among {have}")
        if step < len(keys):
            found = found[key]
    return found


def _entries(table: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, below in table.items():
        if not isinstance(below, dict):
            continue
        if "value" in below:
            yield f"{path}.{key}", below
        else:
            yield from _entries(below, f"{path}.{key}")


def _check(path: str, entry: dict[str, Any]) -> None:
    """Raises `ValueError` if a machine's figure leaves open what it means."""
    unit = entry.get("unit", "")
    if _OF_MACHINES.search(unit) and unit not in _MACHINE_UNITS:
        raise ValueError(
            f"{path} has the unit {unit!r}; allowed are {', '.join(_MACHINE_UNITS)}, without a "
            "prefix: write 80 GB as 80e9 B, and 400 Gbit/s as 400e9 bit/s or as 50e9 B/s."
        )
    if unit in _NEEDS:
        field, allowed = _NEEDS[unit]
        if entry.get(field) not in allowed:
            said = repr(entry[field]) if field in entry else "missing"
            raise ValueError(
                f"{path} is in {unit}, and its {field} is {said}; say {field} = one of "
                + ", ".join(repr(each) for each in allowed)
            )
    given = [part for part in _PARTS if part in entry]
    if not given:
        return
    if len(given) < len(_PARTS):
        raise ValueError(f"{path} has {', '.join(given)} alone; give all of {', '.join(_PARTS)}.")
    product = entry["units"] * entry["clock"] * entry["per_cycle"]
    if abs(product / entry["value"] - 1) > _TOLERANCE:
        raise ValueError(
            f"{path} is {entry['value']:.4g} {unit}, but {entry['units']} units · "
            f"{entry['clock']:.4g} Hz · {entry['per_cycle']} a cycle are {product:.4g}; at most "
            f"{_TOLERANCE:.0%} between them is allowed. Is the clock the one that the peak is at, "
            "and is the peak dense?"
        )
