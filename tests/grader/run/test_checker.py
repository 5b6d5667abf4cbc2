"""The checker in a real sandbox: verdicts, what one bad check costs, and what stays secret."""

import re
import time
from dataclasses import replace

import pytest
import torch
from cpu_work import units_of_work
from tiny import FOLDER, SECRETS, cell_of, code_cell, copy_of_tiny, notebook, tiny, written
from torch_threads import one_thread

from introml.grader.box.boxes import GraderFault
from introml.grader.checks.checks import ChecksError
from introml.grader.lab.source import LabError, cells_to_json
from introml.grader.results.feedback import feedback_html
from introml.grader.results.gradebook import grades_csv, row
from introml.grader.results.gradescope import results_json
from introml.grader.results.junit import junit_xml
from introml.grader.results.results import Verdict, canonical
from introml.grader.run import checker as checker_module
from introml.grader.run.attempt import Attempt
from introml.grader.run.checker import (
    UNSAFE_NOTE,
    Checker,
    Setup,
    key_of,
    limits_of,
    load_all_checks,
    seed_for,
)


@pytest.fixture(scope="module")
def checker():
    with one_thread(), Checker(Setup(str(FOLDER), seed=20270110)) as one:
        yield one


def grade(checker, book):
    return checker.grade("ada", "ab" * 32, book if isinstance(book, bytes) else written(book))


def outcomes(result) -> dict[str, str]:
    return {one.name: one.outcome for one in result.checks}


def with_loss(body: str, before: str = "") -> dict:
    book = notebook()
    cell_of(book, "loss")["source"] = f"{before}\ndef loss(w, x, y):\n    {body}\n"
    return book


RIGHT_LOSS = "return ((x @ w - y) ** 2).mean()"


def shown(result) -> str:
    """All that a student can read."""
    return results_json(result, "key") + junit_xml(result).decode() + feedback_html(result)


def test_the_solution_gets_all_points_and_the_starter_none(checker):
    right, starter = grade(checker, notebook()), grade(checker, notebook(answered=False))
    assert (right.verdict, right.score, right.max_score) == (Verdict.GRADED, 10, 10)
    assert (starter.verdict, starter.score, starter.max_score) == (Verdict.GRADED, 0, 10)
    assert not right.flags
    assert right.environment["torch"] == torch.__version__
    assert right.environment["sandbox"]["sandbox"] in ("namespaces", "user namespaces")


def test_what_needs_a_gpu_is_not_run_and_says_so(checker):
    result = grade(checker, notebook())
    if torch.cuda.is_available():
        assert outcomes(result)["gradient_on_a_gpu"] == "passed"
        return
    assert outcomes(result)["gradient_on_a_gpu"] == "not run"
    assert "not run: no GPU" in feedback_html(result)
    assert "not run: no GPU" in results_json(result, "")


def test_grading_again_gives_the_same_bytes(checker):
    for book in (notebook(), notebook(answered=False), with_loss("import os; os._exit(0)")):
        first, second = grade(checker, book), grade(checker, book)
        assert canonical(first) == canonical(second)
        assert junit_xml(first) == junit_xml(second)


def test_each_wrong_solution_fails_the_check_that_names_it(checker):
    from introml.grader.authoring.release import solution_notebook

    for wrong in tiny().wrong_solutions():
        result = grade(checker, solution_notebook(tiny(), wrong.cells))
        failed = {name for name, outcome in outcomes(result).items() if outcome == "failed"}
        assert set(wrong.caught_by) <= failed, wrong.name


