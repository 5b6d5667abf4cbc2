"""Where someone stands in a lab: attempts, the late rule, extensions, overrides, and the grade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from introml.grader.lab import Lab
from introml.grader.results import Verdict, late_factor, score_after, that_counts
from introml.hub.course import Extension, Grading, LabSchedule, Override, Person, Submission
from introml.hub.grades.rules import Dates, Rules, rules_for, rules_of
from introml.hub.grades.submissions import attempt_of, attempts_used, current_grading
from introml.hub.queue import HELD


@dataclass(frozen=True)
class Standing:
    """One person in one lab. `grade` is what counts, None where there is nothing to count.

    `computed` is the grade before a teacher's override, and `counts` the submission that it is of;
    where there is an override, no submission counts. Of each submission by name, `late` is what its
    score is multiplied by, and `after` the product, where it has a score that is no grader's fault.
    `better` is the submission that would give more than the override, and was not graded yet when
    the override was made.
    """

    person: Person
    rules: Rules
    submissions: tuple[Submission, ...]
    used: int
    computed: float | None
    override: Override | None
    max_score: float | None
    late: dict[str, float]
    after: dict[str, float]
    counts: Submission | None
    better: Submission | None = None

    @property
    def grade(self) -> float | None:
        return self.override.score if self.override is not None else self.computed

    @property
    def waiting(self) -> bool:
        """Whether the newest submission has no verdict yet."""
        return bool(self.submissions) and current_grading(self.submissions[-1]) is None

    @property
    def needs_a_person(self) -> bool:
        """Whether the grader failed on the newest submission, or found something to look at.

        A lower grade that waits for a teacher's word is such a thing too, and a grade set by hand
        that a better submission has overtaken.
        """
        newest = current_grading(self.submissions[-1]) if self.submissions else None
        held = any(x.state == HELD for one in self.submissions for x in one.gradings)
        return held or self.better is not None or (newest is not None and newest.flagged)

    def under(self, lab: Lab, rules: Rules) -> Standing:
        """The same person with the same work, if other rules held."""
        return standing_of(self.person, lab, rules, list(self.submissions), self.override)


@dataclass(frozen=True)
class Change:
    """A student whose grade is, or would be, another one."""

    person: Person
    before: float | None
    after: float | None


def changes_between(before: Sequence[Standing], after: Sequence[Standing]) -> list[Change]:
    """Whose grade differs between the standings of the same people."""
    return [
        Change(old.person, old.grade, new.grade)
        for old, new in zip(before, after, strict=True)
        if old.grade != new.grade
    ]


def standing(session: Session, person: Person, lab: Lab) -> Standing:
    """Where this person stands in this lab."""
    found = session.scalars(
        sa.select(Submission)
        .filter_by(person_id=person.id, lab=lab.name)
        .order_by(Submission.number)
        .options(selectinload(Submission.gradings))
    )
    override = session.scalar(
        sa.select(Override)
        .filter_by(person_id=person.id, lab=lab.name)
        .order_by(Override.id.desc())
        .limit(1)
    )
    return standing_of(person, lab, rules_for(session, person, lab), list(found), override)


def class_standing(session: Session, lab: Lab, dates: Dates | None = None) -> list[Standing]:
    """Where all active students stand in a lab, by name; the results of gradings are not read.

    With `dates`, where they would stand if the lab had these.
    """
    people = list(
        session.scalars(
            sa.select(Person).filter_by(role="student", active=True).order_by(Person.name)
        )
    )
    by_person: dict[int, list[Submission]] = {}
    for one in session.scalars(
        sa.select(Submission)
        .filter_by(lab=lab.name)
        .order_by(Submission.number)
        .options(selectinload(Submission.gradings).defer(Grading.result))
    ):
        by_person.setdefault(one.person_id, []).append(one)
    overrides = {
        one.person_id: one
        for one in session.scalars(
            sa.select(Override).filter_by(lab=lab.name).order_by(Override.id)
        )
    }
    hold = dates or session.get(LabSchedule, lab.name)
    extensions = {
        one.person_id: one for one in session.scalars(sa.select(Extension).filter_by(lab=lab.name))
    }
    return [
        standing_of(
            person,
            lab,
            rules_of(lab, hold, extensions.get(person.id)),
            by_person.get(person.id, []),
            overrides.get(person.id),
        )
        for person in people
    ]


def standing_of(
    person: Person,
    lab: Lab,
    rules: Rules,
    submissions: list[Submission],
    override: Override | None,
) -> Standing:
    """Where someone stands who handed this in, the first one first; `override` is the newest."""
    graded, attempts, most = [], [], None
    for one in submissions:
        grading = current_grading(one)
        if grading is not None:
            graded.append(one)
            attempts.append(attempt_of(one, grading))
            if grading.verdict != Verdict.FAULT:
                most = grading.max_score
    rule = lab.settings.late
    place = that_counts(
        attempts,
        policy=lab.settings.policy,
        allowed=rules.attempts or None,
        rule=rule,
        deadline=rules.due_at,
    )
    after = {
        one.id: score_after(attempt, rule, rules.due_at)
        for one, attempt in zip(graded, attempts, strict=True)
        if attempt.verdict != Verdict.FAULT
    }
    set_by_hand = override is not None and override.score is not None
    that = None if place is None else graded[place]
    overtakes = (
        that is not None
        and override is not None
        and override.score is not None
        and after[that.id] > override.score
        and _first_graded(that) > override.at
    )
    return Standing(
        person=person,
        rules=rules,
        submissions=tuple(submissions),
        used=attempts_used(submissions),
        computed=None if that is None else after[that.id],
        override=override if set_by_hand else None,
        max_score=most,
        late={one.id: late_factor(rule, rules.due_at, one.submitted_at) for one in submissions},
        after=after,
        counts=None if set_by_hand else that,
        better=that if overtakes else None,
    )


def _first_graded(submission: Submission) -> datetime:
    """When a submission that is graded first was."""
    return min(one.done_at for one in submission.gradings if one.state == "done" and one.done_at)
