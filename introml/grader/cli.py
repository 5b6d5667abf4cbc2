"""`introml lab` and `introml grade`: labs listed, released, checked, handed in; classes graded."""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from introml.grader.text import one_line

if TYPE_CHECKING:
    from introml.grader.lab import Lab
    from introml.grader.notebook import Collection, LeftOut
    from introml.grader.run import Run

BAD_USE = 2
#: Below it, all seeds can be tried until one fits what a box is told (0.1 s each).
GUESSABLE = 2**40
#: Files left out that are told of on the screen.
_MOST_TOLD = 20

_LAB_EXAMPLES = """\
examples:
  introml lab list
  introml lab release attention --out handout/
  introml lab check attention.ipynb
  introml lab submit attention.ipynb
  introml lab test attention
"""
_SUBMIT_EXAMPLES = """\
example:
  introml lab submit attention.ipynb

Hands in the notebook as it was last saved, and writes a receipt beside it. Works in a terminal of
your course's JupyterHub. Exit status: 0 when it is handed in, 1 when it is not, 2 for bad use.
"""
_GRADE_EXAMPLES = """\
examples:
  introml grade attention submissions/*.ipynb --out results/
  introml grade attention submissions/ --out results/ --jobs 4 --report
  introml grade attention hard.ipynb --out one/ --time-limit 120 --memory-limit 4000
  introml grade attention submissions.zip --out results/
  introml grade attention submissions/ --out results/ --hidden ~/private-checks

Folders and archives of Moodle, Canvas, Gradescope and nbgrader are read as they are. Writes
results/<notebook>/{results.json, feedback.html, junit.xml} for students and Gradescope,
teacher.json for you alone, results/grades.csv, and results/left_out.csv with the files that are no
submissions, and why. Stopped at any moment and started again, it goes on where it was. Exit status:
0 when every submission has a verdict, 1 when the grader failed on some, 2 for bad use.
"""


class Usage(Exception):
    """What was asked cannot be done; the text says why, and what to do."""


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Add `lab` and `grade` to a parser's commands."""
    raw = argparse.RawDescriptionHelpFormatter
    lab = commands.add_parser(
        "lab",
        help="list, release, check, hand in and test labs",
        epilog=_LAB_EXAMPLES,
        formatter_class=raw,
    ).add_subparsers(required=True, metavar="COMMAND")

    one = lab.add_parser("list", help="list the labs")
    one.set_defaults(run=_list)

    one = lab.add_parser("release", help="write the student's notebook and public checks")
    one.add_argument("lab", metavar="LAB", help="a lab's name, or its folder")
    one.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write them")
    one.add_argument("--force", action="store_true", help="replace files that were changed")
    one.set_defaults(run=_release)

    one = lab.add_parser("check", help="run the public checks on your own notebook")
    one.add_argument("notebook", type=Path, metavar="NOTEBOOK")
    one.set_defaults(run=_check)

    one = lab.add_parser(
        "submit",
        help="hand your notebook in, and get a receipt",
        epilog=_SUBMIT_EXAMPLES,
        formatter_class=raw,
    )
    one.add_argument("notebook", type=Path, metavar="NOTEBOOK")
    one.set_defaults(run=_submit)

    one = lab.add_parser(
        "test", help="prove a lab good: solution, starter, wrong ones, mutants, secrets"
    )
    one.add_argument("lab", metavar="LAB", help="a lab's name, or its folder")
    one.add_argument("--seeds", type=_whole(1, 10_000), default=20, help="for the solution (20)")
    one.add_argument("--hidden", type=Path, metavar="DIR", help="private hidden checks")
    one.add_argument(
        "--mutants",
        type=_whole(0, 86_400),
        default=1800,
        metavar="S",
        help="seconds for all mutants of the answers; 0: none (1800)",
    )
    one.set_defaults(run=_test)

    one = commands.add_parser(
        "grade", help="grade notebooks", epilog=_GRADE_EXAMPLES, formatter_class=raw
    )
    one.add_argument("lab", metavar="LAB", help="a lab's name, or its folder")
    one.add_argument(
        "notebooks",
        nargs="+",
        type=Path,
        metavar="NOTEBOOK",
        help="files, or folders and ZIP archives of them, as a learning platform gives them",
    )
    one.add_argument("--out", type=Path, required=True, metavar="DIR", help="where results go")
    one.add_argument(
        "--seed",
        type=_whole(0, 2**63 - 1),
        help="of all random inputs (drawn once for DIR, and kept)",
    )
    cores = len(os.sched_getaffinity(0))
    one.add_argument(
        "--jobs", type=_whole(1, 512), default=cores, help=f"submissions at a time ({cores})"
    )
    one.add_argument(
        "--time-limit", type=_seconds, metavar="S", help="for a whole submission (the lab's)"
    )
    one.add_argument("--memory-limit", type=_whole(64, 1_000_000), metavar="MB", help="(the lab's)")
    one.add_argument(
        "--hidden", type=Path, metavar="DIR", help="private hidden checks, in place of the lab's"
    )
    one.add_argument(
        "--unsafe-no-sandbox",
        action="store_true",
        help="run without a sandbox, for your own solution only; marks every result",
    )
    one.add_argument(
        "--take-lower",
        action="store_true",
        help="let grades count that a regrade has lowered; without it the old ones are kept",
    )
    one.add_argument("--report", action="store_true", help="print how the class did")
    one.set_defaults(run=_grade)


