"""Forms after they were sent: a refused one keeps what was typed, and none acts twice."""

import re
import threading

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from served import PREFIX, Browser, app_of
from tiny_course import grade_next

from introml.hub.course.models import Event, Grading, Invitation, Override, Person, Submission
from introml.hub.grades.submissions import hand_in
from introml.hub.web import sent_forms
from introml.hub.web.sent_forms import SentForms

LAB, ANN = "teach/labs/tiny", "teach/labs/tiny/people/ann"


@pytest.fixture
def course(sqlite_course):
    hand_in(sqlite_course, "ann", sqlite_course.labs["tiny"], "a.ipynb", b"one")
    grade_next(sqlite_course, points=3)
    return sqlite_course


@pytest.fixture
def tess(course):
    return Browser(app_of(course), "tess")


def count(course, table, **which):
    with course.database.reading() as session:
        wanted = sa.select(sa.func.count()).select_from(table).filter_by(**which)
        return session.scalar(wanted)


def form_in(browser, page, address):
    """The fields of a form in a page, as a browser would send them untouched."""
    soup = BeautifulSoup(browser.get(page).text, "html.parser")
    form = soup.find("form", action=f"{PREFIX}{address}") or soup.find(
        "button", formaction=f"{PREFIX}{address}"
    ).find_parent("form")
    return fields_of(form)


def fields_of(form):
    fields = {one["name"]: one.get("value", "") for one in form.find_all("input", {"name": True})}
    return fields | {one["name"]: one.text for one in form.find_all("textarea")}


#: Every form of a teacher into which something is typed: its page, its address, what is refused.
REFUSED = [
    (LAB, f"{LAB}/dates", {"opens_at": "2030-05-02T12:00", "due_at": "2030-05-01T12:00"}),
    (LAB, f"{LAB}/regrade", {"reason": "x" * 2001}),
    (ANN, f"{ANN}/override", {"score": "11", "reason": "an <oral> exam, \"good\""}),
    (ANN, f"{ANN}/extension", {"due_at": "2030-05-02T12:00", "more_attempts": "2000",
                               "reason": "ill"}),
    ("teach/roster", "teach/roster/preview", {"roster": "colour,size\nred,2\n<b>,3\n"}),
]  # fmt: skip


@pytest.mark.parametrize(("page", "address", "fields"), REFUSED, ids=lambda x: str(x)[:40])
def test_a_refused_form_keeps_what_was_typed(tess, page, address, fields):
    sent = form_in(tess, page, address) | fields
    answer = tess.post(address, data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PREFIX}{page}")
    after = BeautifulSoup(tess.get(page).text, "html.parser")
    assert after.find(role="alert")
    form = after.find("form", action=f"{PREFIX}{address}")
    assert fields.items() <= {k: v.lstrip("\n") for k, v in fields_of(form).items()}.items()
    folded = form.find_parent("details")
    assert folded is None or folded.has_attr("open"), "it is in sight"
    later = form_in(tess, page, address)
    assert not any(later[key] == value for key, value in fields.items()), "it is kept once"


def test_a_refused_form_about_a_grading_keeps_its_reason(course, tess):
    hand_in(course, "bob", course.labs["tiny"], "b.ipynb", b"two")
    bobs = grade_next(course, points=3)
    tess.send_form(f"{LAB}/regrade", reason="a mended check")
    held = [grade_next(course, points=1, lab_version="v2") for _ in range(2)]
    long = "y" * 2001
    for name, lease in zip(("ann", "bob"), held, strict=True):
        address = f"teach/gradings/{lease.grading}/take"
        page = f"{LAB}/people/{name}"
        assert tess.post(address, data=form_in(tess, page, address) | {"reason": long})
        assert form_in(tess, page, address)["reason"] == long
    number = count(course, Event) and _number(course)
    address = f"{LAB}/regrades/{number}/take"
    tess.post(address, data=form_in(tess, f"{LAB}/regrades/{number}", address) | {"reason": long})
    assert form_in(tess, f"{LAB}/regrades/{number}", address)["reason"] == long
    again = f"teach/submissions/{bobs.submission}/regrade"
    page = f"{LAB}/people/bob"
    tess.post(again, data=form_in(tess, page, again) | {"reason": long})
    assert form_in(tess, page, again)["reason"] == long


def _number(course):
    with course.database.reading() as session:
        return session.scalar(sa.select(Event.id).filter_by(what="regrade all"))


def test_what_one_teacher_typed_is_shown_to_no_other_session(course, tess):
    address = f"{ANN}/override"
    tess.send_form(address, score="11", reason="about ann's illness")
    other = Browser(app_of(course), "tess", session=2)
    other.cookies.set("introml-said", tess.cookies["introml-said"])
    assert "illness" not in other.get(ANN).text


