"""Why submissions that have a result are graded again, in words: what decided has changed since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_NAMED = 3
_WORDS = {
    "grader": "the grader",
    "lab": "the lab",
    "seed": "the seed",
    "time_limit": "the time limit",
    "memory_limit": "the memory limit",
    "sandbox": "the sandbox's use",
}


def what_changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Which of the things that decide a grade differ: "the grader and torch (2.12.0, now 2.13.0)".

    Empty if none does. What `before` does not tell counts as the grader's: it kept less then.
    """
    if not before:
        return _WORDS["grader"]
    parts = [words for name, words in _WORDS.items() if before.get(name) != now.get(name)]
    if before.get("python") != now["python"]:
        parts.append(_from_to("Python", before.get("python"), now["python"]))
    was, are = before.get("packages") or {}, now["packages"]
    packages = [x for x in sorted({*was, *are}) if was.get(x) != are.get(x)]
    parts += [_from_to(x, _version(was.get(x)), _version(are.get(x))) for x in packages[:_NAMED]]
    if len(packages) > _NAMED:
        parts.append(f"{len(packages) - _NAMED} more packages")
    return _list(parts)


def graded_again(why: str, submissions: Sequence[str]) -> str:
    """A line: "the grader changed since: 12 submissions are graded again (ada, bob, eve, …)"."""
    one = len(submissions) == 1
    names = ", ".join([*submissions[:_NAMED], *["…"] * (len(submissions) > _NAMED)])
    return f"{why}: {len(submissions)} submission{' is' if one else 's are'} graded again ({names})"


def _from_to(name: str, before: str | None, now: str | None) -> str:
    if before == now:  # another build of the same version
        return f"{name} ({now}, with other files)"
    return f"{name} ({before or 'not there'}, now {now or 'not there'})"


def _version(package: str | None) -> str | None:
    return package.partition(" ")[0] if package else None


def _list(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
