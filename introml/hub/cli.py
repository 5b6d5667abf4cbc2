"""`introml hub …`: a course's people, backups, receipts and state, on its machine."""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from introml.grader.cli import Usage
from introml.grader.lab import LabError
from introml.grader.text import one_line
from introml.hub.course import Course, CourseError, counted, default_folder, state_of
from introml.hub.operate import hosts, is_running, parts_of

_BY = "command line"
_MOST_PROBLEMS = 50
_EXAMPLES = """\
examples:
  introml hub start
  introml hub status
  introml hub roster class.csv --invitations links.csv
  introml hub backup "backup-$(date +%F).tar"
  introml hub restore backup-2027-01-11.tar --course /var/lib/introml
  introml hub COMMAND --help
"""


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Add `hub` to a parser's commands."""
    raw = argparse.RawDescriptionHelpFormatter
    hub = commands.add_parser(
        "hub",
        help="run a course: people, submissions, backups",
        epilog=_EXAMPLES,
        formatter_class=raw,
    ).add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], what: str, example: str
    ) -> argparse.ArgumentParser:
        one = hub.add_parser(
            name,
            help=what,
            description=f"{what[0].upper()}{what[1:]}.",
            epilog=f"example:\n  introml hub {example}",
            formatter_class=raw,
        )
        one.add_argument(
            "--course", type=Path, metavar="DIR", default=default_folder(),
            help=f"the course's folder ({default_folder()})",
        )  # fmt: skip
        one.set_defaults(run=run)
        return one

    one = command("start", _start, "start the course; Ctrl-C ends it", "start --port 8000")
    one.add_argument("--port", help="where people reach it (8000, or course.toml's)")
    one.add_argument("--address", help="127.0.0.1 for this machine alone, 0.0.0.0 for all")
    one.add_argument("--teacher", metavar="NAME", help="make a teacher, or invite one anew")
    one.add_argument("--config", metavar="FILE", help="JupyterHub's own configuration, on Slurm")

    command("status", _status, "say how the course is; exit status 1 if it needs a look", "status")

    one = command(
        "hosts", _hosts, "give each student's server a host name of its own, and a certificate",
        "hosts hub.example.edu",
    )  # fmt: skip
    one.add_argument(
        "domain", nargs="?", default="localhost", metavar="DOMAIN",
        help="names under it lead to this machine (localhost: for people at this machine)",
    )  # fmt: skip

    one = command(
        "roster", _roster, "put the people of a CSV file on the roster",
        "roster class.csv --invitations links.csv",
    )  # fmt: skip
    one.add_argument("file", type=Path, metavar="FILE.csv")
    one.add_argument("--preview", action="store_true", help="only say what it would change")
    one.add_argument("--yes", action="store_true", help="don't ask before it is done")
    one.add_argument(
        "--invitations", type=Path, metavar="OUT.csv",
        help="write a one-time link for everyone without a password to this new file",
    )  # fmt: skip
    _url_option(one)

    one = command(
        "invite", _invite, "make a one-time link for each of these people, and for nobody else",
        "invite ada bob@example.edu",
    )  # fmt: skip
    one.add_argument("names", nargs="+", metavar="NAME", help="a name or an email address")
    one.add_argument(
        "--role", choices=("student", "teacher"), help="of someone who is new (student)"
    )
    _url_option(one)

    one = command(
        "backup", _backup, "write the whole course to one file, while it runs",
        'backup "backup-$(date +%F).tar"',
    )  # fmt: skip
    one.add_argument("file", type=Path, metavar="FILE.tar", help="a file that is not there yet")

    one = command(
        "restore", _restore, "make a course from a backup",
        "restore backup.tar --course /srv/course --database postgresql://introml@/introml",
    )  # fmt: skip
    one.add_argument("file", type=Path, metavar="FILE.tar")
    one.add_argument(
        "--database", default="", metavar="URL",
        help="an empty database to restore into, or 'sqlite' (the one that the backup names)",
    )  # fmt: skip

    one = command(
        "export-student", _export, "write all that the course holds on one person to a zip file",
        "export-student ada --out ada.zip",
    )  # fmt: skip
    one.add_argument("name", metavar="NAME")
    one.add_argument("--out", type=Path, required=True, metavar="FILE.zip")

    one = command(
        "erase-student", _erase, "erase one person from the course, for good", "erase-student ada"
    )
    one.add_argument("name", metavar="NAME")
    one.add_argument("--yes", action="store_true", help="don't ask")

    one = command(
        "receipt", _receipt, "check a receipt; exit status 1 if it is not this course's",
        "receipt attention.receipt-1.json",
    )  # fmt: skip
    one.add_argument("file", type=Path, metavar="FILE")

    one = command(
        "similarity", _similarity, "show which submissions of a lab resemble each other",
        "similarity attention --out similar.html",
    )  # fmt: skip
    one.add_argument("lab", metavar="LAB")
    one.add_argument("--out", type=Path, required=True, metavar="FILE.html")


