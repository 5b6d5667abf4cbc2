"""Attacks, graded as real submissions: each scores what it honestly earned, and learns nothing.

One run of `introml grade` over all of attacks/ and over files that are no notebooks, with honest
submissions before, beside and after them. Where the kernel offers no sandbox this fails.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny import cell_of, code_cell, copy_of_tiny, written

from introml.grader.authoring.release import solution_notebook, starter_notebook
from introml.grader.lab.lab import load_lab
from introml.grader.results.results import Verdict, canonical, from_json

ATTACKS = Path(__file__).parent / "attacks"
SEED = "20270110"
#: In the environment of the grader, and in the hidden checks: code, comment, docstring, exception.
CANARIES = [f"introml-canary-{number:02d}{number * 7919:012x}" for number in range(1, 6)]
#: An expected value of a hidden check: the digits that it begins with.
EXPECTED = "48151623.4"
POINTS = 14.0
HONEST = ("aa-honest", "honest", "zz-honest")

CLASSIFY = '''
```{code-cell} ipython3
:grade_id: given
:tags: [locked]

import numpy as np

def given_scale(x):
    """A given function that the next cell uses."""
    return x / x.abs().max()
```

```{code-cell} ipython3
:grade_id: classify
:tags: [answer]

def classify(x, labels, new):
    """Learn two classes from x (n, 2) and labels (n,); return the class of each of new (m, 2)."""
    ### BEGIN SOLUTION hint: The nearer mean.
    means = torch.stack([x[labels == label].mean(0) for label in (0, 1)])
    return torch.cdist(new, means).argmin(1)
    ### END SOLUTION
```
'''

HIDDEN = f'''

# {CANARIES[1]}
import numpy as np

from introml.grader.checks.checks import require
from introml.grader.checks.learning import assert_learns

SECRET = "{CANARIES[2]}"


@check(points=1, title="The loss of one point, to many digits")
def loss_of_one_point(submission, rng):
    """{CANARIES[3]}"""
    w, x = torch.zeros(1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    y = -torch.full((1,), {EXPECTED}, dtype=torch.float64).sqrt()
    expected = y[0] ** 2
    answer = submission.loss(w, x, y)
    require(answer.equal(expected) or abs(answer.item() - expected.item()) < 1e-3, "It differs.")


@check(points=1, title="The training's losses fall")
def training_falls(submission, rng):
    losses = submission.experiment("training")
    require(type(losses) is list and losses[-1] < losses[0], "The losses do not fall.")


@check(points=1, title="Classes are learnt from their labels")
def classes_are_learnt(submission, rng):
    def accuracy(seed):
        swap = int(rng.integers(2))
        labels, new = randint(rng, 0, 2, 60), randint(rng, 0, 2, 200)
        shift = 6.0 * (1 - 2 * swap)

        def points(classes):
            return randn(rng, len(classes), 2) + shift * (classes[:, None] - 0.5)

        found = submission.classify(points(labels), labels, points(new))
        require(type(found) is torch.Tensor and found.shape == new.shape, "One class a row.")
        return (found == new).double().mean().item()

    assert_learns(accuracy, rng, threshold=0.95, miss=1e-4, runs=5, needed=5, hint="Too few.")


@check(points=1, title="A check that trips over what it was given")
def trips(submission, rng):
    answer = submission.loss(*(torch.ones(3), torch.ones(2, 3), torch.ones(2)))
    secret = SECRET
    if type(answer) is not torch.Tensor or answer.item() != 4.0:
        raise ValueError(f"{CANARIES[4]} {{secret}} {{answer}}")
'''


def attacked_lab(folder: Path) -> Path:
    return copy_of_tiny(
        folder,
        lab_md=lambda text: text.replace("\nTry it on data", CLASSIFY + "\nTry it on data"),
        lab_toml=lambda text: (
            text.replace("wall_s = 30", "wall_s = 12")
            .replace("check_s = 5", "check_s = 2")
            .replace("memory_mb = 1500", "memory_mb = 400")
        ),
        hidden_checks_py=lambda text: text + HIDDEN,
    )


def attack_notebook(text: str, lab) -> bytes:
    """The starter with an attack's cells: answers replaced, helper cells before and after."""
    book = json.loads(starter_notebook(lab))
    for part in re.split(r"^# %% ", text, flags=re.MULTILINE)[1:]:
        place, _, source = part.partition("\n")
        if place == "before":
            at = next(n for n, one in enumerate(book["cells"]) if one is cell_of(book, "imports"))
            later = [one for one in book["cells"][at + 1 :] if one.get("id", "").startswith("mine")]
            book["cells"].insert(at + 1 + len(later), mine(source, len(book["cells"])))
        elif place == "after":
            book["cells"].append(mine(source, len(book["cells"])))
        else:
            cell_of(book, place)["source"] = source
    return written(book)


def mine(source: str, number: int) -> dict:
    return code_cell("import numpy as np\n" + source) | {"id": f"mine{number}"}


def declared(text: str) -> tuple[str, float]:
    verdict = re.search(r"^Verdict: (.*)$", text, re.MULTILINE)
    score = re.search(r"^Score: (.*)$", text, re.MULTILINE)
    return verdict[1] if verdict else "graded", float(score[1]) if score else 0.0


