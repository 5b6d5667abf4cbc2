"""The teacher's pages on similar submissions: who sees them, what they show, what they escape."""

import json
import re

import pytest
from served import Browser, app_of

from introml.grader.authoring.release import solution_notebook
from introml.hub.grades.submissions import hand_in
from introml.hub.people import people


@pytest.fixture
def app(sqlite_course):
    """ann and bob handed in nearly the same."""
    lab = sqlite_course.labs["tiny"]
    book = json.loads(solution_notebook(lab))
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    own = "\n".join(f"t{n} = ['<script>alert({n})</script>', {n} @ f.g{n}]" for n in range(9))
    book["cells"].append(cell | {"source": own})
    for name in ("ann", "bob"):
        hand_in(sqlite_course, name, lab, "x.ipynb", json.dumps(book).encode())
    with sqlite_course.database.writing() as session:
        people.find(session, "bob").full_name = "<img src=x> Bob"
    return app_of(sqlite_course)


def test_a_teacher_sees_the_pairs_and_both_sides(app):
    browser = Browser(app, "tess")
    page = browser.get("teach/labs/tiny/similar")
    assert page.status_code == 200
    assert "<bdi>Ann Able</bdi> and <bdi>&lt;img src=x&gt; Bob</bdi>" in page.text
    link = re.search(r'href="/services/course/(teach/labs/tiny/similar/[^"]+)"', page.text)[1]
    pair = browser.get(link)
    assert pair.status_code == 200
    assert pair.text.count("<mark>") >= 16
    assert "<script>alert" not in pair.text
    assert "&lt;script&gt;alert(3)" in pair.text


def test_the_labs_page_leads_there(app):
    assert "teach/labs/tiny/similar" in Browser(app, "tess").get("teach/labs/tiny").text


@pytest.mark.parametrize("address", ["teach/labs/tiny/similar", "teach/labs/tiny/similar/ann/bob"])
def test_a_student_and_a_stranger_see_nothing(app, address):
    assert Browser(app, "ann").get(address).status_code == 403
    assert Browser(app, "nobody").get(address).status_code == 403
    assert Browser(app).get(address).status_code == 302


@pytest.mark.parametrize("pair", ["ann/nobody", "ann/ann", "ann/..%2f..", "a%00/b"])
def test_what_is_no_pair_is_not_there(app, pair):
    address = f"teach/labs/tiny/similar/{pair}"
    assert Browser(app, "tess").get(address).status_code in (404, 422)
    assert Browser(app, "tess").get("teach/labs/none/similar").status_code == 404
