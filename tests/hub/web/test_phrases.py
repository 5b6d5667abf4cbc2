"""What pages say of rules and attempts; the attempt marked as counting is the one that counts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from introml.grader.lab.settings import LateRule
from introml.grader.results.late import Attempt, grade_of
from introml.grader.results.results import Verdict
from introml.hub.course.models import Grading, Submission
from introml.hub.grades.grading_progress import Progress
from introml.hub.grades.standing import Standing
from introml.hub.grades.submissions import Rules
from introml.hub.web import phrases

DUE = datetime(2026, 11, 25, 12, tzinfo=UTC)
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


graded = st.tuples(
    st.integers(-50, 200), st.sampled_from([0.0, 2.5, 5.0, 10.0]), st.sampled_from(list(Verdict))
)


@settings(max_examples=300, deadline=None)
@given(st.lists(graded, max_size=6), st.integers(0, 4), st.sampled_from(["best", "last"]))
def test_the_attempt_that_is_marked_gives_the_grade(tries, allowed, policy):
    """Against `grade_of`, which computes the grade: hours late, scores and verdicts are drawn."""
    submissions, attempts = [], []
    for number, (hours, score, verdict) in enumerate(sorted(tries, key=lambda x: x[0]), 1):
        at = DUE + timedelta(hours=hours, seconds=number)
        one = Submission(id=f"{number:032x}", number=number, submitted_at=at)
        one.gradings = [Grading(id=1, state="done", verdict=verdict, score=score, max_score=10.0)]
        submissions.append(one)
        attempts.append(Attempt(at, score, verdict))
    from introml.grader.results.late import late_factor

    late = {one.id: late_factor(RULE, DUE, one.submitted_at) for one in submissions}
    grade = grade_of(attempts, policy=policy, allowed=allowed or None, rule=RULE, deadline=DUE)
    standing = Standing(
        None, Rules(None, DUE, None, allowed), tuple(submissions), 0, grade, None, 10.0, late
    )
    lab = type("Lab", (), {"settings": type("S", (), {"policy": policy, "late": RULE})})
    shown = phrases.attempts_shown(standing, lab)
    marked = [one for one in shown if one.counts]
    assert [round(one.after, 6) for one in marked] == ([] if grade is None else [grade])