def changed(lab, change) -> bytes:
    book = json.loads(solution_notebook(lab))
    return written(change(book) or book)


def files(lab) -> dict[str, tuple[bytes, str, float | None]]:
    """Notebooks that are odd as files: bytes, verdict, score (None: all that there is)."""

    def answers_twice(book):
        book["cells"].append(dict(cell_of(book, "loss")))

    def no_answer(book):
        book["cells"].remove(cell_of(book, "gradient"))

    def more_points(book):
        for cell in book["cells"]:
            about = cell["metadata"].setdefault("nbgrader", {})
            about.update({"points": 1e9, "locked": False, "solution": False, "grade": True})
        book["metadata"]["introml"] = {"lab": "tiny", "version": "x" * 10_000, "score": 99}

    def locked_changed(book):
        cell_of(book, "imports")["source"] = "torch = None\nraise SystemExit"
        cell_of(book, "given")["source"] = "def given_scale(x): return 0"

    def no_experiment(book):
        book["cells"].remove(cell_of(book, "training"))

    def blanks(book):
        book["cells"].append(code_cell("x = 1\n" + " " * 250_000 + "$"))

    def f_strings(book):
        book["cells"].append(code_cell("x = f'" + "{1}" * 6000 + "'\n"))

    def stars(book):
        names = "\n".join(f"from m{n} import *" for n in range(5000))
        book["cells"].append(code_cell(names + "\n" + "f()\n" * 3000))

    whole = solution_notebook(lab)
    return {
        "twice": (changed(lab, answers_twice), "graded", None),
        "missing": (changed(lab, no_answer), "graded", 7),
        "points": (changed(lab, more_points), "graded", None),
        "locked": (changed(lab, locked_changed), "graded", None),
        "no-experiment": (changed(lab, no_experiment), "graded", 13),
        "blanks": (changed(lab, blanks), "graded", None),
        "f-strings": (changed(lab, f_strings), "graded", None),
        "stars": (changed(lab, stars), "graded", None),
        "bom": (b"\xef\xbb\xbf" + whole, "graded", None),
        "utf-16": (whole.decode().encode("utf-16"), "graded", None),
        "deep": (b'{"cells":' + b"[" * 400_000, "invalid", 0),
        "deep-closed": (b"[" * 200_000 + b"]" * 200_000, "invalid", 0),
        "million-cells": (b'{"nbformat":4,"cells":[' + b"{}," * 1_000_000 + b"{}]}", "invalid", 0),
        "one-string": (b'{"nbformat":4,"cells":["' + b"\\u0041" * 1_500_000 + b'"]}', "invalid", 0),
        "long-number": (b'{"nbformat":' + b"9" * 9_000_000 + b"}", "invalid", 0),
        "too-big": (b" " * 11_000_000, "invalid", 0),
        "empty": (b"", "invalid", 0),
        "pickle": (b"\x80\x04cos\nsystem\n(S'true'\ntR.", "invalid", 0),
        "=cmd()|' !A0": (whole, "graded", None),
        "<script>alert(1)<": (whole, "graded", None),
        "\x1b[2J\x1b]0;x\x07[red]": (whole, "graded", None),
        "..": (whole, "graded", None),
        "\u202egpj.x": (whole, "graded", None),
    }


