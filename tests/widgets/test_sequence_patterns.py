"""The toys that SequencePatterns ships, against Python that knows no steps."""

import random
import string

import pytest

from introml.widgets.sequence_patterns import PATTERNS, SequencePatterns

ALPHABETS = {
    "one_to_one": string.ascii_lowercase,
    "one_to_many": string.digits,
    "many_to_one": "()",
    "many_to_many": string.digits,
    "read_then_write": string.ascii_lowercase,
}
MOST = {
    "one_to_one": 1, "one_to_many": 1, "many_to_one": 8, "many_to_many": 8, "read_then_write": 7,
}  # fmt: skip


def balanced(brackets: str) -> bool:
    """By taking out pairs until none is left."""
    while "()" in brackets:
        brackets = brackets.replace("()", "")
    return brackets == ""


def expected_outputs(pattern: str, text: str) -> list[str]:
    if pattern == "one_to_one":
        return ["vowel" if text in set("aeiou") else "consonant"]
    if pattern == "one_to_many":
        return [str(n) for n in reversed(range(int(text) + 1))]
    if pattern == "many_to_one":
        return ["balanced" if balanced(text) else "not"]
    if pattern == "many_to_many":
        return [str(sum(map(int, text[: end + 1]))) for end in range(len(text))]
    return list(text[::-1])


@pytest.fixture(scope="module")
def cases():
    draw = random.Random(0)
    made = []
    for i in range(1500):
        pattern = PATTERNS[i % len(PATTERNS)]
        letters = draw.choices(ALPHABETS[pattern], k=draw.randint(1, MOST[pattern]))
        made.append((pattern, "".join(letters)))
    return made


def test_every_toy_gives_what_python_gives(run_model, cases):
    verdicts = set()
    for case, steps in zip(cases, run_model("SequencePatterns", "run", cases), strict=True):
        outputs = [step["output"] for step in steps if step["output"]]
        assert outputs == expected_outputs(*case), case
        if case[0] == "many_to_one":
            verdicts |= set(outputs)
    assert verdicts == {"balanced", "not"}


def test_inputs_and_outputs_come_at_the_steps_of_their_pattern(run_model, cases):
    for (pattern, text), steps in zip(
        cases, run_model("SequencePatterns", "run", cases), strict=True
    ):
        reads = [bool(step["input"]) for step in steps]
        writes = [bool(step["output"]) for step in steps]
        n = len(text)
        timing = {
            "one_to_one": ([True], [True]),
            "one_to_many": ([True] + [False] * (len(steps) - 1), [True] * len(steps)),
            "many_to_one": ([True] * n, [False] * (n - 1) + [True]),
            "many_to_many": ([True] * n, [True] * n),
            "read_then_write": (
                [True] * (n + 1) + [False] * (n - 1), [False] * n + [True] * n,
            ),
        }[pattern]  # fmt: skip
        assert (reads, writes) == timing


def test_the_step_depends_on_the_state_and_the_input_alone(run_model, cases):
    """Wherever two steps of a toy agree in the state before and the input, they agree after."""
    seen = {}
    for (pattern, _), steps in zip(cases, run_model("SequencePatterns", "run", cases), strict=True):
        before = "begin"
        for at, step in enumerate(steps):
            key = (pattern, before, step["input"])
            # Brackets answer at the last step only: whether it is the last is not in the state.
            last = at == len(steps) - 1
            after = (step["state"], step["output"], last if pattern == "many_to_one" else None)
            if pattern == "many_to_one":
                key = (*key, last)
            assert seen.setdefault(key, after) == after
            before = step["state"]


def test_what_a_toy_cannot_read_is_left_out(run_model):
    asked = [
        ("many_to_many", "3a1 4"), ("read_then_write", "Hello!"), ("one_to_many", "x"),
        ("many_to_one", "((((((((((("), ("one_to_one", "ZEBRA"),
    ]  # fmt: skip
    assert run_model("SequencePatterns", "readable", asked) == [
        "314", "hello", "4", "((((((((", "z",
    ]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_example_can_be_read_whole(run_model, pattern):
    [example] = run_model("SequencePatterns", "exampleOf", [(pattern,)])
    assert run_model("SequencePatterns", "readable", [(pattern, example)]) == [example]
    assert run_model("SequencePatterns", "mostOf", [(pattern,)]) == [MOST[pattern]]
    assert SequencePatterns(pattern=pattern, text=example).text == example
