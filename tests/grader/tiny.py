"""The small lab that the grader's tests use, and notebooks of it: answered, changed, broken."""

import json
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

from introml.grader.authoring.release import solution_notebook, starter_notebook
from introml.grader.lab.lab import Lab, load_lab

#: Examples that Hypothesis tries in each test of hostile input; more of them make a soak.
EXAMPLES = int(os.environ.get("INTROML_EXAMPLES", "300"))
FOLDER = Path(__file__).parent / "labs" / "tiny"
#: Words that stand in the small lab's solutions and hidden checks, and nowhere else.
SECRETS = ("tiny_solution", "introml-canary-3f9c51d07a2be864", "loss_at_any_size", "steps_go_on")


@cache
def tiny() -> Lab:
    """The small lab, read once."""
    return load_lab(FOLDER)


def copy_of_tiny(folder: Path, **changes: Callable[[str], str]) -> Path:
    """A copy of the lab's folder, with files changed: `lab_md=lambda text: …`."""
    target = folder / "tiny"
    shutil.copytree(FOLDER, target, ignore=shutil.ignore_patterns("__pycache__"))
    for name, change in changes.items():
        path = target / name.replace("_md", ".md").replace("_toml", ".toml").replace("_py", ".py")
        path.write_text(change(path.read_text()))
    return target


def notebook(answered: bool = True) -> dict:
    """The solution or the starter as parsed JSON, to be changed."""
    return json.loads(solution_notebook(tiny()) if answered else starter_notebook(tiny()))


def cell_of(book: dict, ident: str) -> dict:
    """The cell with that grade_id."""
    return next(x for x in book["cells"] if grade_id(x) == ident)


def grade_id(cell: dict) -> str | None:
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def code_cell(source: str, **metadata) -> dict:
    """A cell such as a student adds."""
    return {
        "cell_type": "code", "metadata": metadata, "source": source, "outputs": [],
        "execution_count": None,
    }  # fmt: skip


def written(book: object) -> bytes:
    return json.dumps(book).encode()
