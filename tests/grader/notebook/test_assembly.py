"""Cells that an editor split, copied, merged, retyped, hid or stripped of their marks."""

import itertools
import json

import pytest
import torch
from cpu_work import units_of_work
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import EXAMPLES, cell_of, code_cell, copy_of_tiny, grade_id, notebook, tiny, written

from introml.grader.lab.lab import load_lab
from introml.grader.notebook.notebook import Submitted, read_submission
from introml.grader.notebook.released import released_from

SOLUTIONS = {name: cell.solution for name, cell in tiny().answers.items()}
BOTH = pytest.mark.parametrize("where", ["graded", "at home"])


def outline(where):
    """The lab as a grader has it, or as its released notebook tells it."""
    return tiny() if where == "graded" else released_from(notebook()["metadata"])


def read(book, where="graded") -> Submitted:
    result = read_submission(written(book), outline(where))
    assert isinstance(result, Submitted), result
    return result


def run(result: Submitted) -> dict:
    """The names that the notebook's cells leave behind, run from the top in plain Python."""
    names: dict = {}
    for cell in result.cells:
        try:
            exec(compile(cell.source, cell.id, "exec"), names)
        except Exception as error:
            names.setdefault("errors", []).append((cell.id, error))
    return names


def text(cell) -> str:
    return "".join(cell["source"])


def after(book, ident, *cells):
    place = book["cells"].index(cell_of(book, ident)) + 1
    book["cells"][place:place] = list(cells)


def split(book, ident, *cuts):
    """The answer in parts, as editors split a cell: each keeps the marks and gets an id."""
    cell = cell_of(book, ident)
    lines = text(cell).split("\n")
    bounds = [0, *cuts, len(lines)]
    parts = ["\n".join(lines[a:b]) for a, b in itertools.pairwise(bounds)]
    cell["source"] = parts[0]
    after(book, ident, *(dict(cell, id=f"new{n}", source=one) for n, one in enumerate(parts[1:])))


def both_functions(book):
    """Two answers' functions in the one cell."""
    cell_of(book, "loss")["source"] = SOLUTIONS["loss"] + "\n\n\n" + SOLUTIONS["gradient"]
    return book


@BOTH
def test_a_cell_split_between_functions_is_graded_in_both_parts(where):
    book = both_functions(notebook())
    cell_of(book, "gradient")["source"] = "gradient_again = gradient"
    split(book, "loss", text(cell_of(book, "loss")).split("\n").index("def gradient(w, x, y):"))
    result = read(book, where)
    names = run(result)
    assert "errors" not in names
    assert {"loss", "gradient", "gradient_again"} <= names.keys()
    assert [one.id for one in result.cells][1:3] == ["loss", "loss (part 2)"]
    assert result.notes == (
        "The answer cell 'loss' is in 2 parts (cells 4 and 5, counted from the top); they are "
        "graded together, in this order.",
    )
    assert result.flags == ()


@BOTH
@pytest.mark.parametrize("cuts", [(1,), (2,), (3,), (1, 2), (1, 2, 3), (2, 3)])
def test_a_cell_split_within_a_function_is_put_together(where, cuts):
    book = notebook()
    split(book, "loss", *cuts)
    result = read(book, where)
    assert "errors" not in run(result)
    assert [one.source for one in result.cells] == [one.source for one in read(notebook()).cells]
    assert "is in" in result.notes[0]


@BOTH
def test_a_second_half_that_lost_its_marks_is_put_together_too(where):
    book = notebook()
    split(book, "loss", 2)
    book["cells"][4]["metadata"] = {}
    result = read(book, where)
    assert [one.source for one in result.cells] == [one.source for one in read(notebook()).cells]
    assert result.notes == (
        "Cell 5 goes on with the answer cell 'loss'; they are graded together.",
    )


@BOTH
@pytest.mark.parametrize("place", ["before", "after"])
def test_an_untouched_copy_undoes_no_answer(where, place):
    book = notebook()
    starter = dict(cell_of(book, "gradient"), id="copy", source=tiny().answers["gradient"].starter)
    if place == "after":
        book["cells"].append(starter)
    else:
        book["cells"].insert(0, starter)
    result = read(book, where)
    assert [one.source for one in result.cells] == [one.source for one in read(notebook()).cells]
    number = len(book["cells"]) if place == "after" else 1
    assert result.notes == (
        f"An untouched copy of the answer cell 'gradient' (cell {number}) is left out.",
    )
    assert result.flags == ()