def _list(options: argparse.Namespace) -> int:
    from introml.grader.lab import LabError, labs, load_lab

    for name in labs():
        try:
            lab = load_lab(name)
            points = sum(one.points for one in lab.check_list() if one.tier == "cpu")
            print(f"{name:24} {lab.title} ({points:g} points)")
        except LabError as problem:
            print(f"{name:24} cannot be read: {problem}")
    return 0


def _release(options: argparse.Namespace) -> int:
    from introml.grader.authoring import WouldOverwrite
    from introml.grader.authoring.release import release

    lab = _lab(options.lab)
    try:
        for path in release(lab, options.out, force=options.force):
            print(path)
    except (WouldOverwrite, OSError) as problem:
        raise Usage(str(problem)) from problem
    return 0


def _check(options: argparse.Namespace) -> int:
    from introml.grader.student import check_file

    table = check_file(options.notebook)
    print(table.text())
    if table.problem:
        return BAD_USE
    return 0 if table.passed else 1


def _submit(options: argparse.Namespace) -> int:
    from introml.grader.student import NotHandedIn, keep_receipt, notebook_to_hand_in
    from introml.grader.student.hand_in import hand_in
    from introml.grader.text import plain

    try:
        notebook = notebook_to_hand_in(options.notebook)
        print(f"{notebook.path.name}, saved {notebook.age(datetime.now(UTC))}", flush=True)
        print("".join(f"{plain(one)}\n" for one in notebook.remarks), end="", flush=True)
        handed_in = hand_in(notebook)
    except NotHandedIn as problem:
        print(f"introml: {problem}", file=sys.stderr)
        return 1
    print(handed_in.words)
    try:
        print(f"Receipt: {keep_receipt(notebook.path, handed_in)}")
    except OSError as problem:
        words = f"The receipt cannot be written ({problem.strerror}); keep this text:"
        print(f"{words}\n{handed_in.receipt}")
    print(f"Its page: {handed_in.address}")
    return 0


def _test(options: argparse.Namespace) -> int:
    lab = _lab(options.lab, options.hidden)
    import torch
    from rich.console import Console

    from introml.grader.authoring import MutantsBar, prove_lab
    from introml.grader.box import SandboxUnavailable
    from introml.grader.checks import ChecksError
    from introml.grader.lab import LabError

    torch.set_num_threads(1)  # as graded
    try:
        with MutantsBar(Console()) as bar:
            report = prove_lab(
                lab, options.hidden, options.seeds, bar.say, options.mutants, bar.tell
            )
    except (ChecksError, LabError, SandboxUnavailable) as problem:
        raise Usage(str(problem)) from problem
    print(f"\n{report.table()}\n")
    print("the lab is good" if report.good else f"{len(report.problems)} problems")
    return 0 if report.good else 1


