"""Runs of one submission with one seed: what differs is told, and the best one counts."""

from dataclasses import replace

from made_results import result

from introml.grader.results.repeated import best_of, differences, in_words
from introml.grader.results.results import CellError, CheckResult, Verdict


def run(*points: float, **changes):
    """A run whose checks a, b, c, … reached so many of two points each."""
    checks = [
        CheckResult(name, name, reached, 2.0, "passed" if reached == 2 else "failed")
        for name, reached in zip("abcdefgh", points, strict=False)
    ]
    return replace(result(), checks=checks, cell_errors=[], **changes)


def test_the_run_with_the_most_points_counts_and_the_first_of_equals():
    runs = [run(0, 2), run(2, 2), run(2, 0), run(2, 2)]
    assert best_of(runs) is runs[1]
    crashed = run(2, 2, verdict=Verdict.CRASHED)
    assert best_of([crashed, run(0, 2)]).score == 2


def test_equal_runs_have_no_differences():
    assert differences([run(0, 2), run(0, 2)]) == []
    measured = run(0, 2, measured={"wall_s": 3.0}, public_output="at 12:00")
    assert differences([run(0, 2), measured]) == []


def test_what_differs_is_named():
    assert differences([run(0, 2), run(0, 2), run(2, 2)]) == ["check a (failed, passed)"]
    crashed = run(0, verdict=Verdict.CRASHED)
    assert differences([run(0), crashed]) == ["the verdict (crashed, graded)"]
    stopped = replace(run(0), cell_errors=[CellError("Cell 7", "at 0x7f")])
    assert differences([run(0), stopped]) == ["which cells stopped"]
    elsewhere = replace(run(0), cell_errors=[CellError("Cell 7", "at 0x8e")])
    assert differences([stopped, elsewhere]) == []
    half = run(1), run(0)
    assert differences(half) == ["check a (failed)"]
    # Words may hold an address.
    hint = replace(run(0), checks=[replace(run(0).checks[0], hint="It is <f at 0x7f>.")])
    assert differences([run(0), hint]) == []


def test_what_was_not_done_in_time_is_no_difference():
    assert differences([run(0), run(0, verdict=Verdict.TIMED_OUT)]) == []
    late = replace(run(2), checks=[replace(run(0).checks[0], outcome="timed out")])
    assert differences([run(2), late]) == []
    assert best_of([late, run(2)]).score == 2
    assert differences([run(2), late, run(0)]) == ["check a (failed, passed, timed out)"]


def test_checks_that_measure_may_end_otherwise():
    assert differences([run(0, 2), run(2, 2)], but={"a"}) == []
    assert differences([run(0, 2), run(2, 0)], but={"a"}) == ["check b (failed, passed)"]


def test_the_evidence_is_short_however_much_differs():
    words = in_words(3, differences([run(*[0] * 8), run(*[2] * 8)]))
    assert words.startswith("3 runs with the same seed differ in check a (failed, passed); check b")
    assert words.endswith("check e (failed, passed); …. The best run counts.")
