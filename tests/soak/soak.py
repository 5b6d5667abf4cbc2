"""Long tests of grader and hub; `make soak` runs them, `make test` the same code at small counts.

Prints what was measured; exits with 1 where something is wrong.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "grader"))
sys.path.insert(0, str(Path(__file__).parents[1] / "hub"))

import fuzz
from class_run import grade_class
from corpus.compare import differences
from corpus.compare import problems as problems_of
from corpus.entries import entries
from corpus.run import graded
from crowd import Member, hand_in, members
from hub_kills import UnderHub
from kills import Alone, kill_under_load
from postgres_server import PostgresServer
from runs import command, kill_and_resume, results, watched

from introml.grader.results.results import Verdict

Lines = Iterator[tuple[str, list[str]]]


def soak_class(place: Path, share: float) -> Lines:
    """A class of 500, a fifth of it hostile."""
    count = max(20, round(500 * share))
    run = grade_class(members(count), place / "class")
    rss = run.rss_mb
    kinds = ", ".join(f"{number} {verdict}" for verdict, number in sorted(run.verdicts.items()))
    yield f"{count} submissions, 1 in 5 hostile, in {run.seconds:.0f} s: {kinds}", run.problems
    if rss:
        grown = rss[-1] - rss[0]
        yield (
            f"memory of the orchestrator, MB: {rss[0]:.0f} after 20, {rss[-1]:.0f} at the end, "
            f"{max(rss):.0f} at most",
            [f"it grew by {grown:.0f} MB"] * (grown > 10),
        )


def soak_kills(place: Path, share: float, seed: int) -> Lines:
    """`kill -9` at random instants of a run over ten submissions, and new starts."""
    draw = random.Random(seed)
    kinds = (
        ("of introml grade, with a fake checker", 70, {"fake": True}),
        ("of introml grade", 15, {}),
        ("of a checker or a template", 15, {"checkers": True}),
    )
    (place / "slow").mkdir()
    for number in range(10):
        (place / "slow" / f"s{number}.ipynb").write_text(f"slow:0.0{number}")
    hand_in(place / "ten", members(10, hostile_every=11))
    for number, (words, kills, options) in enumerate(kinds):
        notebooks = place / ("slow" if "fake" in options else "ten")
        kills = max(2, round(kills * share))
        done = kill_and_resume(notebooks, place / f"kills{number}", kills, draw, **options)
        when = ", ".join(f"{done.when.count(n)} after {n}" for n in sorted(set(done.when)))
        yield (
            f"{done.kills} kills {words}, until {done.whole} runs were whole: {when} verdicts",
            done.problems,
        )


def soak_fuzz(place: Path, share: float, seed: int) -> Lines:
    """Malformed notebooks, frames and streams of them, most of them outside boxes."""
    count = max(200, round(10_000 * share))
    kinds = (
        ("notebooks", fuzz.fuzz_notebooks, count),
        ("frames", fuzz.fuzz_frames, count),
        ("streams", fuzz.fuzz_streams, count // 5),
    )
    for name, run, number in kinds:
        counts = run(number, seed)
        said = ", ".join(f"{number} {kind}" for kind, number in counts.most_common())
        yield f"{counts.total()} malformed {name}: {said}", []
    count = max(10, round(60 * share))
    odd = [
        Member(f"odd{number}", data, frozenset({Verdict.GRADED}), False)
        for number, data in enumerate(fuzz.odd_notebooks(count))
    ]
    hand_in(place / "odd", odd)
    run = watched(command(place / "odd", place / "odd-out"), place)
    missing = {one.name for one in odd} - results(place / "odd-out").keys()
    problems = [f"{name} has no verdict" for name in sorted(missing)]
    if run.status:
        problems.append(f"the run ended with {run.status}: {run.output[-500:]}")
    yield f"{len(odd)} odd notebooks graded in boxes", problems


def soak_corpus(place: Path, share: float, seed: int) -> Lines:
    """The corpus of honest notebooks, each on every lab that it fits, with every check."""
    (place / "corpus").mkdir()
    found = graded(place / "corpus", every_lab=True)
    every = entries(every_lab=True)
    problems = [
        f"{one.name} ({one.lab}) {problem}"
        for one in every
        for known in [found[one.lab, one.name]]
        for problem in (*problems_of(one, known), *differences(known))
    ]
    yield f"{len(every)} honest notebooks graded, and run as at home", problems


def soak_hub(place: Path, share: float, seed: int) -> Lines:
    """`kill -9` of the parts of a course at random instants, while students hand in."""
    draw = random.Random(seed)
    postgres = PostgresServer()
    postgres.start()
    try:
        kinds = (
            ("on SQLite", lambda: Alone(place / "sqlite"), 25, (0.2, 1.5)),
            ("on PostgreSQL", lambda: Alone(place / "postgresql", postgres), 25, (0.2, 1.5)),
            ("under JupyterHub, on PostgreSQL", lambda: UnderHub(postgres), 50, (1.0, 8.0)),
        )
        for words, make, kills, between_s in kinds:
            done = kill_under_load(make(), max(2, round(kills * share)), draw, between_s)
            killed = ", ".join(f"{count} of a {kind}" for kind, count in sorted(done.kills.items()))
            yield (
                f"{words}, {done.kills.total()} kills ({killed}) in {done.seconds:.0f} s: "
                f"{done.receipts} receipts, {done.graded} graded once in {done.tries} tries, "
                f"{done.refused} refused for the moment",
                done.problems,
            )
    finally:
        postgres.stop()


PARTS: dict[str, Callable[[Path, float, int], Lines]] = {
    "class": lambda place, share, _: soak_class(place, share),
    "kills": soak_kills,
    "fuzz": soak_fuzz,
    "corpus": soak_corpus,
    "hub": soak_hub,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--share", type=float, default=1.0, help="of the full counts (1)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))} is no part; the parts are {', '.join(PARTS)}")
    print(f"seed {options.seed}, load average {os.getloadavg()[0]:.1f}", flush=True)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="introml-soak-") as place:
        for name in options.parts or PARTS:
            began = time.monotonic()
            for line, problems in PARTS[name](Path(place), options.share, options.seed):
                print(f"{'✗' if problems else '✓'} {line}", flush=True)
                for problem in problems:
                    print(f"    {problem}", flush=True)
                bad += len(problems)
            print(f"  {name}: {time.monotonic() - began:.0f} s", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