def _grade(options: argparse.Namespace) -> int:
    from rich.console import Console

    from introml.grader.results import Verdict
    from introml.grader.run import LabUnusable, Options, Report, Run, Store, StoreError, watcher

    lab = _lab(options.lab, options.hidden)
    collected = _collected(options.notebooks)
    how = Options(
        jobs=options.jobs,
        time_limit=options.time_limit,
        memory_limit=options.memory_limit,
        sandbox=not options.unsafe_no_sandbox,
        hidden=options.hidden.resolve() if options.hidden else None,
    )
    if options.seed is not None and options.seed < GUESSABLE:
        print(
            f"introml: the seed {options.seed} can be guessed, and with it the hidden checks' "
            "inputs. For a real class leave --seed out: one is drawn and kept.",
            file=sys.stderr,
        )
    # `kill` asks for the same orderly end as Ctrl-C; `kill -9` is what resuming is for.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Store.opened(options.out, lab.name, options.seed) as store:
            run = Run(lab, store, collected.handed, how)
            for line in run.graded_again():
                print(line, flush=True)
            try:
                with watcher(len(run.uploads), Console()) as watch:
                    for news in run.news():
                        watch.tell(news)
            finally:
                store.write_grades(run.folders)
                store.write_left_out((one.file, one.why) for one in collected.left_out)
            _ask_about_lower_grades(run, options.take_lower)
            if options.report:
                print(Report.of(store.results(run.folders)).text(), end="\n\n")
    except (StoreError, LabUnusable) as problem:
        raise Usage(str(problem)) from problem
    except OSError as problem:
        print(f"introml: {problem}; what is graded is kept", file=sys.stderr)
        return 1
    counts = ", ".join(f"{count} {verdict}" for verdict, count in run.counts.most_common())
    print(f"{counts}. Grades: {options.out / 'grades.csv'}")
    _tell_left_out(collected.left_out, options.out)
    if run.protection:
        print(run.protection)
    faults = run.counts[Verdict.FAULT]
    if faults:
        print(
            f"The grader failed on {faults}: see flags in teacher.json; run again to retry.",
            file=sys.stderr,
        )
    return 1 if faults else 0


def _ask_about_lower_grades(run: Run, take: bool) -> None:
    """Show what a regrade would lower, and let it count if the teacher says so."""
    waiting = run.proposals()
    if not waiting:
        return
    one = len(waiting) == 1
    print(f"Graded again, {len(waiting)} grade{' would' if one else 's would'} be lower:")
    for _, words in waiting:
        print(f"  {one_line(words)}")
    if not take and sys.stdin.isatty() and sys.stdout.isatty():
        take = input("Let the new grades count? [y/N] ").strip().casefold() in ("y", "yes")
    if not take:
        kept, new = ("grade counts", "one") if one else ("grades count", "ones")
        print(f"The old {kept} as before. To let the new {new} count, say --take-lower.")
        return
    for proposed, _ in waiting:
        run.store.take(proposed)
    run.store.write_grades(run.folders)
    print(f"The new grade{' counts' if one else 's count'} now.")


def _lab(name: str, hidden: Path | None = None) -> Lab:
    from introml.grader.lab import LabError, load_lab

    try:
        lab = load_lab(name, hidden)
        lab.check_list()
    except (LabError, OSError) as problem:
        raise Usage(str(problem)) from problem
    return lab


def _collected(paths: Sequence[Path]) -> Collection:
    from introml.grader.notebook import NothingThere, collect

    try:
        return collect(paths)
    except NothingThere as problem:
        raise Usage(str(problem)) from None


def _tell_left_out(left_out: Sequence[LeftOut], out: Path) -> None:
    """Say which files are no submissions, but for what systems put beside others' files."""
    if not left_out:
        return
    one = len(left_out) == 1
    print(f"{len(left_out)} file{'' if one else 's'} left out, each with its reason in", end=" ")
    print(f"{out / 'left_out.csv'}:")
    from introml.grader.notebook import OF_THE_SYSTEM

    of_systems = [x for x in left_out if x.why == OF_THE_SYSTEM]
    others = [x for x in left_out if x.why != OF_THE_SYSTEM]
    for x in others[:_MOST_TOLD]:
        print(f"  {one_line(x.file, 100)}: {one_line(x.why, 200)}")
    if len(others) > _MOST_TOLD:
        print(f"  and {len(others) - _MOST_TOLD} more")
    if of_systems:
        print(f"  {len(of_systems)} put there by systems (__MACOSX, .DS_Store and the like)")


def _whole(low: int, high: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return number

    return whole


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 to 86400")
    return number
