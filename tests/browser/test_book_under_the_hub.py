"""The built book as the hub serves it: no page of it tells of a lab that is not open."""

from datetime import timedelta

import pytest
from browser_site import HTML
from served import PREFIX, Tool, app_of

from introml.hub.course.course import Course
from introml.hub.course.database import now
from introml.hub.grades.submissions import dates_of


@pytest.fixture(scope="module")
def tool(tmp_path_factory):
    course = Course.at(tmp_path_factory.mktemp("courses") / "course")
    course.database.migrate()
    with course.database.writing() as session:
        dates_of(session, "attention").opens_at = now() + timedelta(hours=1)
    yield Tool(app_of(course, book=HTML))
    course.database.close()


def test_no_file_of_the_book_leads_to_a_lab_that_is_not_open(tool):
    for path in sorted(HTML.rglob("*")):
        name = path.relative_to(HTML).as_posix()
        if path.suffix not in (".html", ".js", ".ipynb", ".json", ".inv", ".xml", ".txt"):
            continue
        answer = tool.get(f"book/{name}")
        if name.startswith(("labs/attention/", "notebooks/labs/attention/")):
            assert answer.status_code == 404, name
        else:
            assert "labs/attention" not in answer.text, name
            assert "attention/handout" not in answer.text, name


def test_every_page_of_the_book_leads_to_the_course(tool):
    pages = [path for path in HTML.rglob("*.html") if path.name != "index.html"]
    assert len(pages) > 20
    for path in pages:
        name = path.relative_to(HTML).as_posix()
        if not name.startswith("labs/attention/"):
            assert f'<a href="{PREFIX}">Course</a>' in tool.get(f"book/{name}").text, name


def test_an_open_lab_s_page_leads_to_the_lab_in_the_course_and_its_day_is_the_course_s(tool):
    text = tool.get("book/labs/gradient-descent/handout.html").text
    assert text.count(f'href="{PREFIX}labs/gradient-descent"') == 2
    assert "The solutions appear" not in text
    assert "where your course collects work" not in text
