"""What pages say to a student about rules, states and verdicts, in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import assert_never

from markupsafe import Markup

from introml.grader.lab import LateRule
from introml.grader.results import Verdict
from introml.hub.course import Submission
from introml.hub.grades import Progress, Refusal, Rules, Standing, Why, current_grading
from introml.hub.web.context import moment, points

VERDICTS = {
    Verdict.GRADED: "Graded.",
    Verdict.TIMED_OUT: "Timed out: your code took longer than the lab allows. What the checks gave "
    "before that counts.",
    Verdict.OUT_OF_MEMORY: "Out of memory: your code used more memory than the lab allows.",
    Verdict.CRASHED: "Crashed: the process that ran your code ended before the checks did.",
    Verdict.INVALID: "Not gradable: the file is no notebook of this lab as it is today. The "
    "feedback says why.",
    Verdict.FAULT: "The grader failed. It is not your fault and costs no attempt; your teacher "
    "sees it, and can have it graded again.",
}


@dataclass(frozen=True)
class AttemptShown:
    """One attempt as a student sees it. `late` is what its score is multiplied by, `after` that."""

    submission: Submission
    verdict: str
    score: float | None
    max_score: float | None
    late: float
    after: float | None
    counts: bool

    @property
    def done(self) -> bool:
        return bool(self.verdict)

    @property
    def fault(self) -> bool:
        return self.verdict == Verdict.FAULT

    @property
    def off(self) -> str:
        """What being late took off, such as "20%"; "" when in time."""
        return percent(1 - self.late) if self.late < 1 else ""


def attempts_shown(standing: Standing) -> list[AttemptShown]:
    """All attempts, the newest first, with a mark at the one that counts."""
    shown = []
    for one in reversed(standing.submissions):
        grading = current_grading(one)
        shown.append(
            AttemptShown(
                one,
                grading.verdict if grading else "",
                grading.score if grading else None,
                grading.max_score if grading else None,
                standing.late[one.id],
                standing.after.get(one.id),
                one is standing.counts,
            )
        )
    return shown


def percent(share: float) -> str:
    """A share as a percentage without needless digits."""
    return f"{round(100 * share, 2):g}%"


def late_words(rule: LateRule, now: float = 1) -> str:
    """What a late submission loses; `now` multiplies the score of one at this moment."""
    if not rule.per_day or not rule.max:
        return "Late work loses no points."
    grace = f"Up to {rule.grace_minutes:g} minutes late costs nothing. " * bool(rule.grace_minutes)
    after = "After that, each" if grace else "Each"
    this = f" Handed in now, it is {percent(1 - now)}." if now < 1 else ""
    return (
        f"{grace}{after} day begun takes {percent(rule.per_day)} off the score, "
        f"{percent(rule.max)} at most.{this}"
    )


def attempts_words(rules: Rules, used: int, policy: str) -> str:
    """How many attempts are left, and which one counts."""
    which = {"best": "The best one counts.", "last": "The last one counts."}[policy]
    if not rules.attempts:
        return f"As many as you like. {which}"
    left = max(0, rules.attempts - used)
    return f"{left or 'None'} of {rules.attempts} left. {which}"


def refusal_words(refusal: Refusal, zone: tzinfo) -> Markup:
    """Why something cannot be handed in, and what to do; `striptags` makes it plain text.

    Times are those of the course's zone.
    """
    match refusal.why:
        case Why.NOT_ON_ROSTER:
            said = "You are not on this course's roster. Ask your teacher."
        case Why.NOT_OPEN_YET:
            said = "This lab opens on {at}."
        case Why.CLOSED:
            said = "This lab closed on {at}. Ask your teacher for an extension."
        case Why.NO_ATTEMPT_LEFT:
            said = (
                "You have used all {count} attempts of this lab. Ask your teacher if you need "
                "another."
            )
        case Why.TOO_MANY_WAIT:
            said = "{count} of your submissions wait to be graded. Hand in again when one is done."
        case Why.EMPTY:
            said = "The file is empty. Save the notebook, and hand in again."
        case Why.TOO_LARGE:
            said = (
                "The file has {megabytes:.1f} MB; at most {limit:g} MB are accepted. Clear the "
                "notebook's outputs (Edit, Clear Outputs of All Cells), save, and hand in again."
            )
        case Why.NO_NOTEBOOK:
            said = "{said} This has cost no attempt."
        case Why.ANSWERS_MISSING:
            said = (
                "{said} This has cost no attempt. To hand it in all the same, choose the same file "
                "again."
            )
        case never:
            assert_never(never)
    return Markup(said).format(
        at=moment(refusal.at, zone=zone),
        count=refusal.count,
        megabytes=refusal.count / 1e6,
        limit=refusal.most / 1e6,
        said=refusal.said,
    )


def next_step(standing: Standing, refusal: Refusal | None) -> str:
    """What a student can do about a lab now, in a few words; `refusal` is why not hand in."""
    if standing.waiting:
        return "Wait for the grade"
    if refusal is not None:
        return ""
    if not standing.submissions:
        return "Hand in"
    most = standing.max_score
    if standing.grade is not None and most is not None and standing.grade >= most:
        return "Nothing: full points"
    return "Improve it, or leave it so"


def said_of(progress: Progress) -> str:
    """The same for a page that shows the score by itself."""
    if progress.state == "done":
        return VERDICTS[Verdict(progress.verdict)]
    return progress_words(progress)


def progress_words(progress: Progress) -> str:
    """How far a grading is."""
    if progress.state == "waiting":
        if not progress.place:
            return "Waiting to be graded: it is next."
        before = "1 is" if progress.place == 1 else f"{progress.place} are"
        return f"Waiting to be graded: {before} before it in the queue."
    if progress.state == "grading":
        return "Being graded now."
    if progress.verdict == Verdict.GRADED:
        return f"Graded: {points(progress.score)} of {points(progress.max_score)} points."
    return VERDICTS[Verdict(progress.verdict)]