@BOTH
def test_an_equal_copy_changes_nothing(where):
    book = notebook()
    copy = dict(cell_of(book, "gradient"), id="copy", source=SOLUTIONS["gradient"] + "  \r\n\r\n")
    book["cells"].append(copy)
    result = read(book, where)
    assert result.cells == read(notebook()).cells
    assert "A second, equal copy of the answer cell 'gradient'" in result.notes[0]


def test_an_answer_that_the_student_went_back_to_counts():
    book = notebook()
    other = "def loss(w, x, y):\n    return 2"
    for source in (other, SOLUTIONS["loss"]):
        book["cells"].append(dict(cell_of(book, "loss"), source=source))
    assert run(read(book))["loss"](torch.zeros(2), torch.ones(3, 2), torch.ones(3)) == 1


@BOTH
def test_of_two_different_answers_the_last_counts_and_a_person_is_told(where):
    book = notebook()
    cell_of(book, "loss")["source"] = "def loss(w, x, y):\n    return 1"
    book["cells"].append(dict(cell_of(book, "loss"), source="def loss(w, x, y):\n    return 2"))
    result = read(book, where)
    assert run(result)["loss"](0, 0, 0) == 2
    assert "with different content (cells 4 and 14, counted from the top)" in result.notes[0]
    assert "delete it and hand in again" in result.notes[0]
    assert result.flags == (
        "The answer cell 'loss' is there 2 times (cells 4 and 14); the last counts.",
    )


@BOTH
def test_a_deleted_answer_costs_that_answer(where):
    book = notebook()
    book["cells"].remove(cell_of(book, "gradient"))
    result = read(book, where)
    assert [one.id for one in result.cells] == ["imports", "loss", "descent"]
    assert result.missing == ("gradient",)
    assert result.notes[0].startswith("The answer cell 'gradient' is missing, so nothing of it is")
    assert "from a fresh copy of the lab's notebook into yours" in result.notes[0]


@BOTH
def test_several_deleted_answers_are_told_in_one_sentence(where):
    book = notebook()
    for ident in ("loss", "gradient"):
        book["cells"].remove(cell_of(book, ident))
    result = read(book, where)
    assert result.missing == ("loss", "gradient")
    (note,) = (one for one in result.notes if "missing" in one)
    assert note.startswith("The answer cells 'loss' and 'gradient' are missing, so nothing of them")


@BOTH
def test_a_deleted_answer_that_was_typed_anew_is_known_by_its_name(where):
    book = notebook()
    book["cells"].remove(cell_of(book, "gradient"))
    after(book, "loss", code_cell("# mine\n" + SOLUTIONS["gradient"]))
    result = read(book, where)
    assert [one.id for one in result.cells] == ["imports", "loss", "gradient", "descent"]
    assert result.missing == ()
    assert result.notes[0] == (
        "The marks of the answer cell 'gradient' are lost; it is known by what it defines."
    )
    assert result.flags == ("Cells without their marks, told by their content: 'gradient'.",)


@BOTH
def test_an_untouched_cell_does_not_undo_what_was_typed_above_it(where):
    book = notebook()
    cell_of(book, "loss")["source"] = tiny().answers["loss"].starter
    after(book, "imports", code_cell(SOLUTIONS["loss"]))
    result = read(book, where)
    assert run(result)["loss"].__code__.co_filename == "cell 3"
    assert "what cell 3 defines counts in its place" in result.notes[0]


@BOTH
@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_an_answer_that_became_text_is_graded_as_code(where, kind):
    book = notebook()
    cell_of(book, "loss")["cell_type"] = kind
    result = read(book, where)
    assert result.cells == read(notebook()).cells
    assert "press Esc and then Y" in result.notes[0]


def test_text_is_no_answer_where_there_is_code_or_no_python():
    book = notebook()
    kept = dict(cell_of(book, "loss"), cell_type="raw", source="def loss(w, x, y):\n    return 0")
    after(book, "loss", kept)
    assert read(book).cells == read(notebook()).cells
    book = notebook()
    cell_of(book, "loss").update(cell_type="markdown", source="I did not get to the *loss*.")
    assert read(book).missing == ("loss",)


