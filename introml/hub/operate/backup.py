"""A course in one file, and back: tables, submissions, keys and settings of one moment.

The file is a plain tar. Tables are JSON lines, so a backup made from SQLite can be restored into
PostgreSQL and the other way round. The last member, `manifest.json`, has the sha256 of each other
one. A backup holds grades and the course's keys: keep it as safe as the course.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from introml.grader.atomic import sync_folder
from introml.hub.course import BlobDamaged, Blobs, Course, Database, UtcDateTime, is_full, now

_KIND = "introml backup 1"
_MANIFEST = "manifest.json"
_FILES = re.compile(r"course\.toml|receipt\.key|[a-z0-9][a-z0-9_-]{0,60}\.secret")
_TABLE = re.compile(r"tables/([a-z][a-z0-9_]{0,60})\.jsonl")
_BLOB = re.compile(r"submissions/([0-9a-f]{64})")
_CHUNK = 1 << 20
#: A manifest is read into memory; a member that is no submission or table is small.
_LONGEST_MANIFEST, _LONGEST_FILE = 200_000_000, 1_000_000
#: Rows inserted at a time, and the name under which Alembic keeps the schema's version.
_ROWS, _VERSION_TABLE = 500, "alembic_version"
_SQLITE, _SCRATCH = "sqlite", ".restoring"


class BackupError(Exception):
    """No backup was made, or none restored; the text says why, and what to do."""


@dataclass(frozen=True)
class Contents:
    """What a backup holds, by its manifest. `rows` is by table, `sha256` of the whole file."""

    title: str
    made_at: str
    schema: str
    rows: dict[str, int]
    submissions: int
    size: int
    sha256: str


def back_up(course: Course, out: Path) -> Contents:
    """Write the course to the new file `out`, while it runs or not. Raises `BackupError`.

    It holds all that was committed before this began, so each receipt given before. When this
    returns, the file is on the disk, and was read back and found whole.
    """
    out = Path(os.path.abspath(out))
    if os.path.lexists(out):
        raise BackupError(f"{out} is there already; choose another name")
    if not out.parent.is_dir():
        raise BackupError(f"{out.parent}: there is no such folder")
    draft = out.with_name(f".{out.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w+b") as file:
            _write(course, file, out.parent)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            contents = _verified(file)
        _put(draft, out)
    except FileExistsError:
        raise BackupError(f"{out} is there already; choose another name") from None
    except (OSError, BlobDamaged, sa.exc.SQLAlchemyError) as problem:
        if is_full(problem):
            raise BackupError(
                f"the disk of {out.parent} is full: no backup was made, and the course is as it "
                "was; make room, or write it to another disk"
            ) from problem
        raise BackupError(f"the backup could not be made: {problem}") from problem
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(out.parent)
    return contents


def read_backup(path: Path) -> Contents:
    """What is in a backup, after every byte of it was checked. Raises `BackupError`."""
    with _opened(path) as file:
        return _verified(file)


def restore(path: Path, folder: Path, database: str = "") -> Contents:
    """Make a course in `folder`, which is empty or not there, from a backup.

    `database` is the URL of an empty database to restore into; "" is the one that course.toml
    names, and "sqlite" the course's own. All is checked before anything is written. Raises
    `BackupError`.
    """
    folder = Path(os.path.abspath(folder))
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise BackupError(f"{folder} is not a folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise BackupError(
            f"{folder} is not empty, and nothing is restored over what is there; move it away, or "
            "choose another folder"
        )
    with _opened(path) as file:
        contents = _verified(file)
        settings, url = _settings(file, database)
        target = Database(url or f"sqlite:///{folder / 'course.sqlite'}")
        try:
            if url:
                _refuse_unless_empty(target)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            try:
                tables = _write_files(file, folder, settings)
                _fill(target, tables, contents.schema)
                for one in folder.glob("course.sqlite*"):
                    one.chmod(0o600)
            finally:
                shutil.rmtree(folder / _SCRATCH, ignore_errors=True)
        except BaseException as problem:
            _take_back(folder)
            if is_full(problem):
                raise BackupError(
                    f"the disk of {folder} is full: nothing was restored, and the backup is as it "
                    "was; make room, or choose a folder on another disk"
                ) from problem
            if isinstance(problem, OSError | sa.exc.SQLAlchemyError):
                raise BackupError(f"the course could not be restored: {problem}") from problem
            raise
        finally:
            target.close()
    sync_folder(folder)
    return contents


def _put(draft: Path, out: Path) -> None:
    """Give the draft its name, over no file that came to be there meanwhile."""
    try:
        os.link(draft, out)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        os.rename(draft, out)


# ---- writing -------------------------------------------------------------------------------------


class _Archive:
    """A tar that is being written, and the hashes of its members."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self.tar = tar
        self.members: dict[str, dict[str, Any]] = {}

    def add(self, name: str, data: bytes) -> None:
        self.add_file(name, io.BytesIO(data), len(data), hashlib.sha256(data).hexdigest())

    def add_file(self, name: str, file: IO[bytes], size: int, sha256: str) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, 0o600, int(now().timestamp())
        self.tar.addfile(member, file)
        if name != _MANIFEST:
            self.members[name] = {"size": size, "sha256": sha256}


