"""`results.json` as Gradescope's autograder reads it, with what a later run needs to know."""

from __future__ import annotations

import json
from typing import Any

from introml.grader.results.results import NOT_ASKED, CheckResult, SubmissionResult, Verdict
from introml.grader.text import plain

#: Where this project's own data are, in the part of the file that Gradescope stores and ignores.
OURS = "introml"


def results_json(result: SubmissionResult, key: str) -> str:
    """The file's text. Students may read all of it: no seed, no flags, no hidden values.

    `key` names what was graded and how (see `grade.key_of`): a run that finds it again is done.
    Source of the schema: Gradescope, Autograder Specifications, "Output Format".
    """
    document: dict[str, Any] = {
        "score": result.score,
        "output": plain(_headline(result)),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "stdout_visibility": "hidden",
        "visibility": "visible",
        "tests": [_test(number, one) for number, one in enumerate(result.checks, 1)],
        "extra_data": {
            OURS: {
                "submission": plain(result.submission),
                "sha256": result.sha256,
                "lab": plain(result.lab),
                "lab_version": result.lab_version,
                "verdict": str(result.verdict),
                "max_score": result.max_score,
                "key": key,
            }
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _headline(result: SubmissionResult) -> str:
    lines = [result.message] if result.message else []
    lines += [one.words for one in result.cell_errors]
    lines += result.notes
    if result.verdict != Verdict.GRADED and not result.message:
        lines.insert(0, str(result.verdict).capitalize() + ".")
    return "\n".join(lines)


def _test(number: int, one: CheckResult) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": plain(one.title),
        "number": str(number),
        "visibility": "visible",
        "output": plain(words_of(one)),
        "max_score": one.max_points if one.counts else 0.0,
        "score": one.points if one.counts else 0.0,
    }
    if one.counts:
        test["status"] = "passed" if one.outcome == "passed" else "failed"
    return test


def words_of(one: CheckResult) -> str:
    """What a student reads under a check: nothing when it passed, else why not.

    Hidden checks never say more than their hint.
    """
    if not one.counts:
        return one.hint or "not run: no GPU"
    if one.outcome == "passed":
        return ""
    fixed = {
        "timed out": "Took longer than the time limit.",
        "crashed": "The process that ran your code ended during this check.",
        "not run": "Not reached.",
        NOT_ASKED: "",
        "partial": "Passed in part.",
        "failed": "",
    }[one.outcome]
    parts = [fixed, one.hint, "" if one.hidden else one.detail]
    return " ".join(part for part in parts if part) or "Failed."
