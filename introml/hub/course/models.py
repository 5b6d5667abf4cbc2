"""The tables of a course: people, labs, submissions, their gradings, and what teachers decided."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from introml.hub.course.database import UtcDateTime

ROLES = ("student", "teacher")


class Base(DeclarativeBase):
    type_annotation_map = {datetime: UtcDateTime}
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Person(Base):
    """Someone on the roster. `name` is what JupyterHub calls them, and never changes.

    `login` is the user name that they know, of which it was made; "" where only an e-mail is known.
    `password` is a salted argon2id hash, or one of scrypt's until its owner signs in next; ""
    before an invitation was accepted, and with OAuth.
    """

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(64), unique=True)
    full_name: Mapped[str] = mapped_column(sa.String(200), default="")
    email: Mapped[str] = mapped_column(sa.String(200), default="")
    role: Mapped[str] = mapped_column(sa.String(16), default="student")
    password: Mapped[str] = mapped_column(sa.String(400), default="")
    #: What Canvas (ID), Canvas (SIS Login ID) or another system calls this person.
    lms_id: Mapped[str] = mapped_column(sa.String(100), default="")
    lms_login: Mapped[str] = mapped_column(sa.String(100), default="")
    active: Mapped[bool] = mapped_column(default=True)
    made_at: Mapped[datetime]
    login: Mapped[str] = mapped_column(sa.String(100), default="", server_default="")


class Invitation(Base):
    """A one-time link to choose a password. Only the hash of its secret is kept."""

    __tablename__ = "invitation"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="CASCADE"))
    secret_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    person: Mapped[Person] = relationship()


class LabSchedule(Base):
    """A lab in this course: when it opens, is due, closes, and what is shown from when.

    `seed` draws the hidden checks' inputs; it never leaves the server's side.
    None for `opens_at`, `due_at` or `closes_at`: no such limit; for `feedback_at`: at once;
    for `solutions_at`: the lab's own `solutions_from`.
    """

    __tablename__ = "lab"

    lab: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    seed: Mapped[int] = mapped_column(sa.BigInteger)
    opens_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    closes_at: Mapped[datetime | None]
    feedback_at: Mapped[datetime | None]
    solutions_at: Mapped[datetime | None]


class Extension(Base):
    """One person's own deadline, or further attempts, in one lab."""

    __tablename__ = "extension"
    __table_args__ = (sa.UniqueConstraint("person_id", "lab"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="CASCADE"))
    lab: Mapped[str] = mapped_column(sa.String(100))
    due_at: Mapped[datetime | None]
    more_attempts: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(sa.Text, default="")


class Submission(Base):
    """One notebook handed in. Its bytes lie in the blob store under `sha256`."""

    __tablename__ = "submission"
    __table_args__ = (sa.UniqueConstraint("person_id", "lab", "number"),)

    #: A random name: it can be told in a receipt and not guessed.
    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="CASCADE"), index=True
    )
    lab: Mapped[str] = mapped_column(sa.String(100), index=True)
    #: 1, 2, 3, …: which one of this person's in this lab.
    number: Mapped[int]
    file_name: Mapped[str] = mapped_column(sa.String(200))
    sha256: Mapped[str] = mapped_column(sa.String(64))
    size: Mapped[int]
    submitted_at: Mapped[datetime]
    person: Mapped[Person] = relationship()
    gradings: Mapped[list[Grading]] = relationship(
        back_populates="submission", order_by="Grading.id", cascade="all, delete-orphan"
    )


class Grading(Base):
    """One grading of one submission, under one version of the lab: a job first, then its result.

    A regrade adds a row: what was graded before is kept. The newest done one counts. `state` is
    waiting, leased, done, called off, held (it would lower the grade, and waits for a teacher's
    word) or declined (the teacher kept the old grade).
    """

    __tablename__ = "grading"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(
        sa.ForeignKey("submission.id", ondelete="CASCADE"), index=True
    )
    #: "cpu" or "cuda": which workers may take it.
    tier: Mapped[str] = mapped_column(sa.String(8), default="cpu")
    #: Lower first: what a student waits for goes before a regrade of the class.
    priority: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(sa.String(200), default="handed in")
    state: Mapped[str] = mapped_column(sa.String(12), default="waiting", index=True)
    #: The secret of the worker that has it now, hashed; it alone may report.
    lease: Mapped[str] = mapped_column(sa.String(64), default="")
    lease_until: Mapped[datetime | None]
    worker: Mapped[str] = mapped_column(sa.String(100), default="")
    tries: Mapped[int] = mapped_column(default=0)
    #: Why earlier tries failed, for the teacher.
    trouble: Mapped[str] = mapped_column(sa.Text, default="")
    made_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    lab_version: Mapped[str] = mapped_column(sa.String(64), default="")
    verdict: Mapped[str] = mapped_column(sa.String(16), default="")
    score: Mapped[float | None]
    max_score: Mapped[float | None]
    #: Whether the grader failed, or found something that a person should look at.
    flagged: Mapped[bool] = mapped_column(default=False)
    #: The whole result, as `introml.grader.results.results.to_json` writes it: for teachers alone.
    result: Mapped[str] = mapped_column(sa.Text, default="")
    submission: Mapped[Submission] = relationship(back_populates="gradings")


class Override(Base):
    """A score that a teacher set by hand for one person in one lab. The newest counts, all stay."""

    __tablename__ = "override"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="CASCADE"), index=True
    )
    lab: Mapped[str] = mapped_column(sa.String(100))
    #: None takes an earlier override back.
    score: Mapped[float | None]
    reason: Mapped[str] = mapped_column(sa.Text)
    by: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime]


class Event(Base):
    """The log: who did what to whom, and when. It is added to, never changed."""

    __tablename__ = "event"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    who: Mapped[str] = mapped_column(sa.String(64))
    what: Mapped[str] = mapped_column(sa.String(64))
    #: The person whom it concerns, by name, and the lab, where there are any.
    person: Mapped[str] = mapped_column(sa.String(64), default="", index=True)
    lab: Mapped[str] = mapped_column(sa.String(100), default="")
    detail: Mapped[str] = mapped_column(sa.Text, default="")
