"""A whole class graded in one run: verdicts, memory, and what hostile neighbours change."""

from dataclasses import dataclass, field
from pathlib import Path

from crowd import Member, hand_in
from runs import command, results, watched

from introml.grader.results.results import SubmissionResult, canonical

#: Seconds for a submission here: loops cost this much each, and honest ones need a part of one.
TIME_LIMIT = "10"
_LIMITS = ("--time-limit", TIME_LIMIT, "--memory-limit", "700")
_MB = 1 << 20


@dataclass
class ClassRun:
    """What came out: numbers to report, and sentences on what is wrong."""

    seconds: float = 0.0
    rss_mb: list[float] = field(default_factory=list)
    verdicts: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def grade_class(class_: list[Member], place: Path, *, jobs: int = 2, warm: int = 20) -> ClassRun:
    """Grade all, then the honest ones alone, and compare.

    Memory is the orchestrator's, from the `warm`-th submission on.
    """
    place.mkdir()
    hand_in(place / "all", class_)
    run = watched(command(place / "all", place / "out", *_LIMITS, jobs=jobs), place)
    done = ClassRun(run.seconds, [size / _MB for size in run.rss[warm : len(class_)]])
    if run.status:
        done.problems.append(f"the run ended with {run.status}: {run.output[-500:]}")
    among = results(place / "out")
    for result in among.values():
        done.verdicts[result.verdict] = done.verdicts.get(result.verdict, 0) + 1
    done.problems += wrong_verdicts(class_, among)
    rows = (place / "out" / "grades.csv").read_text().count("\n") - 1
    if rows != len(class_):
        done.problems.append(f"grades.csv has {rows} rows for {len(class_)} submissions")
    honest = [one for one in class_ if one.honest]
    hand_in(place / "honest", honest)
    run = watched(command(place / "honest", place / "alone", *_LIMITS, jobs=jobs), place)
    if run.status:
        done.problems.append(f"the honest ones' run ended with {run.status}: {run.output[-500:]}")
    done.problems += changed(honest, among, results(place / "alone"))
    return done


def wrong_verdicts(class_: list[Member], found: dict[str, SubmissionResult]) -> list[str]:
    """Submissions without a verdict, or with one that they cannot have."""
    problems = []
    for one in class_:
        result = found.get(one.name)
        if result is None:
            problems.append(f"{one.name} has no verdict")
        elif result.verdict not in one.verdicts:
            problems.append(f"{one.name} is {result.verdict}: {result.message}")
    strangers = found.keys() - {one.name for one in class_}
    return problems + [f"{name}: nobody handed this in" for name in sorted(strangers)]


def changed(
    honest: list[Member], among: dict[str, SubmissionResult], alone: dict[str, SubmissionResult]
) -> list[str]:
    """Submissions whose result among hostile ones is not, byte for byte, that without them."""
    return [
        f"{one.name}: another result than without hostile neighbours"
        for one in honest
        if one.name not in among
        or one.name not in alone
        or canonical(alone[one.name]) != canonical(among[one.name])
    ]
