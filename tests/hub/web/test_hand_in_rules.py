"""The page offers the form exactly when what is sent by it would be accepted at that moment."""

import html
import itertools
import re
import secrets
from datetime import timedelta

import pytest
import sqlalchemy as sa
from served import PREFIX, Browser, Tool, app_of
from tiny_course import notebook

from introml.grader.results.results import Verdict
from introml.hub.course.database import now
from introml.hub.course.models import Extension, Grading, LabSchedule, Person, Submission
from introml.hub.grades.rules import MOST_WAITING
from introml.hub.grades.submissions import dates_of
from introml.hub.people import people

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def course(sqlite_course):
    lab = sqlite_course.labs["tiny"]
    assert (lab.settings.attempts, lab.settings.late.grace_minutes) == (10, 15)
    return sqlite_course


@pytest.fixture
def app(course):
    return app_of(course)


#: What there may be, by a word; and whether the lab can then be handed in, but for the rest.
OPENS = {"no date": (None, True), "opened": (-HOUR, True), "opens": (HOUR, False)}
CLOSES = {
    "no date": (None, True), "closes": (HOUR, True), "within grace": (-5 * MINUTE, True),
    "just over": (-16 * MINUTE, False), "long over": (-99 * HOUR, False),
}  # fmt: skip
#: Of a student with an extension: the due date and the further attempts.
EXTENSIONS = {
    "none": (None, 0), "more time": (HOUR, 0), "time that is over": (-HOUR, 0),
    "another attempt": (None, 1),
}  # fmt: skip
#: How many submissions there are: graded, a fault of the grader, waiting; waiting in another lab.
HISTORIES = {
    "nothing": (0, 0, 0, 0), "one left": (9, 0, 0, 0), "all used": (10, 0, 0, 0),
    "a fault among ten": (9, 1, 0, 0), "the last one waits": (9, 0, 1, 0),
    "many wait": (0, 0, MOST_WAITING - 1, 0), "too many wait": (0, 0, MOST_WAITING, 0),
    "too many wait elsewhere": (1, 0, 0, MOST_WAITING), "wait all over": (0, 0, 2, 3),
    "wait in both": (0, 0, 2, 2),
}  # fmt: skip


def is_open(opens, closes, extension, history):
    """Whether something can be handed in, by the words of the rules."""
    due, more = EXTENSIONS[extension]
    graded, _, waiting, elsewhere = HISTORIES[history]
    closed = not CLOSES[closes][1]
    if due == HOUR:  # a date of one's own that is over closes nothing, and opens nothing
        closed = False
    return (
        OPENS[opens][1]
        and not closed
        and graded + waiting < 10 + more
        and waiting + elsewhere < MOST_WAITING
    )


def played(course, opens, closes, extension, history):
    """Put the course into that state, for ann."""
    at = now()
    with course.database.writing() as session:
        for table in (Grading, Submission, Extension):
            session.execute(sa.delete(table))
        ann = people.find(session, "ann")
        row = dates_of(session, "tiny")
        for name, offset in (("opens_at", OPENS[opens][0]), ("closes_at", CLOSES[closes][0])):
            setattr(row, name, None if offset is None else at + offset)
        due, more = EXTENSIONS[extension]
        if extension != "none":
            due_at = None if due is None else at + due
            own = Extension(person_id=ann.id, lab="tiny", due_at=due_at, more_attempts=more)
            session.add(own)
        graded, faults, waiting, elsewhere = HISTORIES[history]
        kinds = [("tiny", "done", Verdict.GRADED)] * graded + [
            ("tiny", "done", Verdict.FAULT)
        ] * faults
        kinds += [("tiny", "waiting", "")] * waiting + [("other", "waiting", "")] * elsewhere
        for number, (lab, state, verdict) in enumerate(kinds, 1):
            ident = secrets.token_hex(16)
            one = Submission(
                id=ident, person_id=ann.id, lab=lab, number=number, file_name="a.ipynb",
                sha256=f"{number:064x}", size=1, submitted_at=at - (99 - number) * MINUTE,
            )  # fmt: skip
            session.add(one)
            session.flush()
            done = {"score": 1.0, "max_score": 10.0, "verdict": verdict} if verdict else {}
            session.add(Grading(submission_id=ident, state=state, made_at=at, **done))