def odd_files(folder: Path, secret: Path) -> list[str]:
    """Things with a notebook's name that are no files: not to be followed or waited for."""
    (folder / "link.ipynb").symlink_to(secret)
    (folder / "zero.ipynb").symlink_to("/dev/zero")
    (folder / "loop.ipynb").symlink_to("loop.ipynb")
    os.mkfifo(folder / "pipe.ipynb")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket.ipynb"))
    return ["link", "zero", "loop", "pipe", "socket"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("attacks")
    lab_folder = attacked_lab(place)
    lab = load_lab(lab_folder)
    handed, alone = place / "in", place / "alone"
    handed.mkdir()
    alone.mkdir()
    right = solution_notebook(lab)
    for name in HONEST:
        (handed / f"{name}.ipynb").write_bytes(right)
    (alone / "honest.ipynb").write_bytes(right)
    expected = {}
    for path in attack_paths():
        (handed / f"{path.stem}.ipynb").write_bytes(attack_notebook(path.read_text(), lab))
        expected[path.stem] = declared(path.read_text())
    most = POINTS
    for name, (data, verdict, score) in files(lab).items():
        (handed / f"{name}.ipynb").write_bytes(data)
        expected[name] = (verdict, most if score is None else float(score))
    secret = place / "secret"
    secret.write_bytes(right)
    expected |= dict.fromkeys(odd_files(handed, secret), ("invalid", 0.0))
    began, said = time.monotonic(), []
    for source, out in ((handed, place / "out"), (alone, place / "out-alone")):
        command = [sys.executable, "-m", "introml.command", "grade", lab_folder, source]
        ended = subprocess.run(
            [*map(str, command), "--out", str(out), "--seed", SEED, "--jobs", "4"],
            capture_output=True,
            text=True,
            timeout=600,
            env=os.environ | {"GRADER_TOKEN": CANARIES[0]},
        )
        said.append(ended)
    seconds = time.monotonic() - began
    found = {}
    for folder in (place / "out").iterdir():
        if (folder / "teacher.json").is_file():
            node = json.loads((folder / "teacher.json").read_text())
            name = Path(node["source"]).name.removesuffix(".ipynb")
            found[name] = SimpleNamespace(folder=folder, result=from_json(node["result"]))
    node = json.loads((place / "out-alone" / "honest" / "teacher.json").read_text())
    lone = from_json(node["result"])
    return SimpleNamespace(
        found=found, expected=expected, lone=lone, seconds=seconds, place=place, said=said
    )


@cache
def attack_paths() -> list[Path]:
    return sorted(ATTACKS.glob("*.py"))


def test_each_gets_exactly_what_it_earned(run):
    got = {name: (str(one.result.verdict), one.result.score) for name, one in run.found.items()}
    assert {name: got[name] for name in got if name not in HONEST} == run.expected


def test_the_grader_itself_did_not_fail(run):
    assert [one.returncode for one in run.said] == [0, 0], run.said[0].stderr


def test_honest_submissions_beside_them_get_the_same_as_alone(run):
    alone = canonical(replace(run.lone, submission=""))
    assert (run.lone.verdict, run.lone.score) == (Verdict.GRADED, POINTS)
    for name in HONEST:
        assert canonical(replace(run.found[name].result, submission="")) == alone, name


def students_bytes(one) -> bytes:
    data = [
        path.read_bytes() for path in sorted(one.folder.iterdir()) if path.name != "teacher.json"
    ]
    return b"\n".join(data) + one.result.public_output.encode()


def test_no_secret_is_in_what_a_student_can_see(run):
    seed = (SEED, f'"seed": {SEED}')
    for name, one in run.found.items():
        seen = students_bytes(one).decode(errors="replace")
        for secret in (
            *CANARIES,
            EXPECTED,
            "introml-canary",
            "LEAKED",
            *seed,
            str(run.place),
        ):
            assert secret not in seen, (name, secret)


@pytest.mark.parametrize("path", attack_paths(), ids=lambda path: path.stem)
def test_the_attack_was_made(run, path):
    """An attack that fails for a slip of its own would prove nothing."""
    text, one = path.read_text(), run.found[path.stem]
    if "attempted" in text:
        assert "attempted" in one.result.public_output, one.result.cell_errors
    slips = [error.message for error in one.result.cell_errors if "SyntaxError" in error.message]
    assert not slips or path.stem == "compile_time"
    assert re.match('"""[A-Z]', text)


def output_of(run, name: str) -> str:
    return run.found[name].result.public_output


def test_what_they_found_is_nothing(run):
    assert "found set()" in output_of(run, "reads_the_disk")
    assert "attempted set() []" in output_of(run, "walks_through_memory")
    assert "reached []" in output_of(run, "network")
    assert "won []" in output_of(run, "changes_its_own_limits")
    assert "won []" in output_of(run, "shared_ipc")
    assert "stale []" in output_of(run, "plants_for_others_harvest")
    assert "attempted 0" in output_of(run, "second_copies")
    assert "FOUND" not in output_of(run, "guesses_the_seed")
    assert "TOKEN" not in output_of(run, "guesses_the_seed")
    assert "attempted True" in output_of(run, "fork_bomb")
    assert not Path("/tmp/introml-pwned").exists()


def test_what_hides_an_answer_is_flagged_for_a_person(run):
    for name in ("library_answers", "walks_through_memory", "takes_over_the_worker",
                 "redefines_given_code", "patched_torch"):  # fmt: skip
        kinds = {flag.kind for flag in run.found[name].result.flags}
        assert kinds & {"suspicious code", "called a library's answer", "odd behaviour"}, name
    flags = run.found["redefines_given_code"].result.flags
    assert any("gives as given_scale" in flag.evidence for flag in flags)
    calls = run.found["library_answers"].result.flags
    assert sum(flag.kind == "called a library's answer" for flag in calls) >= 2


def test_pages_and_tables_hold_no_code_of_theirs(run):
    for one in run.found.values():
        page = (one.folder / "feedback.html").read_text()
        assert "<script" not in page.lower()
        assert "<img" not in page.lower()
        for name in ("feedback.html", "junit.xml", "results.json"):
            text = (one.folder / name).read_text()
            assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", text), (one.folder, name)
    rows = (run.place / "out" / "grades.csv").read_text()
    assert not re.search(r'(^|,)"?[=+@]', rows, re.MULTILINE)
    assert "\x1b" not in rows + "".join(one.stdout for one in run.said)


def test_nothing_is_left_running_or_lying_about(run):
    left = [
        pid
        for pid in filter(str.isdigit, os.listdir("/proc"))
        if str(run.place / "tiny").encode() in cmdline(pid)
    ]
    assert left == []


def cmdline(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_the_run_is_quick(run):
    print(f"{len(run.found)} submissions in {run.seconds:.0f} s")
    assert len(run.found) == len(run.expected) + len(HONEST)
