"""A class as it is in the middle of a term, put into the database at once: for pages and timing."""

from __future__ import annotations

import hashlib
import json
import random
from datetime import timedelta

from introml.grader.results.results import CheckResult, Flag, SubmissionResult, Verdict, to_json
from introml.hub.course.course import Course
from introml.hub.course.database import now
from introml.hub.course.models import Extension, Grading, LabSchedule, Override, Person, Submission

#: Names of many scripts and lengths; the class goes through them again and again.
NAMES = (
    "Ann Able", "José María Ñíguez de la Peña", "Zoë Ångström", "李小龍", "王芳", "山田 太郎",
    "김민준", "Nguyễn Thị Minh Khai", "محمد عبد الرحمن", "דנה לוי", "Дмитрий Шостакович",
    "Ελένη Παπαδοπούλου", "अनन्या शर्मा", "தமிழ்ச்செல்வி முருகன்", "สมชาย ใจดี",
    "Chukwuemeka Oluwaseun Adébáyò-Williams", "Siobhán Ní Dhomhnaill", "Þórður Sigurðsson",
    "Wolfeschlegelsteinhausenbergerdorff, Hubert Blaine Senior", "Ly", "O'Connor, Sinéad",
    "Çağla Yılmaz", "ქეთევან ბერიძე", "Mary-Jane Watson",
)  # fmt: skip
CHECKS = (
    ("loss_is_a_mean", "The loss is the mean of squared residuals", 1, False),
    ("gradient_is_right", "The gradient is that of the loss", 2, False),
    ("goes_downhill", "A step goes downhill", 1, False),
    ("any_size", "The loss is right for any number of points", 2, True),
    ("agrees", "The gradient agrees with the loss", 2, True),
    ("go_on", "Steps go on from where the last one ended", 2, True),
)


def fill(course: Course, students: int, lab: str = "tiny", seed: int = 0) -> None:
    """Add `students` to a course, most with some attempts at the lab: graded, late, in trouble."""
    rng = random.Random(seed)
    at = now().replace(second=0, microsecond=0)
    due = at - timedelta(days=2)
    with course.database.writing() as session:
        dates = session.get(LabSchedule, lab) or LabSchedule(lab=lab, seed=1)
        dates.opens_at, dates.due_at = due - timedelta(days=14), due
        dates.closes_at = due + timedelta(days=7)
        session.add(dates)
        for i in range(students):
            name = f"s{i:03d}"
            person = Person(
                name=name, full_name=NAMES[i % len(NAMES)], email=f"{name}@students.example.edu",
                lms_id=str(50_000 + i), lms_login=f"{name}x", made_at=at,
                password="" if rng.random() < 0.2 else "set",
            )  # fmt: skip
            session.add(person)
            session.flush()
            skill = rng.betavariate(4, 1.6)
            for number in range(1, rng.choice((0, 1, 1, 2, 2, 3, 4)) + 1):
                when = due - timedelta(hours=rng.expovariate(1 / 40) - 12) + timedelta(hours=number)
                _submission(session, person, lab, number, min(when, at), rng, skill)
            if rng.random() < 0.05:
                session.add(
                    Override(
                        person_id=person.id, lab=lab, score=round(10 * skill * 2) / 2, by="tess",
                        reason="Explained the answer in the oral exam.", at=at,
                    )
                )  # fmt: skip
            if rng.random() < 0.06:
                session.add(
                    Extension(
                        person_id=person.id, lab=lab, due_at=due + timedelta(days=3),
                        more_attempts=2, reason="Ill, with a certificate.",
                    )
                )  # fmt: skip


def _submission(session, person, lab, number, when, rng, skill) -> None:
    sha256 = hashlib.sha256(f"{person.name} {number}".encode()).hexdigest()
    submission = Submission(
        id=sha256[:32], person_id=person.id, lab=lab, number=number, sha256=sha256,
        file_name="gradient-descent.ipynb", size=rng.randint(9_000, 90_000), submitted_at=when,
    )  # fmt: skip
    session.add(submission)
    for version in range(2 if rng.random() < 0.2 else 1):
        waits = number > 1 and rng.random() < 0.05
        row = Grading(
            submission=submission, made_at=when, state="waiting" if waits else "done",
            reason="regrade 7: the check on sizes was too strict" if version else "handed in",
        )  # fmt: skip
        session.add(row)
        if not waits:
            _grade(row, submission, when, rng, skill, version)


def _grade(row, submission, when, rng, skill, version) -> None:
    chance = rng.random()
    verdict, flags = Verdict.GRADED, []
    if chance < 0.02:
        verdict, flags = Verdict.FAULT, [Flag("grader fault", "the checker ended with status -9")]
    elif chance < 0.05:
        verdict = rng.choice((Verdict.TIMED_OUT, Verdict.OUT_OF_MEMORY, Verdict.INVALID))
    elif chance < 0.08:
        flags = [Flag("library answer", "torch.nn.functional.mse_loss is looked up by name")]
    checks = [_check(one, i, rng, skill) for i, one in enumerate(CHECKS)]
    result = SubmissionResult(
        submission.id, submission.sha256, submission.lab, "4f1c9e" * 10 + f"a0b{version}", 1,
        verdict, checks=checks, flags=flags, public_output="loss 0.25\n" * 40,
        environment={"torch": "2.13.0", "sandbox": {"namespaces": "user mount pid network"}},
        measured={"seconds": 3.2}, teacher={"traceback": "Traceback …\n" * 20},
    )  # fmt: skip
    row.verdict, row.lab_version = str(verdict), result.lab_version
    row.score, row.max_score, row.flagged = result.score, result.max_score, bool(flags)
    row.done_at = row.started_at = when + timedelta(seconds=4)
    row.tries, row.worker = 1, "this-machine-1"
    row.result = json.dumps(to_json(result))


def _check(one, place, rng, skill) -> CheckResult:
    name, title, points, hidden = one
    share = 1.0 if rng.random() < skill + 0.25 - 0.06 * place else rng.choice((0, 0, 0.5))
    outcome = {1.0: "passed", 0.5: "partial"}.get(share, "failed")
    hint = "" if share == 1 else "The residuals are x @ w - y; average their squares."
    return CheckResult(name, title, share * points, points, outcome, hint, hidden)