def test_what_is_kept_is_bounded_and_does_not_last(monkeypatch):
    kept = SentForms()
    words = [kept.keep("me", "form", {"reason": str(i)}) for i in range(1000)]
    assert kept.take("me", words[0]) == ("", {})
    assert kept.take("me", words[-1]) == ("form", {"reason": "999"})
    assert kept.take("me", words[-1]) == ("", {}), "once"
    assert kept.take("you", words[-2]) == ("", {})
    assert kept.keep("me", "form", {"roster": "x" * 1_000_000}) == ""
    monkeypatch.setattr(sent_forms, "LASTS_S", -1)
    assert kept.take("me", words[-3]) == ("", {})


@pytest.mark.parametrize(
    ("page", "address", "fields", "table"),
    [
        (LAB, f"{LAB}/regrade", {"reason": "a mended check"}, Grading),
        (ANN, f"{ANN}/override", {"score": "8", "reason": "oral"}, Override),
    ],
)
def test_a_double_click_acts_once_and_says_the_same(course, tess, page, address, fields, table):
    sent = form_in(tess, page, address) | fields
    before = count(course, table)
    first, second = tess.post(address, data=sent), tess.post(address, data=sent)
    assert count(course, table) == before + 1
    assert second.headers["location"] == first.headers["location"]
    note = BeautifulSoup(tess.get(page).text, "html.parser").find(role="status")
    assert note is not None, "the second answer says that it is done, not that it is refused"


def test_the_regrade_form_of_a_new_page_works_again(course, tess):
    """Whoever asks a second time, from the page as it is then, is heard a second time."""
    for times in (1, 2):
        sent = form_in(tess, LAB, f"{LAB}/regrade") | {"reason": "a mended check"}
        tess.post(f"{LAB}/regrade", data=sent)
        grade_next(course, points=3 + times, lab_version=f"v{times}")
        assert count(course, Event, what="regrade all") == times


def test_a_second_click_waits_for_the_first():
    forms, entered, go = SentForms(), threading.Event(), threading.Event()
    done, said = [], []

    def act():
        entered.set()
        go.wait(20)
        done.append(1)
        return "done"

    threads = [
        threading.Thread(target=lambda: said.append(forms.once("me", "mark", act)))
        for _ in range(2)
    ]
    threads[0].start()
    entered.wait(20)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(20)
    assert (said, done) == (["done", "done"], [1])


def test_another_form_in_between_makes_it_a_new_wish():
    forms, done = SentForms(), []
    for mark in ("seven", "eight", "seven", "seven"):
        forms.once("me", mark, lambda mark=mark: done.append(mark) or mark)
    assert done == ["seven", "eight", "seven"]


def test_a_form_that_was_refused_may_be_sent_again():
    forms = SentForms()
    with pytest.raises(ZeroDivisionError):
        forms.once("me", "mark", lambda: str(1 / 0))
    assert forms.once("me", "mark", lambda: "done") == "done"


def asked(answer):
    """The fields with which the page that asks first would go on."""
    soup = BeautifulSoup(answer.text, "html.parser")
    (form,) = soup.main.find_all("form")
    return form["action"].removeprefix(PREFIX), fields_of(form)


@pytest.mark.parametrize(
    ("address", "fields", "changed"),
    [
        ("teach/roster/people/bob/active", {"active": "no"}, {"active": False}),
        ("teach/roster/people/bob/role", {"role": "teacher"}, {"role": "teacher"}),
    ],
)
def test_what_gives_or_takes_much_asks_first(course, tess, address, fields, changed):
    answer = tess.send_form(address, **fields)
    assert answer.status_code == 200
    assert count(course, Person, name="bob", **changed) == 0, "nothing is done yet"
    there, sent = asked(answer)
    assert there == address
    assert tess.post(there, data=sent).status_code == 303
    assert count(course, Person, name="bob", **changed) == 1


def test_taking_a_lower_grade_asks_first_and_keeps_the_reason(course, tess):
    tess.send_form(f"{LAB}/regrade", reason="a mended check")
    held = grade_next(course, points=1, lab_version="v2").grading
    for address in (f"teach/gradings/{held}/take", f"{LAB}/regrades/{_number(course)}/take"):
        answer = tess.send_form(address, reason="announced")
        assert count(course, Grading, id=held, state="held") == 1
        there, sent = asked(answer)
        assert sent["reason"] == "announced"
    tess.post(there, data=sent)
    assert count(course, Grading, id=held, state="done") == 1
    assert count(course, Submission) == 1


def test_ending_the_links_of_several_asks_first_and_forgets_nobody(course, tess):
    tess.send_form("teach/roster/invite")
    made = count(course, Invitation)
    answer = tess.send_form("teach/roster/invite", whom="chosen", name=["ann", "bob"])
    assert "End 2 links" in answer.text
    assert count(course, Invitation) == made, "nothing is done yet"
    names = re.findall(r'name="name" value="(\w+)"', answer.text)
    assert names == ["ann", "bob"]
    answer = tess.send_form("teach/roster/invite", whom="chosen", name=names, sure="yes")
    assert answer.text.count("hub/invite#") == 2
