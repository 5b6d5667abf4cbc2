"""`python -m introml.site build|serve|watch|widgets`: what the Makefile calls."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from introml.book.paths import ROOT
from introml.site.build import BuildFailed, build, bundle_widgets

BOOK = "the folder of the book, with its _config.yml and _toc.yml; this one unless it is given"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="introml.site", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("widgets", help="bundle the widgets' JavaScript")
    one = commands.add_parser("build", help="bring _build/html up to date")
    one.add_argument("--force", action="store_true", help="even if nothing seems to have changed")
    one.add_argument("--book", type=Path, default=ROOT, help=BOOK)
    one.add_argument("--jobs", type=int, help="pages executed at a time (default: one a core)")
    for name, words in (
        ("serve", "build, then serve the site"),
        ("watch", "build and serve; rebuild and reload when a file changes"),
    ):
        command = commands.add_parser(name, help=words)
        command.add_argument("--port", type=int, default=8000)
        command.add_argument("--book", type=Path, default=ROOT, help=BOOK)
        command.add_argument("--no-open", action="store_true", help="open no browser")
    options = parser.parse_args(arguments)
    try:
        if options.command == "widgets":
            bundle_widgets(quiet=False)
        elif options.command == "build":
            build(options.book.resolve(), force=options.force, jobs=options.jobs)
        else:
            from introml.site.serve import serve

            serve(
                options.book.resolve(),
                options.port,
                not options.no_open,
                watch=options.command == "watch",
            )
    except BuildFailed as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
