"""How long each test file takes, measured by the runs themselves; the longest is begun first.

Each run notes its seconds in `_build/test_seconds.json`. A fresh checkout begins with those of
`first_seconds.json` beside this file, which `python tests/selection/measured_seconds.py` writes
anew from the last runs.
"""

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

FIRST = Path("tests/selection/first_seconds.json")
MEASURED = Path("_build/test_seconds.json")


def known_seconds(root: Path) -> dict[str, float]:
    """The seconds of each test file, by its name: the last that were measured."""
    known = {}
    for path in (root / FIRST, root / MEASURED):
        try:
            known |= json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            continue
    return known


class Seconds:
    """A pytest plugin that sorts the tests by their files' seconds, and measures these."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._spent: dict[str, float] = defaultdict(float)
        self._counted: dict[str, set[str]] = defaultdict(set)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        known = known_seconds(self._root)
        # A file that was never measured may be a long one.
        longest = max(known.values(), default=0.0)
        items.sort(key=lambda item: -known.get(self._name(item.path), longest))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._spent[report.nodeid.partition("::")[0]] += report.duration

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        whole = not any("::" in arg for arg in session.config.args)
        filtered = session.config.option.keyword or session.config.option.markexpr
        if hasattr(session.config, "workerinput") or not whole or filtered or session.shouldstop:
            return
        path = self._root / MEASURED
        known = known_seconds(self._root) if path.exists() else {}
        spent = {name: round(seconds, 1) for name, seconds in self._spent.items()}
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(known | spent))
        draft.replace(path)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def main() -> None:
    """Write the start values for fresh checkouts: of the files that are there."""
    root = Path(__file__).parents[2]
    known = known_seconds(root)
    kept = {name: known[name] for name in sorted(known) if (root / name).is_file()}
    lines = ",\n".join(f"  {json.dumps(name)}: {seconds}" for name, seconds in kept.items())
    (root / FIRST).write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
