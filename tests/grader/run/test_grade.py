"""The orchestrator with a fake checker: faults hurt no other submission, and runs resume."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from runs import command, watched
from tiny import tiny

from introml.book.paths import ROOT
from introml.grader.results.results import Verdict
from introml.grader.run.checker_process import CheckerBroken, CheckerProcess, LabUnusable
from introml.grader.run.fingerprint import Fingerprint
from introml.grader.run.grade import Run
from introml.grader.run.session import Options
from introml.grader.run.store import Store, StoreError

FAKE = (sys.executable, "-I", str(ROOT / "tests" / "grader" / "fake_checker.py"))
OPTIONS = Options(jobs=2, command=FAKE)


def hand_in(folder: Path, **texts: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.ipynb").write_text(text)
    return sorted(folder.glob("*.ipynb"))


def grade(out, notebooks, options=OPTIONS, seed=None, lab=None):
    """{folder: news}, and the run."""
    with Store.opened(out, "tiny", seed) as store:
        run = Run(lab or tiny(), store, notebooks, options)
        news = {one.folder: one for one in run.news()}
        store.write_grades(run.folders)
    return news, run


def grades(out) -> dict[str, dict[str, str]]:
    with (out / "grades.csv").open() as file:
        return {line["submission"]: line for line in csv.DictReader(file)}


def test_each_submission_gets_its_files_and_its_row(tmp_path):
    notebooks = hand_in(tmp_path / "in", ada="good", bob="good")
    news, _ = grade(tmp_path / "out", notebooks)
    assert {name: (one.verdict, one.score, one.fresh) for name, one in news.items()} == {
        "ada": (Verdict.GRADED, 1, True),
        "bob": (Verdict.GRADED, 1, True),
    }
    assert sorted(path.name for path in (tmp_path / "out" / "ada").iterdir()) == [
        "feedback.html",
        "junit.xml",
        "results.json",
        "teacher.json",
    ]
    assert grades(tmp_path / "out")["ada"]["score"] == "1"


@pytest.mark.parametrize("misdeed", ["die", "babble", "nonsense", "other", "fault", "flood"])
def test_a_checker_that_fails_twice_is_a_fault_and_blocks_nobody(tmp_path, misdeed):
    notebooks = hand_in(tmp_path / "in", ada="good", bob=misdeed, eve="good")
    news, run = grade(tmp_path / "out", notebooks, replace(OPTIONS, jobs=1))
    assert [news[name].verdict for name in ("ada", "bob", "eve")] == [
        Verdict.GRADED,
        Verdict.FAULT,
        Verdict.GRADED,
    ]
    assert run.counts[Verdict.FAULT] == 1
    row = grades(tmp_path / "out")["bob"]
    assert (row["verdict"], row["score"]) == ("grader fault", "")
    page = (tmp_path / "out" / "bob" / "feedback.html").read_text()
    assert "costs no attempt" in page
    assert "last words" not in page
    if misdeed == "die":
        teacher = (tmp_path / "out" / "bob" / "teacher.json").read_text()
        assert "last words" in teacher
        assert "check a" in teacher


def test_what_breaks_the_checker_over_one_check_costs_that_check_alone(tmp_path):
    out, notebooks = tmp_path / "out", hand_in(tmp_path / "in", ada="poison", bob="good")
    news, _ = grade(out, notebooks)
    assert {one.verdict for one in news.values()} == {Verdict.GRADED}
    assert grades(out)["ada"]["flags"] == "a check could not use what was returned"
    assert grades(out)["bob"]["flags"] == ""
    flags = json.loads((out / "ada" / "teacher.json").read_text())["result"]["flags"]
    assert flags[0]["evidence"].startswith("a: the checker broke over it twice.")


def test_a_fault_is_retried_once_and_again_by_the_next_run(tmp_path):
    notebooks = hand_in(tmp_path / "in", ada=f"once:{tmp_path / 'seen'}", bob="fault")
    news, _ = grade(tmp_path / "out", notebooks)
    assert (news["ada"].verdict, news["bob"].verdict) == (Verdict.GRADED, Verdict.FAULT)
    again, _ = grade(tmp_path / "out", notebooks)
    assert (again["ada"].fresh, again["bob"].fresh) == (False, True)


def test_a_checker_that_hangs_is_given_up(tmp_path):
    checker = CheckerProcess({"lab": "/tiny", "seed": 1}, FAKE)
    checker.start()
    try:
        with pytest.raises(CheckerBroken, match=r"did not answer in time, check a"):
            checker.grade("ada", "0", b"hang", "", limit_s=0.5)
    finally:
        checker.close()


def test_points_beyond_the_maximum_are_cut_whatever_a_checker_says(tmp_path):
    news, _ = grade(tmp_path / "out", hand_in(tmp_path / "in", ada="rich"))
    assert (news["ada"].score, news["ada"].max_score) == (2, 2)


@pytest.mark.parametrize(("lab", "words"), [("unusable", "no sandbox here"), ("broken", "broken")])
def test_a_checker_that_cannot_work_stops_the_run_with_its_reason(tmp_path, lab, words):
    notebooks = hand_in(tmp_path / "in", ada="good")
    with pytest.raises(LabUnusable, match=words):
        grade(tmp_path / "out", notebooks, lab=replace(tiny(), folder=Path(f"/{lab}")))


def test_a_checker_that_was_killed_at_its_start_is_started_again(tmp_path):
    notebooks = hand_in(tmp_path / "in", ada="good")
    lab = replace(tiny(), folder=Path(f"/once{tmp_path / 'seen'}"))
    news, _ = grade(tmp_path / "out", notebooks, lab=lab)
    assert news["ada"].verdict == Verdict.GRADED


def test_a_link_is_an_invalid_submission(tmp_path):
    (tmp_path / "secret").write_text("good")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ada.ipynb").symlink_to(tmp_path / "secret")
    news, _ = grade(tmp_path / "out", [tmp_path / "in" / "ada.ipynb"])
    assert news["ada"].verdict == Verdict.INVALID
    assert "symbolic link" in (tmp_path / "out" / "ada" / "feedback.html").read_text()


def pid_of(out, name):
    return json.loads((out / name / "teacher.json").read_text())["result"]["measured"]["pid"]


def test_what_is_done_is_done_and_what_changed_is_graded_again(tmp_path):
    out, notebooks = tmp_path / "out", hand_in(tmp_path / "in", ada="good", bob="good")
    grade(out, notebooks)
    before = pid_of(out, "bob")
    (tmp_path / "in" / "ada.ipynb").write_text("better")
    news, _ = grade(out, notebooks)
    assert (news["ada"].fresh, news["bob"].fresh) == (True, False)
    assert pid_of(out, "bob") == before
    for change in (
        {"options": replace(OPTIONS, time_limit=9)},
        {"options": replace(OPTIONS, sandbox=False)},
        {"lab": replace(tiny(), version="other")},
        {"seed": 12345},
    ):
        assert all(one.fresh for one in grade(out, notebooks, **change)[0].values())


def again(out, notebooks, **options):
    """What a run would say of those that it grades again."""
    with Store.opened(out, "tiny", options.pop("seed", None)) as store:
        return Run(tiny(), store, notebooks, replace(OPTIONS, **options)).graded_again()


@pytest.fixture
def mended(monkeypatch):
    """A function that changes a byte of the grader, or a package, as far as anyone can tell."""
    today = Fingerprint.of(tiny())

    def mend(**changes):
        other = replace(today, **changes)
        monkeypatch.setattr(Fingerprint, "of", classmethod(lambda cls, lab: other))

    return mend


def test_a_mended_grader_grades_again_and_says_so(tmp_path, mended):
    out, notebooks = tmp_path / "out", hand_in(tmp_path / "in", ada="good", bob="good")
    assert again(out, notebooks) == []
    grade(out, notebooks)
    assert again(out, notebooks) == []
    assert not any(one.fresh for one in grade(out, notebooks)[0].values())
    mended(grader="mended")
    both = "2 submissions are graded again (ada, bob)"
    assert again(out, notebooks) == [f"the grader changed since: {both}"]
    assert all(one.fresh for one in grade(out, notebooks)[0].values())
    assert again(out, notebooks) == []
    assert not any(one.fresh for one in grade(out, notebooks)[0].values())
    mended(grader="mended", packages={})
    assert all(one.fresh for one in grade(out, notebooks)[0].values())


def test_each_submission_is_said_to_be_graded_again_for_its_own_reason(tmp_path):
    names = dict.fromkeys(("ada", "bob", "eve"), "good")
    out, notebooks = tmp_path / "out", hand_in(tmp_path / "in", **names, faulty="fault")
    grade(out, notebooks)
    (tmp_path / "in" / "ada.ipynb").write_text("better")
    (out / "bob" / "feedback.html").unlink()
    assert again(out, notebooks) == [
        "the notebook changed since: 1 submission is graded again (ada)",
        "files of the result are missing: 1 submission is graded again (bob)",
    ]
    assert again(out, notebooks, time_limit=9)[1:] == [
        "the time limit changed since: 2 submissions are graded again (bob, eve)"
    ]


def test_results_of_before_the_grader_was_kept_with_them_are_graded_again(tmp_path):
    out, notebooks = tmp_path / "out", hand_in(tmp_path / "in", ada="good")
    grade(out, notebooks)
    path = out / "ada" / "teacher.json"
    node = json.loads(path.read_text())
    del node["decides"]
    path.write_text(json.dumps(node | {"key": "old"}))
    assert again(out, notebooks) == ["the grader changed since: 1 submission is graded again (ada)"]


def test_a_grader_that_changes_while_it_starts_grades_nothing(tmp_path, mended):
    notebooks = hand_in(tmp_path / "in", ada="good")
    with Store.opened(tmp_path / "out", "tiny", 1) as store:
        run = Run(tiny(), store, notebooks, OPTIONS)
        session = run._session()
        mended(grader="mended")
        with pytest.raises(LabUnusable, match="was changed while submissions were graded"):
            session.warm()
        assert session.ready is None


@pytest.mark.parametrize("lost", ["results.json", "feedback.html", "junit.xml", "teacher.json"])
def test_a_half_written_result_is_not_done(tmp_path, lost):
    out, notebooks = tmp_path / "out", hand_in(tmp_path / "in", ada="good")
    grade(out, notebooks)
    (out / "ada" / lost).unlink()
    assert grade(out, notebooks)[0]["ada"].fresh
    (out / "ada" / lost).write_text("{")
    fresh = grade(out, notebooks)[0]["ada"].fresh
    assert fresh == lost.endswith(".json")


def test_results_json_comes_last(tmp_path, monkeypatch):
    written = []
    from introml.grader import atomic

    def note(path, data, **_):
        written.append(path.name)
        path.write_bytes(data.encode() if isinstance(data, str) else data)

    monkeypatch.setattr(atomic, "write", note)
    grade(tmp_path / "out", hand_in(tmp_path / "in", ada="good"))
    assert written[-2:] == ["results.json", "grades.csv"]
    assert written.index("teacher.json") < written.index("results.json")


def test_a_seed_is_drawn_once_and_students_files_do_not_tell_it(tmp_path):
    out, notebooks = tmp_path / "out", hand_in(tmp_path / "in", ada="good")
    grade(out, notebooks)
    seed = json.loads((out / "run.json").read_text())["seed"]
    grade(out, notebooks)
    assert json.loads((out / "run.json").read_text())["seed"] == seed
    assert grades(out)["ada"]["seed"] == str(seed)
    for name in ("results.json", "feedback.html", "junit.xml"):
        assert str(seed) not in (out / "ada" / name).read_text()
    grade(tmp_path / "other", notebooks)
    assert json.loads((tmp_path / "other" / "run.json").read_text())["seed"] != seed


def modes(folder: Path) -> set[str]:
    """Of all files and folders that others may read, write or enter: their names and modes."""
    places = [folder, *folder.rglob("*")]
    return {f"{x.name} {x.stat().st_mode:o}" for x in places if x.stat().st_mode & 0o077}


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_seeds_and_evidence_can_be_read_by_their_owner_alone(tmp_path, umask):
    out, notebooks = tmp_path / "out", hand_in(tmp_path / "in", ada="good", bob="good")
    before = os.umask(umask)
    try:
        grade(out, notebooks)
        assert modes(out) == set()
        for place in (out, *out.rglob("*")):
            place.chmod(0o777)
        (out / "ada" / "results.json").unlink()
        grade(out, notebooks)
    finally:
        os.umask(before)
    students = ("results.json", "feedback.html", "junit.xml", ".lock")
    assert {one for one in modes(out) if not one.startswith(students)} == set()


def test_a_folder_with_other_things_in_it_stays_as_open_as_it_was(tmp_path):
    out = tmp_path / "course"
    out.mkdir()
    (out / "notes.txt").write_text("for all")
    out.chmod(0o755)
    grade(out, hand_in(tmp_path / "in", ada="good"))
    assert out.stat().st_mode & 0o777 == 0o755
    assert {x.name for x in out.iterdir() if x.stat().st_mode & 0o077} == {"notes.txt"}


def test_a_folder_of_everybodys_is_never_closed(tmp_path):
    out, notebooks = tmp_path / "tmp", hand_in(tmp_path / "in", ada="good")
    out.mkdir()
    out.chmod(0o1777)
    for _ in range(2):
        grade(out, notebooks)
    assert out.stat().st_mode & 0o7777 == 0o1777


def test_somebody_elses_seed_is_not_replaced(tmp_path, monkeypatch):
    out, notebooks = tmp_path / "out", hand_in(tmp_path / "in", ada="good")
    grade(out, notebooks)
    kept = (out / "run.json").read_bytes()
    monkeypatch.setattr(os, "access", lambda path, how: Path(path).name != "run.json")
    with pytest.raises(StoreError, match="somebody else's"):
        grade(out, notebooks)
    assert (out / "run.json").read_bytes() == kept


def test_one_folder_serves_one_run_and_one_lab_at_a_time(tmp_path):
    with (
        Store.opened(tmp_path / "out", "tiny", 1),
        pytest.raises(StoreError, match="another run"),
        Store.opened(tmp_path / "out", "tiny", 1),
    ):
        pass
    with (
        pytest.raises(StoreError, match="lab tiny"),
        Store.opened(tmp_path / "out", "attention", 1),
    ):
        pass
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreError, match="cannot be written"),
        Store.opened(tmp_path / "file", "tiny", 1),
    ):
        pass


def test_a_later_batch_keeps_the_earlier_rows_and_takes_no_name(tmp_path):
    out = tmp_path / "out"
    grade(out, hand_in(tmp_path / "a", hw="good"))
    grade(out, hand_in(tmp_path / "b", hw="other student's", eve="good"))
    assert sorted(grades(out)) == ["b-hw", "eve", "hw"]
    both = [tmp_path / "a" / "hw.ipynb", tmp_path / "b" / "hw.ipynb"]
    grade(out, both)
    assert sorted(grades(out)) == ["a-hw", "b-hw", "eve"]


def test_a_moved_file_is_the_same_submission(tmp_path):
    out = tmp_path / "out"
    grade(out, hand_in(tmp_path / "a", hw="good"))
    os.rename(tmp_path / "a", tmp_path / "c")
    news, _ = grade(out, [tmp_path / "c" / "hw.ipynb"])
    assert not news["hw"].fresh
    assert sorted(grades(out)) == ["hw"]


def test_a_grade_that_a_regrade_would_lower_is_kept_until_a_teacher_agrees(tmp_path):
    out, told = tmp_path / "out", tmp_path / "told"
    notebooks = hand_in(tmp_path / "in", ada=f"told:{told}", bob="good")

    def tell(*points, verdict="graded", message=""):
        checks = [
            {"name": f"c{n}", "title": "C", "points": one, "max_points": 2.0, "outcome": "partial"}
            for n, one in enumerate(points)
        ]
        told.write_text(json.dumps({"checks": checks, "verdict": verdict, "message": message}))

    def run_again(time_limit):
        with Store.opened(out, "tiny", None) as store:
            run = Run(tiny(), store, notebooks, replace(OPTIONS, time_limit=time_limit))
            news = {one.folder: one for one in run.news()}
            store.write_grades(run.folders)
            return news["ada"], run.proposals()

    tell(2, 1)
    assert run_again(1)[1] == []
    tell(2, 0)
    news, waiting = run_again(2)
    assert (news.score, grades(out)["ada"]["score"]) == (3, "3")
    assert [words for _, words in waiting] == ["ada: 3 of 4 → 2 of 4"]
    assert "2 of 4" not in (out / "ada" / "feedback.html").read_text()
    news, waiting = run_again(2)
    assert (news.fresh, len(waiting)) == (False, 1), "what waits is not graded anew"
    tell(0, 0, verdict="invalid", message="Half a file.")
    assert [words for _, words in run_again(3)[1]] == [
        "ada: 3 of 4 → 0 of 4 (invalid: Half a file.)"
    ]
    tell(0, 0, verdict="grader fault")
    news, _ = run_again(4)
    assert (news.verdict, grades(out)["ada"]["score"]) == (Verdict.FAULT, "3")
    tell(2, 1, 0)  # a question more
    news, waiting = run_again(5)
    assert (news.score, news.max_score) == (3, 4)
    assert [words for _, words in waiting] == ["ada: 3 of 4 → 3 of 6"]
    assert "Not asked when you handed in" in (out / "ada" / "feedback.html").read_text()
    tell(2, 2, 0)
    news, waiting = run_again(6)
    assert (news.score, news.max_score) == (4, 4), "what it gains on the old questions counts"
    with Store.opened(out, "tiny", None) as store:
        store.take(waiting[0][0])
    news, waiting = run_again(6)
    assert (news.score, news.max_score, news.fresh, waiting) == (4, 6, False, [])
    tell(2, 2, 2)
    news, waiting = run_again(7)
    assert (news.score, waiting) == (6, [])


def test_what_cannot_be_read_any_more_keeps_its_grade_and_a_new_notebook_counts(tmp_path):
    out, told = tmp_path / "out", tmp_path / "told"
    notebooks = hand_in(tmp_path / "in", ada="good")
    grade(out, notebooks)
    notebooks[0].unlink()
    notebooks[0].symlink_to("nowhere")
    _, run = grade(out, notebooks)
    assert grades(out)["ada"]["score"] == "1"
    assert "symbolic link" in run.proposals()[0][1]
    notebooks[0].unlink()
    notebooks[0].write_text("good")
    news, run = grade(out, notebooks)
    assert (news["ada"].fresh, run.proposals()) == (False, [])
    checks = [{"name": "a", "title": "A", "points": 0.5, "max_points": 2.0, "outcome": "partial"}]
    told.write_text(json.dumps({"checks": checks}))
    notebooks[0].write_text(f"told:{told}")  # handed in anew
    _, run = grade(out, notebooks)
    assert (grades(out)["ada"]["score"], run.proposals()) == ("0.5", [])


def test_one_file_that_cannot_be_read_is_one_row(tmp_path):
    notebooks = hand_in(tmp_path / "in", ada="good", eve="good")
    (tmp_path / "in" / "folder.ipynb").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe.ipynb")
    (tmp_path / "in" / "loop.ipynb").symlink_to("loop.ipynb")
    odd = [tmp_path / "in" / f"{name}.ipynb" for name in ("folder", "pipe", "loop", "vanished")]
    news, _ = grade(tmp_path / "out", [*notebooks, *odd])
    assert {name: one.verdict for name, one in news.items()} == {
        "ada": Verdict.GRADED, "eve": Verdict.GRADED, "folder": Verdict.INVALID,
        "pipe": Verdict.INVALID, "loop": Verdict.INVALID, "vanished": Verdict.INVALID,
    }  # fmt: skip
    assert sorted(grades(tmp_path / "out")) == sorted(news)


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from introml.grader.run.session import Options
from introml.grader.run.fingerprint import Fingerprint
from introml.grader.run.grade import Run
from introml.grader.run.store import Store
from tiny import tiny
list_of = sorted(Path({notebooks!r}).glob("*.ipynb"))
with Store.opened(Path({out!r}), "tiny", 7) as store:
    run = Run(tiny(), store, list_of, Options(jobs=2, command={command!r}))
    for one in run.news():
        print(one.folder, one.fresh, flush=True)
    store.write_grades(run.folders)
"""


