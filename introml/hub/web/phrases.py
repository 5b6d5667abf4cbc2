"""What pages say to a student about rules, states and verdicts, in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from introml.grader.lab import Lab, LateRule
from introml.grader.results import Verdict
from introml.hub.course import Submission
from introml.hub.grades import Progress, Rules, Standing, current_grading
from introml.hub.web.context import moment, points

VERDICTS = {
    Verdict.GRADED: "Graded.",
    Verdict.TIMED_OUT: "Timed out: your code took longer than the lab allows. What the checks gave "
    "before that counts.",
    Verdict.OUT_OF_MEMORY: "Out of memory: your code used more memory than the lab allows.",
    Verdict.CRASHED: "Crashed: the process that ran your code ended before the checks did.",
    Verdict.INVALID: "Not gradable: the file is no notebook of this lab, or an answer cell is "
    "missing or there twice. The feedback says which.",
    Verdict.FAULT: "The grader failed. It is not your fault and costs no attempt; your teacher "
    "sees it, and can have it graded again.",
}


@dataclass(frozen=True)
class AttemptShown:
    """One attempt as a student sees it. `late` is what its score is multiplied by."""

    submission: Submission
    verdict: str
    score: float | None
    max_score: float | None
    late: float
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

    @property
    def after(self) -> float | None:
        """The score after the late rule."""
        return None if self.score is None or self.fault else self.score * self.late


def attempts_shown(standing: Standing, lab: Lab) -> list[AttemptShown]:
    """All attempts, the newest first, with a mark at the one that counts."""
    counts = _that_counts(standing, lab)
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
                one is counts,
            )
        )
    return shown


def _that_counts(standing: Standing, lab: Lab) -> Submission | None:
    """The submission whose score is the grade, by the rule of `late.grade_of`."""
    if standing.override is not None:
        return None
    graded = [(one, current_grading(one)) for one in standing.submissions]
    counted = [(one, g) for one, g in graded if g is not None and g.verdict != Verdict.FAULT]
    counted = counted[: standing.rules.attempts or None]
    if not counted:
        return None
    if lab.settings.policy == "last":
        return counted[-1][0]
    return max(counted, key=lambda pair: pair[1].score * standing.late[pair[0].id])[0]


def percent(share: float) -> str:
    """A share as a percentage without needless digits."""
    return f"{round(100 * share, 2):g}%"


def late_words(rule: LateRule) -> str:
    """What a late submission loses."""
    if not rule.per_day or not rule.max:
        return "Late work loses no points."
    grace = f"Up to {rule.grace_minutes:g} minutes late costs nothing. " * bool(rule.grace_minutes)
    after = "After that, each" if grace else "Each"
    return (
        f"{grace}{after} day begun takes {percent(rule.per_day)} off the score, "
        f"{percent(rule.max)} at most."
    )


def attempts_words(rules: Rules, used: int, policy: str) -> str:
    """How many attempts are left, and which one counts."""
    which = {"best": "The best one counts.", "last": "The last one counts."}[policy]
    if not rules.attempts:
        return f"As many as you like. {which}"
    left = max(0, rules.attempts - used)
    return f"{left or 'None'} of {rules.attempts} left. {which}"


def refusal(lab: Lab, standing: Standing, at: datetime) -> Markup | str:
    """Why nothing can be handed in now; "" if something can."""
    rules = standing.rules
    if rules.opens_at is not None and at < rules.opens_at:
        return Markup("This lab opens on {}.").format(moment(rules.opens_at))
    grace = timedelta(minutes=lab.settings.late.grace_minutes)
    if rules.closes_at is not None and at > rules.closes_at + grace:
        return Markup("This lab closed on {}.").format(moment(rules.closes_at))
    if rules.attempts and standing.used >= rules.attempts:
        return "You have used all of your attempts."
    return ""


def next_step(lab: Lab, standing: Standing, at: datetime) -> str:
    """What a student can do about a lab now, in a few words."""
    closed = refusal(lab, standing, at)
    if standing.waiting:
        return "Wait for the grade"
    if not standing.submissions:
        return "" if closed else "Hand in"
    if closed:
        return ""
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
