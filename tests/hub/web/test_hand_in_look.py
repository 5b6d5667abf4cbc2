"""What is handed in is looked at first: what is no notebook of the lab costs no attempt."""

import io
import json
import re
import zipfile

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from served import Browser, Tool, app_of
from tiny_course import notebook

from introml.grader.authoring.release import starter_notebook
from introml.grader.lab import load_lab
from introml.hub.course.models import Submission
from introml.hub.web.concurrency_limit import MOST_LOOKED_AT

HERE = "labs/tiny/submissions"


@pytest.fixture
def app(sqlite_course):
    return app_of(sqlite_course)


def packed(data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("tiny.ipynb", data)
    return out.getvalue()


def page_of_the_book():
    """A notebook of the book, by the lab's name, as its readers download it."""
    cells = [{"cell_type": "code", "id": "a1", "source": "x = 1", "metadata": {}, "outputs": []}]
    node = {"cells": cells, "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4}
    return json.dumps(node | {"nbformat_minor": 5}).encode()


#: What is handed in in the notebook's place by mistake: its name, its bytes, what is said of it.
MISTAKES = {
    "photo": ("IMG_1.jpg", b"\xff\xd8\xff\xe0" + bytes(5000), "This is a picture."),
    "zip": ("tiny.zip", packed(notebook()), "This is a ZIP archive"),
    "zip by another name": ("tiny.ipynb", packed(notebook()), "This is a ZIP archive"),
    "page of the book": ("tiny.ipynb", page_of_the_book(), "none of the answer cells"),
    "wrong lab": ("tiny.ipynb", starter_notebook(load_lab("attention")),
                  "the notebook of the lab 'attention', not of 'tiny'"),
    "half a file": ("tiny.ipynb", notebook()[:900], "ends in the middle"),
    "sign-in page": ("tiny.ipynb", b"<!DOCTYPE html><title>Sign in</title>", "This is a web page"),
    "export": ("tiny.py", b"# %%\nimport torch\n", "This is a Python script"),
    "blank": ("tiny.ipynb", b"  \n", "The file is empty"),
}  # fmt: skip


def kept(course):
    with course.database.reading() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Submission))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_is_no_notebook_of_the_lab_costs_no_attempt(app, sqlite_course, mistake):
    name, data, words = MISTAKES[mistake]
    answer = Browser(app, "ann").send_form(HERE, files={"notebook": (name, data)})
    assert answer.status_code == 409
    note = BeautifulSoup(answer.text, "html.parser").find(role="alert").get_text(" ", strip=True)
    assert words in note
    assert "This has cost no attempt." in note
    told = Tool(app, "token of-ann").submit(data, file_name=name)
    assert (told.status_code, words in told.json()["detail"]) == (409, True)
    assert kept(sqlite_course) == 0
    assert list(sqlite_course.blobs.all()) == [], "what is refused does not fill the disk"


@pytest.mark.parametrize("name", ["tiny.ipynb", "tiny.IPYNB", "tiny.ipynb.txt", "tiny (1).json"])
def test_a_notebook_is_taken_by_whatever_name(app, sqlite_course, name):
    answer = Browser(app, "ann").send_form(HERE, files={"notebook": (name, notebook())})
    assert (answer.status_code, kept(sqlite_course)) == (303, 1)


def test_a_notebook_from_colab_is_taken(app, sqlite_course):
    """Colab drops nbformat's ids and the cells' metadata, and keeps the id in `metadata.id`."""
    book = json.loads(notebook())
    for cell in book["cells"]:
        cell["metadata"] = {"id": cell.pop("id")}
    book |= {"metadata": {"colab": {"provenance": []}}, "nbformat_minor": 0}
    answer = Browser(app, "ann").send_form(
        HERE, files={"notebook": ("Copy of tiny.ipynb", json.dumps(book).encode())}
    )
    assert (answer.status_code, kept(sqlite_course)) == (303, 1)


def test_where_an_answer_is_missing_the_form_asks_as_the_button_does(app, sqlite_course):
    book = json.loads(notebook())
    marks = [cell["metadata"].get("nbgrader", {}) for cell in book["cells"]]
    place = next(n for n, mark in enumerate(marks) if mark.get("solution"))
    lost = book["cells"].pop(place)["id"]
    files = {"notebook": ("tiny.ipynb", json.dumps(book).encode())}
    ann = Browser(app, "ann")
    answer = ann.send_form(HERE, files=files)
    assert (answer.status_code, kept(sqlite_course)) == (409, 0)
    note = BeautifulSoup(answer.text, "html.parser").find(role="alert").get_text()
    assert f"The answer cell {lost!r} is missing" in note
    assert "choose the same file again" in note
    word = re.search(r'name="as_it_is" value="(\w{64})"', answer.text)[1]
    files["notebook"] = ("tiny.ipynb", json.dumps(book | {"nbformat_minor": 4}).encode())
    other = ann.send_form(HERE, files=files, as_it_is=word)
    assert (other.status_code, kept(sqlite_course)) == (409, 0), "another file is asked of anew"
    files["notebook"] = ("tiny.ipynb", json.dumps(book).encode())
    again = ann.send_form(HERE, files=files, as_it_is=word)
    assert (again.status_code, kept(sqlite_course)) == (303, 1)


def test_a_tool_that_has_asked_already_is_not_asked_again(app, sqlite_course):
    book = json.loads(notebook())
    book["cells"] = [
        cell for cell in book["cells"] if not cell["metadata"].get("nbgrader", {}).get("solution")
    ] + [next(c for c in book["cells"] if c["metadata"].get("nbgrader", {}).get("solution"))]
    assert Tool(app, "token of-ann").submit(json.dumps(book).encode()).status_code == 201


def test_what_the_rules_refuse_is_said_before_the_file_is_looked_at(app, sqlite_course):
    ann = Browser(app, "ann")
    for number in range(5):
        ann.send_form(HERE, files={"notebook": ("a.ipynb", notebook(str(number)))})
    answer = ann.send_form(HERE, files={"notebook": ("a.jpg", MISTAKES["photo"][1])})
    assert "5 of your submissions wait" in answer.text


def test_one_person_has_few_looked_at_at_a_time(app):
    app.state.looked_at._under_way[2] = app.state.looked_at._under_way[3] = MOST_LOOKED_AT
    ann = Browser(app, "ann")
    answer = ann.send_form(HERE, files={"notebook": ("a.ipynb", notebook())})
    assert answer.status_code == 429