def _write(course: Course, file: IO[bytes], scratch: Path) -> None:
    _ = course.signer  # its key is made now if nothing was handed in yet
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        archive = _Archive(tar)
        for path in sorted(course.folder.iterdir()):
            if _FILES.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                archive.add(path.name, path.read_bytes())
        with _snapshot(course.database) as connection:
            tables, schema = _tables(connection)
            rows = {
                table.name: _write_table(archive, connection, table, scratch)
                for table in tables.sorted_tables
            }
            hashes = set(connection.scalars(sa.select(tables.tables["submission"].c.sha256)))
        # A file is on the disk before its row is committed: those of the snapshot are all there.
        for sha256 in sorted(hashes):
            archive.add(f"submissions/{sha256}", course.blobs.read(sha256))
        manifest = {
            "kind": _KIND,
            "title": course.settings.title,
            "made_at": now().isoformat(timespec="seconds"),
            "schema": schema,
            "rows": rows,
            "members": archive.members,
        }
        archive.add(_MANIFEST, json.dumps(manifest, indent=1).encode("utf-8"))


def _write_table(
    archive: _Archive, connection: sa.Connection, table: sa.Table, scratch: Path
) -> int:
    """Add a table to the archive, and return how many rows it has."""
    digest, count = hashlib.sha256(), 0
    with tempfile.TemporaryFile(dir=scratch) as lines:
        for row in _rows_of(connection, table):
            line = json.dumps(row, separators=(",", ":")).encode("ascii") + b"\n"
            lines.write(line)
            digest.update(line)
            count += 1
        size = lines.tell()
        lines.seek(0)
        archive.add_file(f"tables/{table.name}.jsonl", lines, size, digest.hexdigest())
    return count


@contextmanager
def _snapshot(database: Database) -> Iterator[sa.Connection]:
    """A connection on which all reads see the same moment, and that holds up no writer."""
    with database.engine.connect() as connection:
        options: dict[str, Any] = {"introml_reading": True}
        if not database.is_sqlite:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with connection.execution_options(**options).begin():
            yield connection


def _tables(connection: sa.Connection) -> tuple[sa.MetaData, str]:
    """The tables as the database has them, whatever its version, and that version."""
    found = sa.MetaData()
    found.reflect(connection)
    version = found.tables.get(_VERSION_TABLE)
    schema = connection.scalar(sa.select(version.c.version_num)) if version is not None else None
    if version is None or schema is None:
        raise BackupError("the database has no tables of a course yet; start the course once")
    found.remove(version)
    for table in found.tables.values():
        for column in table.columns:
            if isinstance(column.type, sa.DateTime):
                column.type = UtcDateTime()
    return found, schema


def _rows_of(connection: sa.Connection, table: sa.Table) -> Iterator[dict[str, Any]]:
    wanted = sa.select(table).order_by(*table.primary_key.columns)
    found = connection.execute(wanted, execution_options={"yield_per": _ROWS})
    for row in found.mappings():
        yield {key: _to_json(value) for key, value in row.items()}


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise BackupError(f"the database holds a {type(value).__name__}, which no backup can hold")