def _url_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url", default="", help="where people find the hub (what course.toml says)"
    )


def _start(options: argparse.Namespace) -> int:
    from introml.hub.operate import start

    os.environ["INTROML_COURSE"] = str(options.course.absolute())
    names = ("port", "address", "teacher", "config")
    given = {f"--{name}": getattr(options, name) for name in names}
    return start.main([part for key, x in given.items() if x for part in (key, x)])


def _status(options: argparse.Namespace) -> int:
    with _course(options) as course:
        states = (state_of(course), parts_of(course))
    for state in states:
        for line in state.lines:
            print(line)
    worries = [one for state in states for one in state.worries]
    for one in worries:
        print(f"! {one}")
    return 1 if worries else 0


def _hosts(options: argparse.Namespace) -> int:
    with _course(options) as course:
        for line in hosts.give(course, options.domain):
            print(line)
        if is_running(course):
            print("The hub runs: stop it and start it again (make hub).")
    return 0


def _roster(options: argparse.Namespace) -> int:
    from introml.hub.course import Refused
    from introml.hub.people import RosterError, roster, uninvited, without_password

    if options.invitations and os.path.lexists(options.invitations):
        raise Usage(f"{options.invitations} is there already; choose another name")
    data = _bytes(options.file)
    with _course(options) as course:
        try:
            file = roster.read(data)
            with course.database.reading() as session:
                plan = roster.plan(session, file)
        except RosterError as problem:
            raise Usage(_all_of(options.file, problem.problems)) from problem
        print("\n".join(roster.told(plan)))
        if options.preview:
            print("Nothing was changed.")
            return 0
        if (plan.added or plan.changed) and not (options.yes or _agreed("Do it?")):
            return _failed("nothing was changed; --yes does it without asking")
        try:
            done = roster.put(course, _BY, file, plan.digest)
        except Refused as problem:
            return _failed(problem)
        print(f"{len(done.added)} added, {len(done.changed)} changed, {len(done.same)} as before")
        if options.invitations:
            with course.database.reading() as session:
                names = uninvited(session)
                others = len(without_password(session)) - len(names)
            _write_new(options.invitations, _links(course, names, options.url))
            print(
                f"{counted(len(names), 'one-time link')}, good for 14 days: {options.invitations}"
            )
            if others:
                print(
                    f"{others} without a password {'has' if others == 1 else 'have'} a link from "
                    "before, which stays good; a new one: introml hub invite NAME …"
                )
    return 0


def _all_of(path: Path, problems: Sequence[str]) -> str:
    """All that is wrong with a file, a line each."""
    if len(problems) == 1:
        return f"{path}: {one_line(problems[0], 600)}"
    lines = [f"{path}: {len(problems)} things are to be mended; nothing was changed"]
    lines += [f"  {one_line(problem, 600)}" for problem in problems[:_MOST_PROBLEMS]]
    if len(problems) > _MOST_PROBLEMS:
        lines.append(f"  and {len(problems) - _MOST_PROBLEMS} more")
    return "\n".join(lines)