def words_of(text):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split()).replace(" .", ".")


def offered(page):
    """Whether a page has the form; if not, why."""
    part = re.search(r'<h2 id="hand-in">.*?</section>', page.text, re.S)[0]
    why = re.search(r"<p>(.*?)</p>\s*</section>", part, re.S)
    form = 'type="file"' in part
    assert form == (why is None)
    return form, words_of(why[1]) if why else ""


STATES = list(itertools.product(OPENS, CLOSES, EXTENSIONS, ["nothing", "all used"]))
STATES += list(itertools.product(["no date"], ["no date", "long over"], EXTENSIONS, HISTORIES))


def test_the_form_is_there_exactly_when_it_would_be_accepted(app, course):
    ann, tool = Browser(app, "ann"), Tool(app, "token of-ann")
    token = ann.form_token()
    seen = {True: 0, False: 0}
    for number, state in enumerate(STATES):
        played(course, *state)
        form, why = offered(ann.get("labs/tiny"))
        answer = ann.post(
            "labs/tiny/submissions", data={"csrf": token},
            files={"notebook": ("a.ipynb", notebook(f"new {number}"))},
        )  # fmt: skip
        assert (form, answer.status_code) == ((True, 303) if form else (False, 409)), state
        assert form == is_open(*state), state
        if not form:
            told = tool.submit(notebook(f"newer {number}"))
            assert (told.status_code, told.json()["detail"]) == (409, why), state
            note = re.search(r'role="alert"><p>(.*?)</p>', answer.text, re.S)[1]
            assert words_of(note) == f"Not handed in. {why}", state
        seen[form] += 1
    assert min(seen.values()) > 20, seen


@pytest.mark.parametrize("who", ["nobody", "eve", "left", "teacher"])
@pytest.mark.parametrize("lab", ["tiny", "unknown"])
def test_who_is_not_in_the_course_and_a_lab_that_is_not_have_neither(app, course, who, lab):
    with course.database.writing() as session:
        people.add_people(session, [people.Entry("left")], "test")
        people.find(session, "left").active = False
    name = {"nobody": "", "teacher": "tess"}.get(who, who)
    visitor = Browser(app, name)
    token = visitor.form_token() if who == "teacher" else "0" * 64
    page = visitor.get(f"labs/{lab}")
    answer = visitor.post(
        f"labs/{lab}/submissions", data={"csrf": token},
        files={"notebook": ("a.ipynb", notebook("new"))},
    )  # fmt: skip
    good = who == "teacher" and lab == "tiny"
    assert ('type="file"' in page.text, answer.status_code == 303) == (good, good)
    if not good:
        refused = {302: 401}.get(page.status_code, page.status_code)
        assert (refused, answer.status_code) in {(401, 401), (403, 403), (404, 404)}


def test_a_lab_that_cannot_be_had_any_more_has_neither(app, course):
    """The row of its dates is there from before; the lab itself is gone from the course."""
    with course.database.writing() as session:
        session.add(LabSchedule(lab="gone", seed=1))
    ann = Browser(app, "ann")
    token = ann.form_token()
    assert ann.get("labs/gone").status_code == 404
    sent = {"data": {"csrf": token}, "files": {"notebook": ("a.ipynb", notebook("new"))}}
    assert ann.post("labs/gone/submissions", **sent).status_code == 404


def test_the_same_file_again_is_no_new_attempt_even_where_there_is_no_form(app, course):
    """Who heard no answer may ask again: the page of the first time is the answer."""
    ann = Browser(app, "ann")
    sent = {
        "data": {"csrf": ann.form_token()},
        "files": {"notebook": ("a.ipynb", notebook("same"))},
    }
    first = ann.post("labs/tiny/submissions", **sent)
    with course.database.writing() as session:
        dates_of(session, "tiny").closes_at = now() - HOUR
    assert offered(ann.get("labs/tiny"))[0] is False
    again = ann.post("labs/tiny/submissions", **sent)
    assert (again.status_code, again.headers["location"]) == (303, first.headers["location"])
    assert first.headers["location"].startswith(f"{PREFIX}submissions/")
    with course.database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Submission)) == 1
        assert session.scalar(sa.select(Person.name).join(Submission)) == "ann"
