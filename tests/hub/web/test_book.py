"""The book under the hub: no lab before its time, and a way back to the course on every page."""

import json
from datetime import timedelta

import pytest
from served import PREFIX, Browser, Tool, app_of
from tiny_course import set_dates

from introml.hub.course.database import now
from introml.hub.course.models import Extension
from introml.hub.course.settings import read_settings
from introml.hub.people import people
from introml.hub.web import book as book_module

HOUR = timedelta(hours=1)
BAR = '<header class="bar"><div class="tools"><button>Search</button></div></header>'
CONTENTS = """<nav id="contents">
<details><summary>Pages</summary><ul>
<li><a href="{up}one.html">One</a></li>
</ul></details>
<details open><summary>Labs</summary><ul>
<li><a href="{up}labs/tiny/handout.html">Least squares</a></li>
</ul></details>
</nav>"""
#: A page as the book's are, at another place each, with every kind of link to the lab.
PAGE = """<!doctype html><head><link rel="prev" href="two.html"><link rel="next"
 href="{up}labs/tiny/handout.html"></head>{bar}{contents}
<p>See <a class="reference" href="{up}labs/tiny/../tiny/handout.html#steps"><span>the lab
on steps</span></a> and <a href="{up}one.html">one</a>.</p>
<nav class="turn"><a class="back" href="two.html"><span>Previous</span>Two</a><a class="on"
 href="{up}labs/tiny/handout.html"><span>Next</span>Least squares</a></nav>"""
HANDOUT = """<!doctype html>{bar}{contents}<h1>Least squares</h1>
<p>Get the notebook: <a href="../../notebooks/labs/tiny/tiny.ipynb" download>tiny.ipynb</a>, and
hand it in where your course collects work. The solution: <a
 href="../../notebooks/labs/tiny/tiny-solution.ipynb" download>tiny-solution.ipynb</a>.</p>
<details class="solution"><summary>Solution</summary><pre>the_answer()</pre></details>
<p>The solutions are folded away under the cells above.</p>"""
SECTIONS = [
    {"title": "One", "page": "One", "text": "words", "url": "one.html"},
    {"title": "Steps", "page": "Least squares", "text": "t", "url": "labs/tiny/handout.html#steps"},
]
OF_THE_LAB = (
    "labs/tiny/handout.html", "notebooks/labs/tiny/tiny.ipynb", "labs/tiny/../tiny/handout.html",
    "chapters/../labs/tiny/handout.html", "labs//tiny/handout.html", "labs/%74iny/handout.html",
    "./labs/tiny/./handout.html", "labs/tiny/link.html", "tiny-by-a-link/handout.html",
)  # fmt: skip


@pytest.fixture
def html(tmp_path):
    folder = tmp_path / "html"
    page = {"bar": BAR, "up": "../"}
    files = {
        "one.html": PAGE.format(bar=BAR, up="", contents=CONTENTS.format(up="")),
        "chapters/two.html": PAGE.format(**page, contents=CONTENTS.format(up="../")),
        "labs/tiny/handout.html": HANDOUT.format(bar=BAR, contents=CONTENTS.format(up="../../")),
        "labs/other/handout.html": "<h1>A lab that this course does not hand out</h1>",
        "notebooks/labs/tiny/tiny.ipynb": '{"cells": ["starter"]}',
        "notebooks/labs/tiny/tiny-solution.ipynb": '{"cells": ["the_answer"]}',
        "_static/search-index.js": "globalThis.intromlSearch="
        + json.dumps({"sections": SECTIONS})
        + ";",
        "_static/book.css": "p {}",
        "objects.inv": "tiny",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "labs/tiny/link.html").symlink_to("handout.html")
    (folder / "tiny-by-a-link").symlink_to("labs/tiny")
    return folder


@pytest.fixture
def app(sqlite_course, html, monkeypatch):
    monkeypatch.setattr(book_module, "_BELIEVED_S", 0)
    return app_of(sqlite_course, book=html)


def searched(tool):
    text = tool.get("book/_static/search-index.js").text
    return json.loads(text.removeprefix("globalThis.intromlSearch=").removesuffix(";"))["sections"]