def _agreed(question: str) -> bool:
    """Whether the person at the terminal says yes."""
    try:
        return input(f"{question} [y/N] ").strip().casefold() in ("y", "yes")
    except EOFError:
        return False


def _links(course: Course, names: list[str], url: str) -> str:
    from introml.hub.people import invite

    address = url or course.url
    # The byte order mark is for Excel, which takes the file for Latin-1 without it.
    out = io.StringIO("\ufeff", newline="")
    out.seek(0, io.SEEK_END)
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("name", "full_name", "email", "link"))
    for one in invite(course, _BY, names):
        # A name that a spreadsheet would take for a formula is given as text.
        told = [f"'{x}" if x[:1] in tuple("=+-@\t\r") else x for x in (one.full_name, one.email)]
        rows.writerow((one.login, *told, _link(address, one.secret)))
    return out.getvalue()


def _invite(options: argparse.Namespace) -> int:
    from introml.hub.course import Refused
    from introml.hub.people import invite, people

    links = []
    with _course(options) as course:
        address = options.url or course.url
        try:
            with course.database.writing() as session:
                new = {told for told in options.names if people.whom(session, told) is None}
                names = [_name_of(session, told, options.role) for told in options.names]
            added = {name for told, name in zip(options.names, names, strict=True) if told in new}
            for one in invite(course, _BY, list(dict.fromkeys(names))):
                who = f"{one.login}, new on the roster" if one.name in added else one.login
                links.append(f"For {who}, once, within 14 days:\n  {_link(address, one.secret)}")
        except (people.RosterError, Refused) as problem:
            raise Usage(str(problem)) from problem
    print("\n".join(links))
    return 0


def _name_of(session: Session, told: str, role: str | None) -> str:
    """The name of whom someone means; who is new is put on the roster, as a student or a `role`."""
    from introml.hub.people import people

    known = people.whom(session, told)
    if known is None:
        entry = people.Entry(email=told) if "@" in told else people.Entry(people.check_name(told))
        added = people.add_people(session, [replace(entry, role=role or "student")], _BY).added
        return added[0]
    if role not in (None, known.role):
        raise Usage(
            f"{told} is a {known.role} already; change the role on the teacher's page of the roster"
        )
    return known.name


def _link(address: str, secret: str) -> str:
    return f"{address.rstrip('/')}/hub/invite#{secret}"


def _backup(options: argparse.Namespace) -> int:
    from jinja2.filters import do_filesizeformat

    from introml.hub.operate import BackupError, back_up

    with _course(options) as course:
        try:
            made = back_up(course, options.file)
        except BackupError as problem:
            return _failed(problem)
    print(
        f"{options.file}: {counted(made.submissions, 'submitted file')}, "
        f"{made.rows.get('person', 0)} people, "
        f"{do_filesizeformat(made.size)}, read back and whole\nSHA-256 {made.sha256}"
    )
    return 0


def _restore(options: argparse.Namespace) -> int:
    from introml.hub.operate import BackupError, restore

    try:
        made = restore(options.file, options.course, options.database)
    except BackupError as problem:
        return _failed(problem)
    print(
        f"{options.course}: {one_line(made.title)!r} as of {one_line(made.made_at)}, "
        f"{counted(made.submissions, 'submitted file')}. Start it: "
        f"introml hub start --course {options.course}"
    )
    return 0


def _export(options: argparse.Namespace) -> int:
    from introml.hub.operate import PrivacyError, export_student

    with _course(options) as course:
        try:
            count = export_student(course, options.name, options.out)
        except PrivacyError as problem:
            return _failed(problem)
    print(
        f"{options.out}: {counted(count, 'submission')}. It holds feedback, also what is not shown "
        "yet."
    )
    return 0