def test_no_notebook_is_invalid_with_a_sentence(checker):
    result = grade(checker, b"not a notebook")
    assert (result.verdict, result.score, result.max_score) == (Verdict.INVALID, 0, 10)
    assert "not a notebook" in result.message
    refused = checker.grade("ada", "", b"", "This is a symbolic link.")
    assert (refused.verdict, refused.message) == (Verdict.INVALID, "This is a symbolic link.")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("while True: pass", "did not end within its share of the time limit"),
        ("import os; os._exit(0)", "ended the process that ran your notebook"),
        ("import os; os.kill(os.getpid(), 9)", "ended the process that ran your notebook"),
        # a MemoryError that the cell is told of, or the end of the process
        ("x = [bytearray(b'x' * 10**8) for _ in range(50)]", "memory"),
    ],
)
@pytest.mark.parametrize("place", [0, -1], ids=["before", "after"])
def test_cells_that_never_end_or_end_all_cost_themselves(checker, code, words, place):
    limits, checker.limits = checker.limits, replace(checker.limits, wall_s=16, memory_mb=400)
    try:
        book = notebook()
        book["cells"].insert(place if place == 0 else len(book["cells"]), code_cell(code))
        result = grade(checker, book)
    finally:
        checker.limits = limits
    assert (result.verdict, result.score, result.max_score) == (Verdict.GRADED, 10, 10)
    (error,) = result.cell_errors
    assert words in error.message.lower()
    assert error.cell == f"Cell {len(book['cells']) if place else 1}"


def test_an_answer_cell_that_never_ends_keeps_its_functions(checker):
    book = notebook()
    cell_of(book, "descent")["source"] += ["\n\nwhile True:\n    pass"]
    limits, checker.limits = checker.limits, replace(checker.limits, wall_s=16)
    try:
        result = grade(checker, book)
    finally:
        checker.limits = limits
    assert (result.verdict, result.score) == (Verdict.GRADED, 10)
    assert result.cell_errors[0].cell == "Cell 'descent'"


def test_a_cell_with_an_error_costs_what_it_defines_and_is_shown(checker):
    book = notebook()
    cell_of(book, "descent")["source"] = "print('begun')\nraise ValueError('my own words')"
    result = grade(checker, book)
    assert result.verdict == Verdict.GRADED
    assert result.score == 8
    assert [one.cell for one in result.cell_errors] == ["Cell 'descent'"]
    page = feedback_html(result)
    assert "my own words" in page
    assert "begun" in page


@pytest.mark.parametrize(
    ("body", "outcome"),
    [("import os; os._exit(0)", "crashed"), ("\n    while True: pass", "timed out")],
)
def test_a_check_that_crashes_or_hangs_costs_that_check_alone(checker, body, outcome):
    checks, checker.checks = checker.checks, [replace(one, time_s=1) for one in checker.checks]
    try:
        result = grade(checker, with_loss(body))
    finally:
        checker.checks = checks
    assert result.verdict == Verdict.GRADED
    assert {n for n, o in outcomes(result).items() if o == outcome} == {
        "loss_is_a_mean",
        "loss_at_any_size",
    }
    assert result.score == 6


def test_the_limit_for_the_whole_keeps_what_was_reached(checker):
    limits, checker.limits = checker.limits, replace(checker.limits, wall_s=4)
    body = "import time; time.sleep(60 if len(w) == 4 else 0)\n    " + RIGHT_LOSS
    try:
        result = grade(checker, with_loss(body))
    finally:
        checker.limits = limits
    assert result.verdict == Verdict.TIMED_OUT
    assert (result.score, result.max_score) == (5, 10)
    assert outcomes(result)["loss_at_any_size"] == "timed out"
    assert outcomes(result)["steps_go_on"] == "timed out"
    assert "4 s for the whole" in result.message


CLASS = "class LeakedName(Exception): pass"


def test_nothing_that_the_student_does_in_hidden_checks_comes_back(checker):
    body = (
        "print('LEAK-OUT', w, y)\n"
        "    if len(w) != 3: raise LeakedName(f'LEAK-TEXT {y.tolist()}')\n"
        f"    {RIGHT_LOSS}"
    )
    result = grade(checker, with_loss(body, before=CLASS))
    assert outcomes(result)["loss_at_any_size"] == "failed"
    assert outcomes(result)["loss_is_a_mean"] == "passed"
    text = shown(result) + grades_csv([row(result)])
    for secret in ("LEAK", "LeakedName", *SECRETS[:2]):
        assert secret not in text
    # The teacher does see it.
    assert "LEAK-TEXT" in str(result.teacher)


