"""`junit.xml`: the checks as test cases, for tools that read JUnit's format."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from introml.grader.results.gradescope import words_of
from introml.grader.results.results import SubmissionResult, Verdict
from introml.grader.text import one_line, plain


def junit_xml(result: SubmissionResult) -> bytes:
    """One suite: a case for each check, and one for the submission itself.

    A check that timed out or crashed is an error, one that needs a GPU where there is none is
    skipped, and a verdict other than graded is an error of the case "submission".
    """
    cases = [_submission_case(result)]
    counted = {"failures": 0, "errors": int(result.verdict != Verdict.GRADED), "skipped": 0}
    for check in result.checks:
        place = f"{result.lab}.{'hidden' if check.hidden else 'public'}"
        case = ET.Element("testcase", name=one_line(check.title), classname=one_line(place))
        kind, tag = _kind(check.outcome, check.counts)
        if tag:
            counted[kind] += 1
            words = plain(words_of(check))
            node = ET.SubElement(case, tag, message=one_line(words))
            if tag != "skipped":
                node.set("type", check.outcome)
                node.text = words
        cases.append(case)
    suite = ET.Element(
        "testsuite",
        {
            "name": one_line(result.submission),
            "tests": str(len(cases)),
            **{name: str(count) for name, count in counted.items()},
        },
    )
    suite.extend(cases)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _submission_case(result: SubmissionResult) -> ET.Element:
    case = ET.Element("testcase", name="submission", classname=one_line(result.lab))
    if result.verdict != Verdict.GRADED:
        words = plain(result.message or str(result.verdict))
        error = ET.SubElement(case, "error", message=one_line(words), type=str(result.verdict))
        error.text = words
    if result.cell_errors:
        words = "\n\n".join(one.words for one in result.cell_errors)
        ET.SubElement(case, "system-out").text = plain(words)
    return case


def _kind(outcome: str, counts: bool) -> tuple[str, str]:
    if not counts:
        return "skipped", "skipped"
    if outcome in ("failed", "partial"):
        return "failures", "failure"
    return ("errors", "error") if outcome != "passed" else ("", "")
