"""The command `introml`: labs, grading, and the course on a hub."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from types import ModuleType

from introml.grader import cli as grader

INTERRUPTED = 130

_EXAMPLES = """\
examples:
  introml lab release attention --out handout/
  introml lab check attention.ipynb
  introml lab submit attention.ipynb
  introml fetch attention
  introml grade attention submissions/*.ipynb --out results/ --jobs 4 --report
  introml hub --help
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if not arguments:
        parser().print_help()
        return grader.BAD_USE
    try:
        options = parser(with_hub=arguments[:1] == ["hub"]).parse_args(arguments)
        return options.run(options)
    except KeyboardInterrupt:
        print("\nstopped; run the same command again to go on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes stdout once more at its end
        return 1
    except grader.Usage as problem:
        print(f"introml: {problem}", file=sys.stderr)
        return grader.BAD_USE


def parser(with_hub: bool = False) -> argparse.ArgumentParser:
    """The parser. The hub's own commands are in it where they are asked for: they need more.

    Raises `Usage` when the hub's packages are not installed.
    """
    raw = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(
        prog="introml", description=__doc__, epilog=_EXAMPLES, formatter_class=raw
    )
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    grader.add_commands(commands)
    _add_fetch(commands)
    if with_hub:
        _hub().add_commands(commands)
    else:
        commands.add_parser("hub", help="run a course: people, submissions, backups")
    return made


_FETCH_EXAMPLES = """\
examples:
  introml fetch attention            as you last handed it in; else as it was given out
  introml fetch attention --blank    as it was given out
  introml fetch book/chapters/ml-basics/features.ipynb
  introml fetch                      all that you deleted

For a terminal of your course's JupyterHub. What is there under that name is put aside, not written
over. Exit status: 0 when it is there, 1 when it is not, 2 for bad use.
"""


def _add_fetch(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser(
        "fetch",
        help="get back a lab's notebook or a page, on a course's hub",
        epilog=_FETCH_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument("what", nargs="?", default="", help="a lab's name, or a path in your home")
    one.add_argument("--blank", action="store_true", help="a lab as it was given out")
    one.set_defaults(run=_fetch)


def _fetch(options: argparse.Namespace) -> int:
    from introml.grader.student import NotFetched
    from introml.hub.servers import fetch

    try:
        for line in fetch.fetch(options.what, blank=options.blank):
            print(line)
    except fetch.NothingToFetch as problem:
        raise grader.Usage(str(problem)) from problem
    except NotFetched as problem:
        words = "--blank brings the lab as it was given out."
        print(f"introml: {problem} {words}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"introml: {problem.filename or options.what}: {problem.strerror}", file=sys.stderr)
        return 1
    return 0


def _hub() -> ModuleType:
    try:
        from introml.hub import cli
    except ModuleNotFoundError as problem:
        if (problem.name or "").partition(".")[0] == "introml":
            raise
        raise grader.Usage(
            f"the hub's packages are not installed here ({problem.name} is missing); "
            "in the book's folder run: make hub"
        ) from problem
    return cli


if __name__ == "__main__":
    sys.exit(main())