def test_a_hidden_check_shows_its_title_and_hint_only(checker):
    result = grade(checker, with_loss("return ((x @ w - y) ** 2).sum()"))
    hidden = next(one for one in result.checks if one.name == "loss_at_any_size")
    assert (hidden.outcome, hidden.detail) == ("failed", "")
    assert hidden.hint == "Divide by the number of points."
    assert "differ" in result.teacher["check loss_at_any_size"]
    public = next(one for one in result.checks if one.name == "loss_is_a_mean")
    assert "entries differ" in public.detail
    assert "Divide by the number of points." in shown(result)


def test_a_librarys_answer_is_refused_in_words_and_costs_its_own_checks(checker):
    import_ = "import torch.nn.functional as F"
    result = grade(checker, with_loss("return F.mse_loss(x @ w, y)", before=import_))
    assert result.score == 6
    refused = [one for one in result.checks if one.outcome == "failed"]
    assert {one.name for one in refused} == {"loss_is_a_mean", "loss_at_any_size"}
    assert all("the library's own answer" in one.hint for one in refused)
    public = next(one for one in refused if not one.hidden)
    assert "torch.nn.functional.mse_loss (loss functions) is withheld" in public.detail
    assert not any("was not run" in one for one in result.notes)


def test_a_hidden_way_to_a_librarys_answer_is_refused_when_called_and_flagged(checker):
    body = "return getattr(torch.nn.functional, 'mse' + '_' + str('loss'))(x @ w, y)"
    result = grade(checker, with_loss(body))
    assert result.score == 6
    assert any(flag.kind == "called a library's answer" for flag in result.flags)


def test_a_changed_given_cell_is_restored_and_noted(checker):
    book = notebook()
    cell_of(book, "imports")["source"] = "raise SystemExit"
    result = grade(checker, book)
    assert result.score == 10
    assert any("'imports' was changed" in note for note in result.notes)


def test_a_box_that_cannot_be_had_is_a_fault(checker, monkeypatch):
    def none(*_, **__):
        raise GraderFault("no box: SECRET")

    monkeypatch.setattr(checker._template, "box", none)
    result = grade(checker, notebook())
    assert (result.verdict, result.score) == (Verdict.FAULT, 0)
    assert "SECRET" in str(result.teacher)
    assert "SECRET" not in shown(result)
    assert "Tell the person" in feedback_html(result)


def test_a_broken_check_is_a_fault_and_not_a_failure(checker):
    def broken(submission, rng):
        raise KeyError("SECRET")

    checks = checker.checks
    checker.checks = [replace(checks[0], run=broken), *checks[1:]]
    try:
        result = grade(checker, notebook())
    finally:
        checker.checks = checks
    assert result.verdict == Verdict.FAULT
    assert "SECRET" not in shown(result)


def test_the_box_gets_no_seed_from_which_the_runs_can_be_told():
    assert seed_for(1, "a") != seed_for(2, "a") != seed_for(2, "b")
    assert 0 <= seed_for(1, "a") < 2**62


def test_small_seeds_cannot_be_tried_one_after_another(checker):
    """What a box is told follows from a key that takes long to make from a seed."""
    book = notebook()
    book["cells"].insert(0, code_cell("import torch\nprint('seed', torch.initial_seed())"))
    told = int(re.search(r"seed (\d+)", grade(checker, book).public_output)[1])
    assert told == seed_for(key_of(checker.seed), "the cells")
    assert told != seed_for(checker.seed, "the cells")
    key_of.cache_clear()
    # Some 80 ms and 32 MB; a hash of the seed alone would be a ten-thousandth of a unit.
    assert units_of_work(lambda: key_of(3)) > 0.01