# ---- reading -------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as problem:
        if isinstance(problem, FileNotFoundError | IsADirectoryError | PermissionError):
            raise BackupError(f"{path} cannot be read: {problem.strerror}") from problem
        raise


def _members(file: IO[bytes]) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, size and content of each member; refused unless a backup could have it."""
    file.seek(0)
    seen: set[str] = set()
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            name = member.name
            known = name == _MANIFEST or any(x.fullmatch(name) for x in (_FILES, _TABLE, _BLOB))
            if not known or not member.isreg() or name in seen:
                raise BackupError(f"this is no backup of a course: {name[:100]!r} is in it")
            seen.add(name)
            if _FILES.fullmatch(name) and member.size > _LONGEST_FILE:
                raise BackupError(f"this is no backup of a course: {name!r} is too large")
            content = tar.extractfile(member)
            assert content is not None  # it is a regular file
            yield name, member.size, content


def _verified(file: io.BufferedReader | io.BufferedRandom) -> Contents:
    """Read all of it, and compare with its manifest."""
    found: dict[str, dict[str, Any]] = {}
    manifest: dict[str, Any] = {}
    try:
        for name, size, content in _members(file):
            if name == _MANIFEST:
                manifest = _manifest(content.read(_LONGEST_MANIFEST + 1))
                continue
            digest = hashlib.sha256()
            while piece := content.read(_CHUNK):
                digest.update(piece)
            found[name] = {"size": size, "sha256": digest.hexdigest()}
    except (tarfile.TarError, EOFError) as problem:
        raise BackupError(f"this is no backup of a course, or it is cut: {problem}") from problem
    if not manifest:
        raise BackupError("this is no whole backup: its manifest is missing; was it cut short?")
    told = manifest["members"]
    wrong = sorted(name for name in told.keys() | found.keys() if told.get(name) != found.get(name))
    wrong += [x for x in found if (m := _BLOB.fullmatch(x)) and m[1] != found[x]["sha256"]]
    if wrong:
        raise BackupError(
            f"the backup is damaged: {wrong[0]} is not as it was written ({len(wrong)} of "
            f"{len(told)} members); use another backup"
        )
    if "course.toml" not in found or "receipt.key" not in found:
        raise BackupError("this is no whole backup: course.toml or receipt.key is not in it")
    blobs = [name for name in found if _BLOB.fullmatch(name)]
    file.seek(0)
    whole = hashlib.file_digest(file, "sha256").hexdigest()
    return Contents(
        manifest["title"], manifest["made_at"], manifest["schema"], manifest["rows"],
        len(blobs), file.tell(), whole,
    )  # fmt: skip


def _manifest(raw: bytes) -> dict[str, Any]:
    wrong = BackupError("this is no backup of a course: its manifest cannot be read")
    try:
        node = json.loads(raw)
    except (ValueError, RecursionError):
        raise wrong from None
    kinds: dict[str, type] = dict.fromkeys(("kind", "title", "made_at", "schema"), str)
    kinds |= dict.fromkeys(("rows", "members"), dict)
    if not isinstance(node, dict) or any(type(node.get(x)) is not y for x, y in kinds.items()):
        raise wrong
    if node["kind"] != _KIND:
        raise BackupError(
            f"this backup is of the kind {node['kind'][:40]!r}; this introml reads {_KIND!r}"
        )
    return node


# ---- restoring -----------------------------------------------------------------------------------


def _settings(file: IO[bytes], database: str) -> tuple[str, str]:
    """course.toml as it is to be, and the URL in it."""
    raw = next(content.read() for name, _, content in _members(file) if name == "course.toml")
    try:
        text = raw.decode("utf-8")
        if database:
            text = _with_database(text, "" if database == _SQLITE else database)
        return text, str(tomllib.loads(text).get("database", ""))
    except ValueError as problem:
        raise BackupError(f"course.toml in the backup cannot be read: {problem}") from problem


def _write_files(file: IO[bytes], folder: Path, settings: str) -> dict[str, Path]:
    """Write all but the tables to where they belong; returns the tables' files by name."""
    blobs = Blobs(folder / "submissions")
    scratch = folder / _SCRATCH
    for one in (blobs.folder, scratch):
        one.mkdir(mode=0o700)
    tables: dict[str, Path] = {}
    for number, (name, _, content) in enumerate(_members(file)):
        if _BLOB.fullmatch(name):
            blobs.keep(content.read())
        elif table := _TABLE.fullmatch(name):
            tables[table[1]] = _copied(content, scratch / str(number))
        elif name == "course.toml":
            _copied(io.BytesIO(settings.encode("utf-8")), folder / name)
        elif name != _MANIFEST:
            _copied(content, folder / name)
    return tables