def _erase(options: argparse.Namespace) -> int:
    from introml.hub.operate import PrivacyError, erase_student, forget_in_jupyterhub

    name = options.name
    with _course(options) as course:
        if not options.yes:
            print(f"This erases {name} from {course.settings.title!r}, for good.")
            try:
                typed = input("Type the name to go on: ").strip()
            except EOFError:
                typed = ""
            if typed != name:
                return _failed("that is not the name; nothing was erased")
        running = is_running(course)
        forgotten = not running and forget_in_jupyterhub(course, name)
        if forgotten:
            print(f"erased: JupyterHub's record of {name}")
        try:
            done = erase_student(course, name)
        except PrivacyError as problem:
            if forgotten:
                return 0
            known = "" if running else ", and JupyterHub has no record of such a user"
            return _failed(f"{problem}{known}")
    print(
        f"erased: {counted(done.submissions, 'submission')} with all grades, "
        f"{counted(done.files, 'file')}; in "
        f"{done.log} entries of the log the name is now {done.pseudonym}"
    )
    if done.shared:
        print(
            f"{counted(done.shared, 'file')} stay here: someone else handed in the very same bytes"
        )
    if running:
        print(
            "JupyterHub's own record of the user stays while the hub runs: stop the hub, and run "
            "this command again"
        )
    print(
        "Not in the course, so not erased here: backups made before (they end with your rule for "
        f"keeping them), the account and the home folder of {name}, the machine's and the hub's "
        "logs (hub.log), and what was exported to other systems."
    )
    return 0


def _receipt(options: argparse.Namespace) -> int:
    from introml.hub.course import ReceiptRefused, Submission, clock_words

    with _course(options) as course:
        try:
            receipt = course.signer.read(_bytes(options.file))
        except ReceiptRefused as problem:
            return _failed(problem)
        with course.database.reading() as session:
            kept = session.get(Submission, receipt.submission)
        there = kept is not None and kept.sha256 == receipt.sha256
        at = clock_words(datetime.fromisoformat(receipt.submitted_at), course.zone)
    print(
        f"This course signed it: {one_line(receipt.person)} handed in {one_line(receipt.lab)}, "
        f"attempt {receipt.number}, on {at}\n"
        f"file {one_line(receipt.file_name)}, {receipt.size} bytes, SHA-256 {receipt.sha256}"
    )
    if not there:
        return _failed("the course does not hold that submission (any more)")
    return 0


def _similarity(options: argparse.Namespace) -> int:
    from introml.hub.web import report_html

    with _course(options) as course:
        lab = course.labs.get(options.lab)
        if lab is None:
            raise Usage(f"{options.lab!r} is no lab here; there are: {', '.join(course.labs)}")
        _write_new(options.out, report_html(course, lab))
    print(options.out)
    return 0


@contextmanager
def _course(options: argparse.Namespace) -> Iterator[Course]:
    """The course that is named; it is not made here. What its database says is told in words."""
    folder = options.course.absolute()
    try:
        if not (folder / "course.toml").is_file():
            raise Usage(
                f"there is no course in {folder}; name its folder (--course DIR), or start one: "
                "make hub"
            )
        course = Course.at(folder)
    except OSError as problem:
        raise Usage(f"{folder} cannot be read: {problem.strerror}; are you its owner?") from problem
    except CourseError as problem:
        raise Usage(str(problem)) from problem
    try:
        yield course
    except LabError as problem:
        raise Usage(str(problem)) from problem
    except (sa.exc.OperationalError, sa.exc.ProgrammingError) as problem:
        raise Usage(
            f"the course's database cannot be used: {one_line(str(problem.orig))}; if introml was "
            "upgraded, start the course once, which brings its database up to date"
        ) from problem
    finally:
        course.database.close()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise Usage(f"{path} cannot be read: {problem.strerror}") from problem


def _write_new(path: Path, text: str) -> None:
    """A new file that its owner alone can read: it holds what others must not see."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Usage(f"{path} is there already; choose another name") from None
    except OSError as problem:
        raise Usage(f"{path} cannot be written: {problem.strerror}") from problem
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def _failed(problem: object) -> int:
    print(f"introml: {problem}", file=sys.stderr)
    return 1
