"""A class with hostile submissions in it, graded; `make soak` does it with 500."""

from dataclasses import replace

import pytest
from class_run import changed, grade_class, wrong_verdicts
from crowd import members
from fuzz import fuzz_frames, fuzz_notebooks, fuzz_streams

from introml.grader.results.results import SubmissionResult, Verdict


def test_hostile_submissions_change_nothing_for_the_others(tmp_path):
    run = grade_class(members(20), tmp_path / "class", warm=5)
    assert not run.problems
    assert run.rss_mb[-1] - run.rss_mb[0] < 8


def test_lost_mixed_up_and_changed_results_are_found():
    class_ = members(6)
    results = {
        one.name: SubmissionResult(one.name, "0", "tiny", "v", 1, next(iter(one.verdicts)))
        for one in class_
    }
    honest = [one for one in class_ if one.honest]
    assert not wrong_verdicts(class_, results)
    assert not changed(honest, results, results)
    lost, other, *_ = (one.name for one in honest)
    worse = {name: result for name, result in results.items() if name != lost}
    worse[other] = replace(results[other], verdict=Verdict.FAULT)
    worse["stranger"] = results[other]
    assert wrong_verdicts(class_, worse) == [
        f"{lost} has no verdict",
        f"{other} is grader fault: ",
        "stranger: nobody handed this in",
    ]
    assert len(changed(honest, worse, results)) == 2


@pytest.mark.parametrize(
    ("fuzz", "count", "verdicts"),
    [
        (fuzz_notebooks, 400, {"invalid", "read"}),
        (fuzz_frames, 400, {"value", "FrameError", "FrameClosed", "ValueRefused"}),
        (fuzz_streams, 100, {"values", "FrameError", "FrameClosed", "FrameTimeout"}),
    ],
)
def test_malformed_input_gets_a_clear_verdict(fuzz, count, verdicts):
    counts = fuzz(count)
    assert set(counts) == verdicts
    assert counts.total() >= count