@BOTH
def test_answers_merged_into_one_cell_are_both_graded(where):
    book = both_functions(notebook())
    book["cells"].remove(cell_of(book, "gradient"))
    result = read(book, where)
    assert {"loss", "gradient", "Descent"} <= run(result).keys()
    assert result.missing == ()
    assert result.notes == (
        "The answer cell 'gradient' is not there, but the cell 'loss' has what it was to define, "
        "and is graded for it.",
    )


def stripped(book):
    for number, cell in enumerate(book["cells"]):
        cell["metadata"] = {}
        cell["id"] = f"{number:08x}"
    book["metadata"] = {}
    return book


@BOTH
def test_cells_without_any_mark_are_known_by_their_content(where):
    result = read(stripped(notebook()), where)
    whole = read(notebook())
    assert result.cells == whole.cells
    assert result.experiments == whole.experiments
    assert len(result.flags) == 1


def test_other_cells_without_marks_stay_the_students_own():
    book = stripped(notebook())
    book["cells"].insert(3, code_cell("import math\n\n\ndef half(x):\n    return x / 2"))
    result = read(book)
    assert [one.id for one in result.cells if one.kind == "helper"] == ["cell 4"]


def test_random_ids_and_no_ids_change_nothing():
    book = notebook()
    for number, cell in enumerate(book["cells"]):
        cell["id"] = f"{number:08x}"
    assert read(book) == read(notebook())
    for cell in book["cells"]:
        del cell["id"]
    assert read(book) == read(notebook())


def test_a_notebook_of_format_3_is_read():
    book = notebook()
    cells = []
    for cell in book["cells"]:
        one = {**cell, "source": text(cell)}
        if cell["cell_type"] == "code":
            one["input"] = one.pop("source")
        cells.append(one)
    old = {"nbformat": 3, "metadata": book["metadata"], "worksheets": [{"cells": cells}]}
    assert read(old) == read(book)


@pytest.mark.parametrize("version", [4.0, 5, True, None, "4"])
def test_what_counts_is_that_there_are_cells(version):
    assert read(notebook() | {"nbformat": version}) == read(notebook())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_every_encoding_in_which_a_notebook_is_saved_is_read(encoding):
    book = notebook()
    cell_of(book, "loss")["source"] = SOLUTIONS["loss"] + "  # größer"
    data = json.dumps(book, ensure_ascii=False).replace("ŷ", "y").encode(encoding)
    result = read_submission(data, tiny())
    assert isinstance(result, Submitted)
    assert result.cells[1].source.endswith("# größer")
    assert [note for note in result.notes if "not in UTF-8" in note] == (
        [result.notes[0]] if encoding == "cp1252" else []
    )


