"""What is wrong with a graded notebook of the corpus: nothing, or sentences."""

from __future__ import annotations

from typing import Any

from .entries import Entry


def problems(one: Entry, found: dict[str, Any]) -> list[str]:
    """Where the grader's result, and the student's own verdicts, are not what they should be."""
    wrong = []
    told = " ".join(found["told"])
    refused = found["verdict"] == "invalid"
    if found["verdict"] == "fault":
        wrong.append(f"is a grader fault: {found['fault'][-600:]}")
    if one.refused is not None and refused != one.refused:
        wrong.append(f"is {'' if refused else 'not '}refused: {told[:300]}")
    says = one.says if refused or one.refused is False else ()
    for words in says:
        if words.lower() not in told.lower():
            wrong.append(f"does not say {words!r}, but: {told[:400]}")
    if refused or one.refused:
        return wrong
    lost = sorted(name for name, outcome in found["outcomes"].items() if outcome != "passed")
    if found["verdict"] != "graded":
        wrong.append(f"ends as {found['verdict']}: {told[:300]}")
    elif lost != sorted(found["lost"]):
        wrong.append(f"loses {lost}, not {sorted(found['lost'])}; told: {told[:400]}")
    kinds = sorted({kind for kind, _ in found["flags"]})
    if kinds != sorted(one.flags):
        wrong.append(f"is flagged {found['flags'][:4]}, wanted are {list(one.flags)}")
    return wrong


def differences(found: dict[str, Any]) -> list[str]:
    """Checks whose verdict at home is another one than when graded."""
    home = found.get("home")
    if home is None:
        return []
    if "problem" in home:
        return [f"has no verdict at home: {home['problem']}"]
    wrong = []
    for name in found["public"]:
        here, there = home[name] == "passed", found["outcomes"].get(name) == "passed"
        if name in found["outcomes"] and here != there:
            wrong.append(f"{name} {home[name]} at home, {found['outcomes'][name]} when graded")
    return wrong
