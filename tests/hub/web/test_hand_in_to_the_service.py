"""A student's tool and the service together: over real sockets, with a real course behind."""

import pytest
from served import app_of, served

from introml.grader.authoring.release import solution_notebook
from introml.grader.student.hand_in import NotHandedIn, hand_in, keep_receipt, notebook_to_hand_in
from introml.grader.student.handed_in import NotFetched, last_hand_in
from introml.hub.grades.rules import MOST_WAITING


@pytest.fixture
def saved(course, tmp_path):
    path = tmp_path / "my answer é.ipynb"
    path.write_bytes(solution_notebook(course.labs["tiny"]))
    return notebook_to_hand_in(path)


def environment(url, name="ann"):
    return {"INTROML_SUBMIT_URL": url, "JUPYTERHUB_API_TOKEN": f"of-{name}"}


def test_a_notebook_is_handed_in_and_its_receipt_holds(course, saved):
    with served(app_of(course)) as url:
        done = hand_in(saved, environment(url))
        again = hand_in(saved, environment(url))
    assert again == done
    kept = keep_receipt(saved.path, done)
    receipt = course.signer.read(kept.read_bytes())
    assert (receipt.person, receipt.number) == ("ann", 1)
    assert receipt.file_name == "my answer é.ipynb"
    assert course.blobs.read(receipt.sha256) == saved.data
    assert done.address == f"/services/course/submissions/{receipt.submission}"


def test_the_services_refusals_arrive_in_its_own_words(course, saved):
    with served(app_of(course)) as url:
        for number in range(MOST_WAITING):
            saved.path.write_bytes(saved.data + b" " * (number + 1))
            hand_in(notebook_to_hand_in(saved.path), environment(url))
        with pytest.raises(NotHandedIn, match=f"{MOST_WAITING} of your submissions wait"):
            hand_in(saved, environment(url))
        with pytest.raises(NotHandedIn, match="not on this course's roster"):
            hand_in(saved, environment(url, "stranger"))
        with pytest.raises(NotHandedIn, match="token is not known here"):
            hand_in(saved, environment(url) | {"JUPYTERHUB_API_TOKEN": "expired"})


def test_the_last_of_several_hand_ins_comes_back_byte_for_byte(course, saved):
    with served(app_of(course)) as url:
        assert last_hand_in("tiny", environment(url)) is None
        for more in (b" ", b"  "):
            saved.path.write_bytes(saved.data + more)
            hand_in(notebook_to_hand_in(saved.path), environment(url))
        last = last_hand_in("tiny", environment(url))
        assert (last.number, last.data) == (2, saved.data + b"  ")
        assert last_hand_in("tiny", environment(url, "bob")) is None, "another's was given"
        with pytest.raises(NotFetched, match="no such lab"):
            last_hand_in("nothing", environment(url))
        with pytest.raises(NotFetched, match="token is not known here"):
            last_hand_in("tiny", environment(url) | {"JUPYTERHUB_API_TOKEN": "expired"})
