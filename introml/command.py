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
  introml grade attention submissions/*.ipynb --out results/ --jobs 4 --report
  introml hub --help
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:] if arguments is None else list(arguments)
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
    if with_hub:
        _hub().add_commands(commands)
    else:
        commands.add_parser("hub", help="run a course: people, submissions, backups")
    return made


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
