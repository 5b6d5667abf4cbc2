"""`introml fetch`: what was deleted or broken comes back, and nothing is lost by it."""

import os
from datetime import UTC, datetime

import pytest

from introml import command
from introml.grader.student.handed_in import LastHandIn, NotFetched
from introml.hub.servers.fetch import NothingToFetch, fetch

LAB = "labs/tiny/tiny.ipynb"
PAGE = "book/chapters/a/page.ipynb"
LAST = LastHandIn(3, datetime(2027, 1, 11, 10, 32, tzinfo=UTC), b"my third attempt")


@pytest.fixture
def shared(tmp_path):
    for path in ("releases/tiny/tiny.ipynb", "releases/tiny/tiny_checks.py",
                 "releases/other/other.ipynb", "book/chapters/a/page.ipynb"):  # fmt: skip
        place = tmp_path / "shared" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"given: {place.name}")
    return tmp_path / "shared"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def back(home, shared):
    environment = {"INTROML_HOME": str(home), "INTROML_SHARED": str(shared)}

    def back(what="", last=None, **more):
        return list(fetch(what, environment=environment, handed_in=lambda lab: last, **more))

    return back


def write(home, path, text):
    (home / path).parent.mkdir(parents=True, exist_ok=True)
    (home / path).write_text(text)


def test_a_deleted_notebook_comes_back_as_it_was_last_handed_in(home, back):
    (line,) = back("tiny", LAST)
    assert (home / LAB).read_bytes() == LAST.data
    assert (home / "labs/tiny/tiny_checks.py").exists()
    assert line.startswith(f"{LAB} is back, as you handed it in: attempt 3, 2027-01-1")


def test_what_was_never_handed_in_comes_back_as_it_was_given_out(home, back):
    (line,) = back("tiny")
    assert (home / LAB).read_text() == "given: tiny.ipynb"
    assert line == f"{LAB} is back, as it was given out."


def test_a_blank_one_can_be_had_in_spite_of_hand_ins(home, back):
    back("tiny", LAST, blank=True)
    assert (home / LAB).read_text() == "given: tiny.ipynb"


def test_what_is_there_is_put_aside_and_the_fetched_one_is_newer(home, back):
    write(home, LAB, "broken")
    past = datetime.now().timestamp() - 5
    os.utime(home / LAB, (past, past))
    (line,) = back("tiny", LAST)
    assert "what was there is now tiny-before.ipynb" in line
    assert (home / "labs/tiny/tiny-before.ipynb").read_text() == "broken"
    assert (home / LAB).stat().st_mtime > past, "the checks would take the broken one for the lab"
    write(home, LAB, "broken again")
    back("tiny", LAST)
    assert (home / "labs/tiny/tiny-before.ipynb").read_text() == "broken"
    assert (home / "labs/tiny/tiny-before-2.ipynb").read_text() == "broken again"


def test_what_is_there_already_stays_as_it_is(home, back):
    back("tiny", LAST)
    (line,) = back("tiny", LAST)
    assert line.startswith(f"{LAB} is there already")
    assert sorted(p.name for p in (home / "labs/tiny").iterdir()) == [
        "tiny.ipynb",
        "tiny_checks.py",
    ]


@pytest.mark.parametrize("by", ["home", "folder", "absolute"])
def test_a_page_is_named_by_its_path(home, back, by, monkeypatch):
    (home / "book").mkdir()
    monkeypatch.chdir(home / "book" if by == "folder" else "/")
    what = {"home": PAGE, "folder": "chapters/a/page.ipynb", "absolute": str(home / PAGE)}[by]
    assert back(what, LAST) == [f"{PAGE} is back, as it was given out."]
    assert (home / PAGE).read_text() == "given: page.ipynb"


def test_without_a_name_all_that_was_deleted_comes_back_and_nothing_else_changes(home, back):
    write(home, LAB, "mine")
    lines = back()
    assert (home / LAB).read_text() == "mine"
    assert sorted(line.partition(" ")[0] for line in lines) == [
        PAGE, "labs/other/other.ipynb", "labs/tiny/tiny_checks.py"
    ]  # fmt: skip
    assert back() == [
        "Nothing is missing. To have a lab back as you last handed it in: introml fetch LAB"
    ]


@pytest.mark.parametrize("what", ["nothing", "../shared/releases/tiny/tiny.ipynb", "labs/tiny"])
def test_what_is_not_given_is_refused_with_the_labs_there_are(back, what):
    with pytest.raises(NothingToFetch, match="that are open: other, tiny"):
        back(what)


def test_a_link_is_not_followed(home, back, tmp_path):
    (tmp_path / "outside").mkdir()
    (home / "labs").symlink_to(tmp_path / "outside")
    with pytest.raises(NotADirectoryError):
        back("tiny")
    assert list((tmp_path / "outside").iterdir()) == []


def test_nothing_is_touched_while_the_last_hand_in_is_not_known(home, shared):
    write(home, LAB, "broken")

    def silent(lab):
        raise NotFetched("The course's service does not answer.")

    environment = {"INTROML_HOME": str(home), "INTROML_SHARED": str(shared)}
    with pytest.raises(NotFetched):
        list(fetch("tiny", environment=environment, handed_in=silent))
    assert (home / LAB).read_text() == "broken"


def test_the_command_says_where_it_works_and_what_helps(home, shared, monkeypatch, capsys):
    monkeypatch.delenv("INTROML_HOME", raising=False)
    assert command.main(["fetch", "tiny"]) == 2
    assert "no terminal of a course's JupyterHub" in capsys.readouterr().err
    monkeypatch.setenv("INTROML_HOME", str(home))
    monkeypatch.setenv("INTROML_SHARED", str(shared))
    monkeypatch.setenv("INTROML_SUBMIT_URL", "http://127.0.0.1:9/services/course/")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "a-token")
    assert command.main(["fetch", "tiny"]) == 1
    assert "does not answer. Try again in a minute. --blank brings" in capsys.readouterr().err
    assert command.main(["fetch", "tiny", "--blank"]) == 0
    assert "is back, as it was given out" in capsys.readouterr().out