def test_a_wrong_byte_in_a_text_costs_no_letters_elsewhere():
    book = notebook()
    cell_of(book, "loss")["source"] = SOLUTIONS["loss"] + "  # größer, größer, größer, größer"
    book["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "here: @@"})
    data = json.dumps(book, ensure_ascii=False).encode().replace(b"@@", b"\xe2\x82")
    result = read_submission(data, tiny())
    assert result.cells[1].source.endswith("größer")
    assert "not in UTF-8" in result.notes[0]


@pytest.mark.parametrize("rest", [b"\0" * 5000, b"\n}\n", b" \xff", b"\n\n"])
def test_what_a_disk_left_behind_a_notebook_costs_nothing(rest):
    result = read_submission(written(notebook()) + rest, tiny())
    assert isinstance(result, Submitted)
    assert result.cells == read(notebook()).cells


ODD = {
    "NUL": ({"source": "x = 1\ny = '\0'"}, "Cell 'loss', line 2 has a character that is not text"),
    "half a character": ({"source": "x = '\ud800'"}, "Cell 'loss', line 1 has a character that"),
    "a number as source": ({"source": 1}, "Cell 4 has no text that can be read"),
    "numbers as lines": ({"source": ["a", 1]}, "Cell 4 has no text that can be read"),
    "nothing": ({"source": None}, "Cell 4 has no text that can be read"),
    "too much": ({"source": "x = 1\n" * 100_000}, "Cell 'loss' is left out: a notebook may have"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_bad_cell_costs_that_cell(name):
    change, said = ODD[name]
    book = notebook()
    cell_of(book, "loss").update(change)
    result = read(book)
    assert [one.id for one in result.cells if one.source] == ["imports", "gradient", "descent"]
    assert said in result.notes[0]
    assert result.notes[0].isprintable()


def test_what_is_no_cell_is_left_out():
    book = notebook()
    book["cells"].insert(1, None)
    book["cells"].append("x")
    result = read(book)
    assert [(x.id, x.source) for x in result.cells] == [
        (x.id, x.source) for x in read(notebook()).cells
    ]


def test_answers_go_before_a_flood_of_other_code():
    book = notebook()
    book["cells"].insert(1, code_cell("data = '" + "x" * 290_000 + "'"))
    book["cells"].insert(2, code_cell("data = '" + "y" * 290_000 + "'"))
    result = read(book)
    ids = [one.id for one in result.cells]
    assert {"loss", "gradient", "descent", "cell 2"} <= set(ids)
    assert "cell 3" not in ids
    assert "Cell 3 is left out" in result.notes[0]


def test_a_question_that_a_notebook_was_released_without_is_named(tmp_path):
    asked = (
        "```{code-cell} ipython3\n:grade_id: rate\n:tags: [answer]\n\ndef rate():\n"
        "    ### BEGIN SOLUTION hint: Small.\n    return 0.1\n    ### END SOLUTION\n```\n\n"
    )
    lab = load_lab(copy_of_tiny(tmp_path, lab_md=lambda x: x.replace("## Steps", asked + "## S")))
    result = read_submission(written(notebook()), lab)
    assert result.missing == ("rate",)
    assert any("asks for 'rate' since your notebook was released" in x for x in result.notes)
    assert "before 'rate' was asked for" in result.flags[0]
    assert {"loss", "gradient", "descent"} <= {one.id for one in result.cells}


def test_two_thousand_copies_take_no_time():
    book = notebook()
    copies = [
        dict(cell_of(book, "loss"), source=f"def loss(:\n  {n}" + "x" * 4000) for n in range(1900)
    ]
    book["cells"] += copies
    results = []
    assert units_of_work(lambda: results.append(read(book))) < 2000
    assert results[0].cells


@st.composite
def edited(draw):
    """A solved notebook after some edits that lose nothing."""
    book = notebook()
    for _ in range(draw(st.integers(1, 6))):
        how = draw(st.sampled_from(["split", "copy", "starter", "move", "strip", "id", "scratch"]))
        cells = book["cells"]
        place = draw(st.integers(0, len(cells) - 1))
        cell = cells[place]
        if how == "split":
            lines = text(cell).split("\n")
            cut = draw(st.integers(0, len(lines)))
            second = json.loads(json.dumps(cell)) | {"source": "\n".join(lines[cut:])}
            cell["source"] = "\n".join(lines[:cut])
            cells.insert(place + 1, second)
        elif how == "copy" and SOLUTIONS.get(grade_id(cell), text(cell)) == text(cell):
            cells.insert(draw(st.integers(0, len(cells))), json.loads(json.dumps(cell)))
        elif how == "starter" and grade_id(cell) in SOLUTIONS:
            stub = json.loads(json.dumps(cell))
            stub["source"] = tiny().answers[grade_id(cell)].starter
            cells.insert(draw(st.integers(0, len(cells))), stub)
        elif how == "move" and cell["cell_type"] == "markdown":
            cells.insert(draw(st.integers(0, len(cells) - 1)), cells.pop(place))
        elif how == "strip" and grade_id(cell) is None:
            cell["metadata"] = {}
        elif how == "id":
            cell["id"] = draw(st.text("ab", max_size=3))
        else:
            cells.insert(place, code_cell(draw(st.sampled_from(["1/0", "x = 1", "f(", "%time 1"]))))
    return book


@settings(max_examples=EXAMPLES, deadline=5000)
@given(edited())
def test_edits_of_cells_lose_no_answer(book):
    result = read(book)
    assert result.missing == ()
    names = run(result)
    for name in ("loss", "gradient", "Descent"):
        assert name in names, (name, result)
    stubs = [x for x in names.get("errors", []) if isinstance(x[1], NotImplementedError)]
    assert not stubs
    ids = [one.id for one in result.cells]
    assert len(set(ids)) == len(ids)
    x, y, w = torch.ones(3, 2), torch.ones(3), torch.zeros(2)
    assert names["loss"](w, x, y) == 1
    assert names["gradient"](w, x, y).tolist() == [-2, -2]
    assert names["Descent"](2).step(x, y).tolist() == pytest.approx([0.2, 0.2])