def test_a_notebook_that_takes_too_long_to_read_is_invalid(checker, monkeypatch):
    monkeypatch.setattr("introml.grader.run.checker._READ_S", 0.05)
    monkeypatch.setattr("introml.grader.run.checker.find", lambda *_: time.sleep(20))
    result = grade(checker, notebook())
    assert result.verdict == Verdict.INVALID
    assert "takes too long to read" in result.message


def test_limits_come_from_the_lab_or_from_the_command_line():
    assert limits_of(tiny(), None, None).wall_s == 30
    given = limits_of(tiny(), 50, 300)
    assert (given.wall_s, given.cpu_s, given.memory_mb) == (50, 50, 300)


def test_broken_labs_are_named_before_anything_is_graded(tmp_path):
    twice = copy_of_tiny(
        tmp_path / "a", hidden_checks_py=lambda text: text.replace("steps_go_on", "loss_is_a_mean")
    )
    with pytest.raises(LabError, match="loss_is_a_mean"):
        Checker(Setup(str(twice), 1))
    broken = copy_of_tiny(tmp_path / "b", hidden_checks_py=lambda text: text + "\n1 / 0\n")
    with pytest.raises(ChecksError, match="ZeroDivisionError"):
        Checker(Setup(str(broken), 1))


def test_private_checks_take_the_place_of_the_hidden_ones(tmp_path):
    (tmp_path / "hidden_checks.py").write_text(
        "from checks import randn\nfrom introml.grader.checks.checks import check\n"
        "@check(points=7, title='Private')\ndef private(submission, rng): pass\n"
    )
    from introml.grader.lab.lab import load_lab

    names = {one.name: one.hidden for one in load_all_checks(load_lab(FOLDER, tmp_path))}
    assert names["private"] is True
    assert "steps_go_on" not in names
    assert "loss_is_a_mean" in names


def test_without_a_sandbox_the_result_is_marked():
    with Checker(Setup(str(FOLDER), seed=1, sandbox=False)) as checker:
        result = grade(checker, notebook())
    assert result.score == 10
    assert UNSAFE_NOTE in result.notes
    assert result.environment["sandbox"]["sandbox"] == "none"


def test_a_lab_that_changed_meanwhile_is_not_graded_with():
    cells = cells_to_json(tiny().cells)
    same = Checker(Setup(str(FOLDER), 1, version=tiny().version, cells=cells))
    assert same.lab == tiny()
    with pytest.raises(LabError, match="was changed while"):
        Checker(Setup(str(FOLDER), 1, version="an older one", cells=cells))


MORE_CHECKS = """

@check(points=1, title="Goes on for ever with what it is given", time_s=0.5)
def goes_on(submission, rng):
    submission.has("loss")
    while True:
        pass


@check(points=1, title="Repeats what it is given")
def repeats(submission, rng):
    word = submission.variable("word")
    assert len(word) < 10, f"It is {word}."


@check(points=1, title="Is well")
def is_well(submission, rng):
    assert submission.has("loss"), "no loss"
"""


def test_what_a_check_does_with_what_it_is_given_has_bounds_too(tmp_path, monkeypatch):
    monkeypatch.setattr(checker_module, "_OVERTIME_S", 0.5)
    lab = copy_of_tiny(tmp_path, hidden_checks_py=lambda text: text + MORE_CHECKS)
    book = with_loss(RIGHT_LOSS, "word = 'x' * 900_000")
    heard = []
    with Checker(Setup(str(lab), seed=1), at=lambda *what: heard.append(what)) as own:
        result = grade(own, book)
        without = own.grade("ada", "ab" * 32, written(book), without=["is_well"])
    ends = outcomes(result)
    assert (result.verdict, result.score) == (Verdict.GRADED, 11)
    assert (ends["goes_on"], ends["repeats"], ends["is_well"]) == ("timed out", "failed", "passed")
    [hint] = [one.hint for one in result.checks if one.name == "repeats"]
    assert hint.startswith("It is xxx")
    assert len(hint) < 3000
    # The orchestrator hears which check has got something of the student's.
    place = heard.index(("check is_well",))
    assert heard[place + 1] == ("check is_well", "is_well")
    assert (outcomes(without)["is_well"], without.score) == ("failed", 10)