def test_nothing_of_a_lab_is_in_the_book_before_it_opens_and_all_of_it_after(
    sqlite_course, app, html
):
    set_dates(sqlite_course, opens_at=now() + HOUR)
    anyone, ann = Tool(app), Browser(app, "ann")
    for who in (anyone, ann):
        for address in OF_THE_LAB:
            answer = who.get(f"book/{address}")
            assert (answer.status_code, "starter" in answer.text) == (404, False), address
            assert "Least squares" not in answer.text
        for page in ("one.html", "chapters/two.html"):
            text = who.get(f"book/{page}").text
            assert "labs/tiny" not in text
            assert "Least squares" not in text
            assert "<summary>Labs</summary>" not in text
            assert "the lab\non steps" in text, "the words of a sentence stay"
            assert 'one.html">One</a>' in text
        assert searched(who) == SECTIONS[:1]
    set_dates(sqlite_course, opens_at=now() - HOUR)
    for address in OF_THE_LAB:
        assert anyone.get(f"book/{address}").status_code in (200, 404), address
    assert anyone.get(f"book/{OF_THE_LAB[0]}").status_code == 200
    assert "starter" in anyone.get(f"book/{OF_THE_LAB[1]}").text
    two = anyone.get("book/chapters/two.html").text
    assert two.count("labs/tiny") == 4
    set_dates(sqlite_course, opens_at=now() + HOUR)
    assert anyone.get(f"book/{OF_THE_LAB[0]}").status_code == 404, "the date was put off"


def test_a_lab_that_the_course_does_not_hand_out_is_not_in_its_book(app):
    assert Tool(app).get("book/labs/other/handout.html").status_code == 404


def test_a_page_kept_by_a_browser_is_asked_for_anew_when_a_lab_opens(sqlite_course, app):
    set_dates(sqlite_course, opens_at=now() + HOUR)
    tool = Tool(app)
    before = tool.get("book/one.html")
    kept = {"If-None-Match": before.headers["etag"]}
    assert tool.get("book/one.html", headers=kept).status_code == 304
    set_dates(sqlite_course, opens_at=None)
    assert tool.get("book/one.html", headers=kept).status_code == 200


def test_solutions_wait_for_the_courses_own_date_and_for_extensions(sqlite_course, app):
    """The book was built after the lab's own day, so its page has the solution in it."""
    set_dates(sqlite_course, solutions_at=now() + HOUR)
    tool = Tool(app)
    notebook = "book/notebooks/labs/tiny/tiny-solution.ipynb"

    def seen():
        text = tool.get("book/labs/tiny/handout.html").text
        found = "the_answer" in text, 'tiny-solution.ipynb"' in text, len(searched(tool)) == 2
        assert found == (tool.get(notebook).status_code == 200,) * 3
        assert "folded away" in text if found[0] else "folded away" not in text
        return found[0]

    assert not seen()
    set_dates(sqlite_course, solutions_at=now() - HOUR, due_at=now() - 9 * HOUR)
    assert seen()
    with sqlite_course.database.writing() as session:
        bob = people.find(session, "bob")
        session.add(Extension(person_id=bob.id, lab="tiny", due_at=now() + HOUR))
    assert not seen()


def test_every_page_leads_to_the_course_and_a_labs_page_to_the_lab_in_it(app):
    for page in ("one.html", "chapters/two.html", "labs/tiny/handout.html"):
        assert f'<a href="{PREFIX}">Course</a>' in Tool(app).get(f"book/{page}").text
    assert f'href="{PREFIX}labs/tiny"' in Tool(app).get("book/labs/tiny/handout.html").text


def test_other_files_come_as_they_are(app, html):
    answer = Tool(app).get("book/_static/book.css")
    assert answer.text == "p {}"
    part = Tool(app).get("book/_static/book.css", headers={"Range": "bytes=0-0"})
    assert (part.status_code, part.text) == (206, "p")
    assert Tool(app).get("book/objects.inv").status_code == 404, "it names every page"


def test_while_the_database_is_away_no_lab_is_shown(sqlite_course, app):
    app.state.ready = False
    assert Tool(app).get("book/labs/tiny/handout.html").status_code == 404
    assert Tool(app).get("book/one.html").status_code == 200
    app.state.ready = True
    assert Tool(app).get("book/labs/tiny/handout.html").status_code == 200


def test_the_course_says_whether_its_book_needs_a_sign_in(sqlite_course, html):
    assert Tool(app_of(sqlite_course, book=html)).get("book/one.html").status_code == 200
    path = sqlite_course.folder / "course.toml"
    path.write_text(f"book_needs_sign_in = true\n{path.read_text()}")
    sqlite_course.settings = read_settings(path)
    app = app_of(sqlite_course, book=html)
    for address in ("one.html", "_static/book.css", "notebooks/labs/tiny/tiny.ipynb"):
        assert Tool(app).get(f"book/{address}").status_code == 401
        assert Browser(app).get(f"book/{address}").headers["location"] == "/hub/sign-in"
        assert Browser(app, "eve").get(f"book/{address}").status_code == 403
        assert Browser(app, "ann").get(f"book/{address}").status_code == 200
