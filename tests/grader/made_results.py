"""Results of submissions for tests: one good example, and a Hypothesis strategy of hostile ones."""

from hypothesis import strategies as st

from introml.grader.results.results import (
    OUTCOMES,
    CellError,
    CheckResult,
    Flag,
    SubmissionResult,
    Verdict,
)

#: Any text at all, and the texts that have broken a writer somewhere.
HOSTILE = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(codec=None, categories=["Cc", "Cs", "Cn", "Cf"]), max_size=8),
    st.sampled_from(
        [
            "</pre><script>alert(1)</script>",
            '" onload="alert(1)',
            "]]></testcase>",
            "=HYPERLINK(1)",
            "+1",
            "-2",
            "@SUM(A1)",
            "\t=1+1",
            "\r\n=1",
            "|cmd",
            "＝1",
            'a","b',
            "{{ 7*7 }}",
            "{% raw %}",
            "\x1b[31mred\x1b[0m",
            "\x00",
            "\ud800",
            "\ufffe\uffff",
            "\U0001fffe",
            "abc\u202egnp.exe",
            "&lt;",
        ]
    ),
)

ANY_NUMBER = st.one_of(
    st.floats(),
    st.integers(),
    st.sampled_from(["10", None, True, 10**400, -(10**400), 1e308, [1], b"1"]),
)

CHECKS = st.builds(
    CheckResult,
    name=HOSTILE,
    title=HOSTILE,
    points=ANY_NUMBER,
    max_points=ANY_NUMBER,
    outcome=st.sampled_from(OUTCOMES),
    hint=HOSTILE,
    hidden=st.booleans(),
    tier=st.sampled_from(["cpu", "cuda"]),
    detail=HOSTILE,
    counts=st.booleans(),
)

RESULTS = st.builds(
    SubmissionResult,
    submission=HOSTILE,
    sha256=st.just("ab" * 32),
    lab=HOSTILE,
    lab_version=st.just("cd" * 32),
    seed=st.integers(0, 2**63 - 1),
    verdict=st.sampled_from(list(Verdict)),
    message=HOSTILE,
    checks=st.lists(CHECKS, max_size=4),
    notes=st.lists(HOSTILE, max_size=2),
    flags=st.lists(st.builds(Flag, kind=HOSTILE, evidence=HOSTILE), max_size=2),
    cell_errors=st.lists(
        st.builds(CellError, cell=HOSTILE, message=HOSTILE),
        max_size=2,
    ),
    public_output=HOSTILE,
)


def result(**changes) -> SubmissionResult:
    """An ordinary graded submission: one check passed, one hidden one failed, one not run."""
    fields = {
        "submission": "ada",
        "sha256": "ab" * 32,
        "lab": "tiny",
        "lab_version": "cd" * 32,
        "seed": 987654321,
        "verdict": Verdict.GRADED,
        "message": "",
        "checks": [
            CheckResult("mean", "The loss is a mean", 2, 2, "passed"),
            CheckResult("odd", "Odd sizes", 0, 3, "failed", "Look at n.", True, detail="SECRET"),
            CheckResult("gpu", "Runs on a GPU", 0, 4, "not run", tier="cuda", counts=False),
        ],
        "notes": ["Cell 'data' was changed, and is graded as it was released."],
        "flags": [Flag("uses ctypes", "cell 'loss', line 3: import ctypes")],
        "cell_errors": [CellError("Cell 'loss'", "NameError: name 'y' is not defined, line 2")],
        "public_output": "loss 0.5\n",
        "measured": {"wall_s": 0.25},
        "teacher": {"traceback": "TRACEBACK"},
    }
    return SubmissionResult(**fields | changes)
