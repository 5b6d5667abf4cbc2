"""`introml.grader.run.report`: what a teacher reads about a class."""

from made_results import result

from introml.grader.results.results import CheckResult, Flag, Verdict
from introml.grader.run.report import Report


def scored(points, **changes):
    checks = [
        CheckResult("easy", "Easy", 4, 4, "passed"),
        CheckResult("hard", "Hard", points, 6, "passed" if points == 6 else "failed", hidden=True),
        CheckResult("gpu", "On a GPU", 0, 90, "not run", tier="cuda", counts=False),
    ]
    return result(**{"checks": checks, "flags": []} | changes)


def report(*results) -> str:
    made = Report()
    for number, one in enumerate(results):
        made.add(f"s{number}", one)
    return made.text()


def test_a_class_in_numbers():
    text = report(scored(6), scored(0), scored(0), scored(0, verdict=Verdict.CRASHED))
    lines = text.splitlines()
    assert lines[0] == "4 submissions: 3 graded, 1 crashed"
    assert "median 40%, mean 45%" in text
    assert f"   40–50  {'█' * 40} 2" in lines
    assert f"   90–100 {'█' * 20} 1" in lines
    assert f"    0–10  {'█' * 20} 1" in lines
    assert lines[lines.index("Hardest checks (passed by)") + 1] == "   33%  Hard (hidden)"
    assert "Easy" not in text
    assert "GPU" not in text
    assert lines[-1] == "No submission needs a person."


def test_who_needs_a_person_and_why():
    flags = [Flag(f"reason {n}", "cell 'loss'\nline 3: \x1b[31mimport ctypes") for n in range(6)]
    text = report(scored(6), scored(6, flags=flags), scored(6, verdict=Verdict.FAULT))
    assert "Need a person (2)\n  s1\n    reason 0: cell 'loss' line 3: ␛[31mimport ctypes" in text
    assert "    and 2 more, in teacher.json" in text
    assert text.endswith("  s2\n    grader fault")
    assert "Every check was passed by all." in text


def test_nothing_at_all():
    assert report() == "No submissions have been graded."
    assert "1 submission: 1 grader fault" in report(scored(6, verdict=Verdict.FAULT))