def program(tmp_path, out):
    here = str(ROOT / "tests" / "grader")
    text = SCRIPT.format(here=here, notebooks=str(tmp_path / "in"), out=str(out), command=FAKE)
    return [sys.executable, "-c", text]


def test_killed_at_any_moment_and_resumed_it_writes_the_same_grades(tmp_path):
    hand_in(tmp_path / "in", **{f"s{n}": f"slow:0.0{n}" for n in range(10)})
    subprocess.run(program(tmp_path, tmp_path / "whole"), check=True, capture_output=True)
    whole = (tmp_path / "whole" / "grades.csv").read_bytes()
    for graded_before_the_kill in (0, 3, 8):
        out = tmp_path / f"killed{graded_before_the_kill}"
        process = subprocess.Popen(program(tmp_path, out), stdout=subprocess.PIPE, text=True)
        for _ in range(graded_before_the_kill):
            process.stdout.readline()
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate()
        _, left = psutil.wait_procs(children, timeout=120)
        assert not left, "a checker outlived the orchestrator"
        rest = subprocess.run(program(tmp_path, out), check=True, capture_output=True, text=True)
        assert rest.stdout.count("False") >= graded_before_the_kill
        assert (out / "grades.csv").read_bytes() == whole


def test_stopping_ends_all_checkers_soon(tmp_path):
    notebooks = hand_in(tmp_path / "in", ada="good", bob="hang", eve="hang")
    with Store.opened(tmp_path / "out", "tiny", 1) as store:
        run = Run(tiny(), store, notebooks, OPTIONS)
        for one in run.news():
            assert one.folder == "ada"
            break
    children = psutil.Process().children(recursive=True)
    assert not [one for one in children if "fake_checker.py" in " ".join(one.cmdline())]
    assert not (tmp_path / "out" / "bob" / "results.json").exists()


def test_memory_does_not_grow_with_the_number_of_submissions(tmp_path):
    hand_in(tmp_path / "in", **{f"s{n}": "good" for n in range(120)})
    # In a process of its own: what this one holds from other tests comes and goes.
    run = watched(command(tmp_path / "in", tmp_path / "out", fake=True), tmp_path)
    assert run.status == 0, run.output
    lines = [line for line in run.output.splitlines() if "graded" in line]
    assert len(run.rss) >= 120, lines[:3]
    assert run.rss[-1] - run.rss[20] < 3_000_000
