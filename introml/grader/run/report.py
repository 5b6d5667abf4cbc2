"""The class at a glance: distribution of scores, hardest checks, submissions that need a person."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from introml.grader.results import SubmissionResult, Verdict
from introml.grader.run.store import Stored
from introml.grader.text import one_line

_BINS = 10
_BAR = 40
_HARDEST = 5
_REASONS = 4


@dataclass
class _Tally:
    """One check over the class."""

    title: str
    hidden: bool
    max_points: float
    seen: int = 0
    passed: int = 0
    points: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)


class Report:
    """Takes results one by one, keeps sums only, and turns into text."""

    def __init__(self) -> None:
        self._verdicts: Counter[Verdict] = Counter()
        self._parts: list[float] = []
        self._checks: dict[str, _Tally] = {}
        self._persons: list[tuple[str, list[str]]] = []

    @classmethod
    def of(cls, stored: Iterable[Stored]) -> Report:
        """The report on all that is stored."""
        report = cls()
        for one in stored:
            report.add(one.folder, one.result)
        return report

    def add(self, name: str, result: SubmissionResult) -> None:
        """Count one submission."""
        self._verdicts[result.verdict] += 1
        if reasons := _reasons(result):
            self._persons.append((name, reasons))
        if result.verdict == Verdict.FAULT:
            return
        self._parts.append(result.score / result.max_score if result.max_score else 0.0)
        if result.verdict not in (Verdict.GRADED, Verdict.TIMED_OUT):
            return
        for one in result.checks:
            if not one.counts:
                continue
            tally = self._checks.setdefault(one.name, _Tally(one.title, one.hidden, one.max_points))
            tally.seen += 1
            tally.passed += one.outcome == "passed"
            tally.points += one.points
            tally.outcomes[one.outcome] += 1

    def text(self) -> str:
        """The whole report."""
        total = self._verdicts.total()
        if not total:
            return "No submissions have been graded."
        verdicts = ", ".join(
            f"{count} {verdict}" for verdict, count in self._verdicts.most_common()
        )
        parts = [f"{total} submission{'s' * (total != 1)}: {verdicts}"]
        if self._parts:
            parts.append(self._distribution())
        if self._checks:
            parts.append(self._hardest())
        parts.append(self._needing_a_person())
        return "\n\n".join(parts)

    def _distribution(self) -> str:
        bins = [0] * _BINS
        for part in self._parts:
            bins[min(int(part * _BINS), _BINS - 1)] += 1
        most = max(bins)
        lines = [
            f"Scores, in % of the maximum: median {statistics.median(self._parts):.0%}, "
            f"mean {statistics.fmean(self._parts):.0%}"
        ]
        for number, count in enumerate(bins):
            low, high = number * 100 // _BINS, (number + 1) * 100 // _BINS
            bar = "█" * round(count / most * _BAR) or ("▏" if count else "")
            lines.append(f"  {low:3d}–{high:<3d} {bar} {count}".rstrip())
        return "\n".join(lines)

    def _hardest(self) -> str:
        ranked = sorted(
            (one for one in self._checks.values() if one.passed < one.seen),
            key=lambda one: one.points / one.max_points / one.seen,
        )
        if not ranked:
            return "Every check was passed by all."
        lines = ["Hardest checks (passed by)"]
        for one in ranked[:_HARDEST]:
            kind = "hidden" if one.hidden else "public"
            rest = ", ".join(
                f"{count} {outcome}"
                for outcome, count in one.outcomes.most_common()
                if outcome not in ("passed", "failed")
            )
            lines.append(
                f"  {one.passed / one.seen:4.0%}  {one_line(one.title, 70)} ({kind})"
                + (f"; {rest}" if rest else "")
            )
        return "\n".join(lines)

    def _needing_a_person(self) -> str:
        if not self._persons:
            return "No submission needs a person."
        lines = [f"Need a person ({len(self._persons)})"]
        for name, reasons in self._persons:
            lines.append(f"  {one_line(name, 60)}")
            lines += [f"    {reason}" for reason in reasons[:_REASONS]]
            if len(reasons) > _REASONS:
                lines.append(f"    and {len(reasons) - _REASONS} more, in teacher.json")
        return "\n".join(lines)


def _reasons(result: SubmissionResult) -> list[str]:
    reasons = [one_line(f"{flag.kind}: {flag.evidence}", 160) for flag in result.flags]
    if result.verdict == Verdict.FAULT and not reasons:
        reasons = ["grader fault"]
    return reasons