def _take_back(folder: Path) -> None:
    """Undo what was begun in a folder that was empty before."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _copied(content: IO[bytes], path: Path) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while piece := content.read(_CHUNK):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return path


def _with_database(text: str, url: str) -> str:
    """course.toml with another database; everything else in it stays as it is."""
    kept = [line for line in text.splitlines() if not re.match(r"\s*database\s*=", line)]
    # A setting of the whole file stands before its first table.
    lines = [f"database = {json.dumps(url)}"] if url else []
    changed = "\n".join([*lines, *kept, ""])
    before, after = tomllib.loads(text), tomllib.loads(changed)
    if after.pop("database", "") != url or before | {"database": 0} != after | {"database": 0}:
        raise ValueError("`database` must be set in one line of its own")
    return changed


def _refuse_unless_empty(database: Database) -> None:
    try:
        with database.engine.connect() as connection:
            there = sa.inspect(connection).get_table_names()
    except sa.exc.SQLAlchemyError as problem:
        raise BackupError(f"the database {database.engine.url} cannot be used: {problem}") from None
    if there:
        raise BackupError(
            f"the database {database.engine.url} is not empty (it has a table {there[0]!r}); name "
            "an empty one: --database URL"
        )


def _fill(database: Database, files: dict[str, Path], schema: str) -> None:
    """Bring an empty database to the backup's schema, put the rows in, and migrate to today's."""
    try:
        _migrate(database, schema)
        with database.engine.begin() as connection:
            tables, _ = _tables(connection)
            if unknown := sorted(files.keys() - tables.tables.keys()):
                raise BackupError(f"the backup has a table {unknown[0]!r}, which is not known here")
            for table in tables.sorted_tables:
                if table.name in files:
                    _insert(connection, table, files[table.name])
        database.migrate()
    except BaseException:
        if not database.is_sqlite:  # it was empty, so all that is in it is from here
            made = sa.MetaData()
            with contextlib.suppress(sa.exc.SQLAlchemyError), database.engine.begin() as connection:
                made.reflect(connection)
                made.drop_all(connection)
        raise


def _migrate(database: Database, schema: str) -> None:
    from alembic.util import CommandError

    try:
        database.migrate(schema)
    except CommandError as problem:
        raise BackupError(
            f"the backup's schema {schema[:40]!r} is not known here: it was made by a newer "
            "introml; restore it with that"
        ) from problem


def _insert(connection: sa.Connection, table: sa.Table, path: Path) -> None:
    moments = {x.name for x in table.columns if isinstance(x.type, UtcDateTime)}
    batch: list[dict[str, Any]] = []

    def flush() -> None:
        if batch:
            connection.execute(table.insert(), batch)
            batch.clear()

    with path.open("rb") as lines:
        for line in lines:
            row = json.loads(line)
            for key in moments:
                if row.get(key) is not None:
                    row[key] = datetime.fromisoformat(row[key])
            batch.append(row)
            if len(batch) == _ROWS:
                flush()
    flush()
    if connection.dialect.name == "postgresql":
        _advance_counters(connection, table)


def _advance_counters(connection: sa.Connection, table: sa.Table) -> None:
    """Rows came with their numbers: the next row of PostgreSQL's own gets the one after."""
    for column in table.primary_key.columns:
        sequence = connection.scalar(
            sa.select(sa.func.pg_get_serial_sequence(f'"{table.name}"', column.name))
        )
        if sequence:
            top = connection.scalar(sa.select(sa.func.max(column)))
            if top is not None:
                connection.execute(sa.select(sa.func.setval(sequence, top)))
