"""Facts that the book quotes from elsewhere, each with its source: `assets/facts/*.toml`."""

import tomllib
from functools import cache
from typing import Any

from introml.book.assets import asset


@cache
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(asset(f"facts/{name}.toml").read_text(encoding="utf-8"))


def fact(path: str) -> Any:
    """The value of one fact, e.g. `fact("models.gpt3.parameters")` of `assets/facts/models.toml`.

    Each entry is a table with `value`, `unit`, `source` (a key of references.bib) and, where it
    helps, `note`. Raises KeyError, naming what there is, for an unknown path.
    """
    name, *keys = path.split(".")
    found: Any = _table(name)
    for key in (*keys, "value"):
        if not isinstance(found, dict) or key not in found:
            have = ", ".join(found) if isinstance(found, dict) else "a value"
            raise KeyError(f"no fact {path!r}: {key!r} is not among {have}")
        found = found[key]
    return found
