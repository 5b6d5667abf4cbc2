"""What pages say of rules, of attempts, and of why something cannot be handed in."""

from datetime import UTC, datetime

import pytest

from introml.grader.lab.settings import LateRule
from introml.grader.results.results import Verdict
from introml.hub.grades.grading_progress import Progress
from introml.hub.grades.rules import Refusal, Rules, Why
from introml.hub.web import phrases

RULE = LateRule(per_day=0.1, max=0.5, grace_minutes=15)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (LateRule(), "Late work loses no points."),
        (RULE, "Up to 15 minutes late costs nothing. After that, each day begun takes 10% off the "
               "score, 50% at most."),
        (LateRule(0.125, 1.0), "Each day begun takes 12.5% off the score, 100% at most."),
    ],
)  # fmt: skip
def test_the_late_rule(rule, said):
    assert phrases.late_words(rule) == said


def test_who_is_late_is_told_what_it_costs_now():
    assert phrases.late_words(RULE, 0.8).endswith("50% at most. Handed in now, it is 20%.")


@pytest.mark.parametrize(
    ("allowed", "used", "said"),
    [(0, 3, "As many as you like. The best one counts."),
     (10, 3, "7 of 10 left. The best one counts."), (2, 2, "None of 2 left. The best one counts."),
     (2, 5, "None of 2 left. The best one counts.")],
)  # fmt: skip
def test_the_attempts(allowed, used, said):
    assert phrases.attempts_words(Rules(None, None, None, allowed), used, "best") == said


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (Progress("waiting", 0), "it is next"),
        (Progress("waiting", 1), "1 is before it"),
        (Progress("waiting", 7), "7 are before it"),
        (Progress("grading"), "Being graded now."),
        (Progress("done", 0, "graded", 2.5, 10.0), "Graded: 2.5 of 10 points."),
        (Progress("done", 0, "invalid", 0.0, 10.0), "Not gradable"),
        (Progress("done", 0, "grader fault", 0.0, 0.0), "costs no attempt"),
    ],
)
def test_the_progress(progress, said):
    assert said in phrases.progress_words(progress)


def test_every_verdict_has_its_words():
    assert set(phrases.VERDICTS) == set(Verdict)


OPENS = datetime(2026, 11, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (Refusal(Why.NOT_ON_ROSTER), "You are not on this course's roster. Ask your teacher."),
        (Refusal(Why.NOT_OPEN_YET, at=OPENS), "This lab opens on 2026-11-01 08:00 UTC."),
        (
            Refusal(Why.CLOSED, at=OPENS),
            "This lab closed on 2026-11-01 08:00 UTC. Ask your teacher for an extension.",
        ),
        (
            Refusal(Why.NO_ATTEMPT_LEFT, count=10),
            "You have used all 10 attempts of this lab. Ask your teacher if you need another.",
        ),
        (
            Refusal(Why.TOO_MANY_WAIT, count=5),
            "5 of your submissions wait to be graded. Hand in again when one is done.",
        ),
        (Refusal(Why.EMPTY), "The file is empty. Save the notebook, and hand in again."),
        (
            Refusal(Why.TOO_LARGE, count=10_200_000, most=10_000_000),
            "The file has 10.2 MB; at most 10 MB are accepted. Clear the notebook's outputs (Edit, "
            "Clear Outputs of All Cells), save, and hand in again.",
        ),
    ],
)
def test_why_something_cannot_be_handed_in(refusal, said):
    assert phrases.refusal_words(refusal, UTC).striptags() == said


def test_every_reason_has_its_words():
    for why in Why:
        assert phrases.refusal_words(Refusal(why, at=OPENS), UTC)
