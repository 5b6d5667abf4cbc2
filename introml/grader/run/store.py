"""The folder of results: what is done, under which key, and the gradebook made of it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introml.grader import atomic
from introml.grader.results import (
    OURS,
    SubmissionResult,
    Verdict,
    feedback_html,
    from_json,
    grades_csv,
    junit_xml,
    left_out_csv,
    results_json,
    row,
    to_json,
)

_FORMAT = 2
_PROPOSED = "proposed.json"
_STUDENTS_FILES = ("feedback.html", "junit.xml")


class StoreError(Exception):
    """The folder cannot be used: says why and what to do."""


@dataclass(frozen=True)
class Stored:
    """One folder of results, as the teacher's file in it tells.

    `decides` is what the key was made of beside the notebook; empty if that was not kept yet.
    `about` tells of the file: the student, its path as it was collected, and if it was late.
    """

    folder: str
    source: str
    key: str
    decides: dict[str, Any]
    result: SubmissionResult
    about: dict[str, str]


@dataclass(frozen=True)
class Proposed(Stored):
    """A lower result than the one that counts, whose key is `keeps`."""

    keeps: str


class Store:
    """The folder that `introml grade --out` names. `opened` locks it against a second run."""

    def __init__(self, folder: Path, run: dict[str, Any]) -> None:
        self.folder = folder
        self.seed: int = run["seed"]
        self._salt = bytes.fromhex(run["salt"])

    @classmethod
    @contextlib.contextmanager
    def opened(cls, folder: Path, lab: str, seed: int | None) -> Iterator[Store]:
        """The store at `folder`, made if need be, for as long as the block runs.

        Without a `seed`, the one that the folder had before; without one, a new one. Raises
        `StoreError` when another run has it open, or when it holds the results of another lab.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _close_to_others(folder)
            lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as problem:
            raise StoreError(f"{folder}: cannot be written to: {problem.strerror}") from problem
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as problem:
                raise StoreError(
                    f"{folder}: another run is grading into this folder; wait for it, or choose "
                    "another --out"
                ) from problem
            yield cls(folder, _run_of(folder, lab, seed))
        finally:
            os.close(lock)

    def key(self, sha256: str, decides: dict[str, Any]) -> str:
        """Names what is graded and how. It holds the seed but does not tell it: students see it."""
        text = json.dumps([_FORMAT, sha256, decides], sort_keys=True).encode("ascii")
        return hmac.new(self._salt, text, hashlib.sha256).hexdigest()

    def is_done(self, folder: str, key: str) -> bool:
        """Whether the whole result under this key is there. A grader fault is never done."""
        place = self.folder / folder
        found = _read(place / "results.json")
        ours = found.get("extra_data", {}).get(OURS, {}) if isinstance(found, dict) else {}
        proposed = self.proposed(folder)
        if proposed is not None and proposed.key == key and ours.get("key") == proposed.keeps:
            return True
        if ours.get("key") != key or ours.get("verdict") == Verdict.FAULT:
            return False
        stored = self.load(folder)
        complete = all((place / name).is_file() for name in _STUDENTS_FILES)
        return complete and stored is not None and stored.key == key

    def save(
        self,
        result: SubmissionResult,
        folder: str,
        source: str,
        decides: dict[str, Any],
        about: dict[str, str],
    ) -> None:
        """Write all files of one result; `results.json`, which makes it done, comes last."""
        key = self.key(result.sha256, decides)
        place = self.folder / folder
        try:
            place.mkdir(mode=0o700, exist_ok=True)
            atomic.keep_private(place)
        except FileExistsError as problem:
            raise StoreError(f"{place}: is a file; move it away, or choose another --out") from (
                problem
            )
        texts: dict[str, str | bytes] = {
            "feedback.html": feedback_html(result),
            "junit.xml": junit_xml(result),
            "teacher.json": _kept(result, source, decides, about, key=key),
            "results.json": results_json(result, key),
        }
        for name, text in texts.items():
            atomic.write(place / name, text, private=True)
        atomic.sync_folder(self.folder)

    def propose(
        self,
        result: SubmissionResult,
        folder: str,
        source: str,
        decides: dict[str, Any],
        keeps: str,
        about: dict[str, str],
    ) -> None:
        """Keep a result that is lower than the one that counts, for a teacher to take or to leave.

        `keeps` is the key of the result that counts beside it.
        """
        key = self.key(result.sha256, decides)
        text = _kept(result, source, decides, about, key=key, keeps=keeps)
        atomic.write(self.folder / folder / _PROPOSED, text, private=True)

    def proposed(self, folder: str) -> Proposed | None:
        """The result that waits for a teacher's word, or None if none does."""
        node = _read(self.folder / folder / _PROPOSED)
        try:
            return Proposed(
                folder, node["source"], node["key"], node["decides"], from_json(node["result"]),
                node.get("about", {}), node["keeps"],
            )  # fmt: skip
        except (TypeError, KeyError, ValueError):
            return None

    def settle(self, folder: str) -> None:
        """Let nothing wait here any more: the result that counts is the one that is stored."""
        (self.folder / folder / _PROPOSED).unlink(missing_ok=True)

    def take(self, proposed: Proposed) -> None:
        """Let a proposed result count."""
        one = proposed
        self.save(one.result, one.folder, one.source, one.decides, one.about)
        self.settle(proposed.folder)

    def load(self, folder: str) -> Stored | None:
        """What is stored under a folder's name, or None if nothing whole is."""
        node = _read(self.folder / folder / "teacher.json")
        try:
            return Stored(
                folder, node["source"], node["key"], node.get("decides", {}),
                from_json(node["result"]), node.get("about", {}),
            )  # fmt: skip
        except (TypeError, KeyError, ValueError):
            return None

    def results(self, now: dict[str, str] | None = None) -> Iterator[Stored]:
        """All stored results by folder, one in memory at a time.

        `now` says under which folder each source is filed today; what lies under another name from
        an earlier run is out of date, and left out.
        """
        now = now or {}
        with os.scandir(self.folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        for name in names:
            if not (self.folder / name / "results.json").is_file():
                continue
            stored = self.load(name)
            if stored is not None and now.get(stored.source, name) == name:
                yield stored

    def write_grades(self, now: dict[str, str]) -> None:
        """Write `grades.csv` from what is stored."""
        rows = (row(one.result, **one.about) for one in self.results(now))
        atomic.write(self.folder / "grades.csv", grades_csv(rows), private=True)

    def write_left_out(self, rows: Iterable[tuple[str, str]]) -> None:
        """Write `left_out.csv`: the files that are no submissions, and why. None without any."""
        place = self.folder / "left_out.csv"
        if text := left_out_csv(rows):
            atomic.write(place, text, private=True)
        else:
            place.unlink(missing_ok=True)


def _kept(
    result: SubmissionResult,
    source: str,
    decides: dict[str, Any],
    about: dict[str, str],
    **keys: str,
) -> str:
    """A result as `load` and `proposed` read it."""
    node = {**keys, "source": source, "about": about, "decides": decides, "result": to_json(result)}
    return json.dumps(node, indent=1)


def _close_to_others(folder: Path) -> None:
    """Let nobody else read what lies in the folder, of earlier runs too: it tells the seed.

    The folder itself is closed where it holds nothing but results: not somebody's home or /tmp.
    """
    status = folder.stat()
    own = os.geteuid() in (status.st_uid, 0) and not status.st_mode & stat.S_ISVTX
    if own and ((folder / "run.json").is_file() or not any(folder.iterdir())):
        atomic.keep_private(folder)
    for place in (folder, *(one for one in folder.iterdir() if _is_folder(one))):
        if (place / "teacher.json").exists():
            atomic.keep_private(place)
        for name in ("run.json", "grades.csv", "left_out.csv", "teacher.json"):
            if (place / name).is_file() and not (place / name).is_symlink():
                atomic.keep_private(place / name)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _run_of(folder: Path, lab: str, seed: int | None) -> dict[str, Any]:
    if (folder / "run.json").exists() and not os.access(folder / "run.json", os.R_OK):
        raise StoreError(f"{folder}: holds somebody else's results; choose another --out")
    run = _read(folder / "run.json") or {}
    if run and not (isinstance(run, dict) and {"lab", "seed", "salt"} <= run.keys()):
        raise StoreError(f"{folder / 'run.json'}: was not written by introml grade; remove it")
    if run.get("lab", lab) != lab:
        raise StoreError(
            f"{folder}: holds results of the lab {run['lab']}; choose another --out for {lab}"
        )
    kept = {
        "lab": lab,
        "seed": run.get("seed", secrets.randbits(62)) if seed is None else seed,
        "salt": run.get("salt", secrets.token_hex(16)),
    }
    if kept != run:
        atomic.write(folder / "run.json", json.dumps(kept, indent=1) + "\n", private=True)
    return kept


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