# Chance.

COIN = "__import__('os').urandom(1)[0] % 2"


@pytest.fixture
def attempts(monkeypatch):
    """The attempts that are made, with what shifts their objects."""
    made = []

    class Counted(checker_module.Attempt):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            made.append(self.shift)

    monkeypatch.setattr(checker_module, "Attempt", Counted)
    return made


def chance(result) -> list[str]:
    return [one.evidence for one in result.flags if one.kind == "depends on chance"]


def test_what_depends_on_chance_is_run_again_and_flagged(checker, attempts):
    """Three coins: that six runs come to the same has a chance of 1 in 32,768."""
    book = notebook()
    for ident in ("loss", "gradient", "descent"):
        cell = cell_of(book, ident)
        cell["source"] += f"\nif {COIN}:\n    {'Descent' if ident == 'descent' else ident} = None\n"
    result = grade(checker, book)
    assert result.verdict == Verdict.GRADED
    [evidence] = chance(result)
    assert "with the same seed differ in" in evidence
    assert evidence.endswith("The best run counts.")
    assert attempts == [0, 1, 2, 7, 30, 130][: len(attempts)]
    assert len(attempts) > 1


def test_a_sign_of_chance_alone_costs_nothing_and_flags_nothing(checker, attempts):
    result = grade(checker, with_loss(RIGHT_LOSS, "import time\nprint(time.time())"))
    assert (result.score, chance(result)) == (10, [])
    assert len(attempts) > 1


def test_without_a_sign_of_chance_there_is_one_run(checker, attempts):
    for book in (notebook(), with_loss("return x.sum()  # at a time, by id")):
        attempts.clear()
        grade(checker, book)
        assert attempts == [0]


def scores(checker, monkeypatch, *points):
    """Grade a notebook whose runs give so many points each; a fault where there is none."""
    left = list(points)

    def run(read, found, result, shift=0):
        reached = left.pop(0) if left else None
        if reached is None:
            raise GraderFault("no box")
        first = replace(result.checks[0], points=reached, outcome="partial")
        result.checks = [first, *result.checks[1:]]

    monkeypatch.setattr(checker, "_grade", run)
    result = grade(checker, with_loss("return time.time()"))
    return result.score, len(chance(result)), points.index(result.score)


@pytest.mark.parametrize(
    ("points", "score", "flags"),
    [((1, 2), 2, 1), ((2, 1), 2, 1), ((1, 1, 1, 0), 1, 1), ((1, 1, 1, 1, 1, 1), 1, 0)],
)
def test_the_best_run_counts_and_the_first_difference_ends_them(
    checker, monkeypatch, points, score, flags
):
    monkeypatch.setattr(checker_module, "_REPEATS_S", 1e6)
    assert scores(checker, monkeypatch, *points)[:2] == (score, flags)


def test_a_fault_in_a_repeat_leaves_the_result_as_it_was(checker, monkeypatch):
    assert scores(checker, monkeypatch, 1) == (1, 0, 0)


def test_what_takes_more_than_half_of_its_time_is_not_run_again(checker, attempts, monkeypatch):
    monkeypatch.setattr(checker, "limits", replace(checker.limits, wall_s=0.02))
    grade(checker, with_loss(RIGHT_LOSS, "import time\ntime.sleep(0.1)"))
    assert attempts == [0]


def test_objects_lie_elsewhere_in_each_repeat(template):
    places = []
    for shift in (0, 1, 2, 7):
        with Attempt(template, [("work", "place = id(object()) // 16")], shift=shift) as attempt:
            attempt.start()
            attempt.begin(1, 10, public=True)
            places.append(attempt.submission.variable("place"))
    assert len(set(places)) > 1
