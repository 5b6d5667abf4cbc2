"""Who may see which page, and which forms are taken."""

import pytest
from served import Browser, Tool, app_of
from tiny_course import notebook

from introml.hub.people import people


@pytest.fixture
def app(sqlite_course):
    return app_of(sqlite_course)


def events(course):
    import sqlalchemy as sa

    from introml.hub.course.models import Submission

    with course.database.reading() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Submission))


def test_nobody_is_sent_to_sign_in(app):
    answer = Browser(app).get("labs/tiny")
    assert (answer.status_code, answer.headers["location"]) == (302, "/hub/sign-in")


@pytest.mark.parametrize(
    "headers", [{"Accept": "text/event-stream"}, {"Sec-Fetch-Dest": "iframe"}], ids=str
)
def test_what_is_no_page_in_a_window_gets_401_and_no_redirect(app, headers):
    answer = Browser(app).get("labs/tiny", headers=headers)
    assert answer.status_code == 401


def test_a_form_sent_after_the_session_ended_gets_a_page_that_says_so(app):
    answer = Browser(app).post("labs/tiny/submissions", data={"csrf": "x"})
    assert answer.status_code == 401
    assert "sign in" in answer.text.lower()


def test_a_stranger_to_the_roster_is_told_so(app):
    answer = Browser(app, "eve").get("")
    assert answer.status_code == 403
    assert "not on this course" in answer.text


def test_who_has_left_the_course_is_a_stranger(app, sqlite_course):
    with sqlite_course.database.writing() as session:
        people.find(session, "ann").active = False
    assert Browser(app, "ann").get("").status_code == 403
    assert Tool(app, "token of-ann").submit(b"{}").status_code == 403


def test_teacher_pages_are_for_teachers(app):
    assert Browser(app, "ann").get("teach").status_code == 403
    assert Browser(app, "tess").get("teach").status_code == 200


class TestForms:
    FILE = {"notebook": ("tiny.ipynb", notebook())}

    def send(self, browser, csrf, **headers):
        fields = {} if csrf is None else {"csrf": csrf}
        return browser.post("labs/tiny/submissions", data=fields, files=self.FILE, headers=headers)

    def test_with_the_token_of_the_page_it_is_taken(self, app, sqlite_course):
        ann = Browser(app, "ann")
        assert self.send(ann, ann.form_token("labs/tiny")).status_code == 303
        assert events(sqlite_course) == 1

    @pytest.mark.parametrize("csrf", [None, "", "0" * 64, "\u00e4"], ids=repr)
    def test_without_the_token_or_with_a_made_up_one_it_is_refused(self, app, sqlite_course, csrf):
        assert self.send(Browser(app, "ann"), csrf).status_code == 403
        assert events(sqlite_course) == 0

    def test_the_token_of_someone_else_is_refused(self, app, sqlite_course):
        foreign = Browser(app, "bob").form_token()
        assert self.send(Browser(app, "ann"), foreign).status_code == 403
        assert events(sqlite_course) == 0

    def test_the_token_of_another_session_of_ones_own_is_refused(self, app, sqlite_course):
        earlier = Browser(app, "ann", session=1).form_token()
        assert self.send(Browser(app, "ann", session=2), earlier).status_code == 403
        assert events(sqlite_course) == 0

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
    def test_a_form_from_another_site_is_refused_even_with_the_token(self, app, site):
        ann = Browser(app, "ann")
        answer = self.send(ann, ann.form_token(), **{"Sec-Fetch-Site": site})
        assert answer.status_code == 403

    def test_a_token_instead_of_a_cookie_opens_no_page(self, app):
        answer = Browser(app).get("", headers={"Authorization": "token of-ann"})
        assert answer.status_code == 302

    def test_signing_out_needs_the_token_too(self, app):
        ann = Browser(app, "ann")
        assert ann.post("sign-out").status_code == 403
        answer = ann.send_form("sign-out")
        assert (answer.status_code, answer.headers["location"]) == (303, "/hub/logout")
