"""Handed-in notebooks, honest and hostile: what is run of them, and what is said of the rest."""

import json

import pytest
from cpu_work import units_of_work
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import EXAMPLES, cell_of, code_cell, notebook, tiny, written

from introml.grader.notebook.notebook import Invalid, Submitted, read_submission


def read(book: object) -> Submitted:
    result = read_submission(book if isinstance(book, bytes) else written(book), tiny())
    assert isinstance(result, Submitted), result
    return result


def refusal(book: object) -> str:
    data, results = book if isinstance(book, bytes) else written(book), []
    assert units_of_work(lambda: results.append(read_submission(data, tiny()))) < 500
    (result,) = results
    assert isinstance(result, Invalid), result
    assert result.message.endswith(".")
    assert "\n" not in result.message
    assert len(result.message) < 400
    return result.message


def test_an_answered_notebook():
    result = read(notebook())
    assert [(one.id, one.kind) for one in result.cells] == [
        ("imports", "locked"), ("loss", "answer"), ("gradient", "answer"), ("descent", "answer"),
    ]  # fmt: skip
    assert result.cells[1].source == tiny().answers["loss"].solution
    assert result.experiments.keys() == {"training"}
    assert result.notes == result.flags == ()


def test_a_notebook_with_other_line_ends_and_sources_as_texts():
    book = notebook()
    for cell in book["cells"]:
        cell["source"] = "".join(cell["source"])
    plain = json.dumps(book, indent=4).replace("\n", "\r\n").encode()
    assert read(b"\xef\xbb\xbf" + plain) == read(notebook())


def test_cells_that_the_student_adds_run_in_their_place():
    book = notebook()
    book["cells"].insert(2, code_cell("import math"))
    book["cells"].append(code_cell("loss(w, x, y)", tags=["experiment"]))
    book["cells"].append(code_cell("   \n"))
    book["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "import os"})
    book["cells"].append({"cell_type": "raw", "metadata": {}, "source": "import os"})
    result = read(book)
    assert [one.id for one in result.cells] == ["imports", "cell 3", "loss", "gradient", "descent"]
    assert result.cells[1].kind == "helper"
    place = len(book["cells"]) - 3
    assert result.notes == (f"Cell {place} is tagged experiment, so it is not run when graded.",)


@pytest.mark.parametrize(
    "source",
    [
        'check("tiny")', "from introml.grader import check\ncheck('tiny', 'loss_is_a_mean')",
        'from introml.grader import require_check\n\nrequire_check("tiny", "a")',
    ],
)  # fmt: skip
def test_more_cells_that_check_are_not_run(source):
    book = notebook()
    book["cells"].append(code_cell(source))
    assert read(book) == read(notebook())
    book["cells"][-1]["source"] += "\nbetter = 1"
    assert read(book).cells[-1].source.endswith("better = 1")


def test_changed_metadata_changes_nothing():
    book = notebook()
    for cell in book["cells"]:
        marks = cell["metadata"].get("nbgrader")
        if marks:
            marks |= {"locked": not marks["locked"], "solution": False, "points": 1e9}
        cell["metadata"]["tags"] = ["experiment", "check", "skip-execution", "remove-cell"]
    book["metadata"]["kernelspec"] = {"name": "bash"}
    book["metadata"]["introml"] |= {"checks": "", "families": []}
    assert read(book) == read(notebook())


def test_cells_whose_metadata_is_lost_are_known_by_their_ids():
    book = notebook()
    for cell in book["cells"]:
        cell["metadata"] = {}
    assert read(book) == read(notebook())
    for cell in book["cells"]:  # as Colab writes them
        cell["metadata"] = {"id": cell.pop("id")}
    assert read(book) == read(notebook())


def test_changed_deleted_doubled_and_moved_given_cells():
    released = cell_of(notebook(), "imports")["source"]
    book = notebook()
    cell_of(book, "imports")["source"] = ["import os as torch"]
    result = read(book)
    assert result.cells[0].source == "".join(released)
    assert result.notes == ("The given cell 'imports' was changed; it is graded as released.",)

    book = notebook()
    book["cells"].remove(cell_of(book, "imports"))
    result = read(book)
    assert [one.id for one in result.cells][:2] == ["imports", "loss"]
    assert result.cells[0].source == "".join(released)
    assert result.notes == ("The given cell 'imports' was deleted; it is put back.",)

    book = notebook()
    book["cells"].append(dict(cell_of(book, "imports"), source="import os as torch"))
    result = read(book)
    assert [one.id for one in result.cells].count("imports") == 1
    assert result.notes == ("A second copy of the given cell 'imports' is left out.",)

    book = notebook()
    book["cells"].append(cell_of(book, "imports"))
    book["cells"].pop(1)
    assert [one.id for one in read(book).cells] == ["loss", "gradient", "descent", "imports"]

    book = notebook()
    cell_of(book, "imports")["cell_type"] = "markdown"
    result = read(book)
    assert (result.cells[0].id, result.cells[0].kind) == ("imports", "locked")


def test_a_given_cell_is_put_back_after_the_one_that_comes_before_it(tmp_path):
    from tiny import copy_of_tiny

    from introml.grader.authoring.release import solution_notebook
    from introml.grader.lab.lab import load_lab

    second = "```{code-cell} ipython3\n:grade_id: data\n:tags: [locked]\n\nn = 3\n```\n\n"
    lab = load_lab(copy_of_tiny(tmp_path, lab_md=lambda x: x.replace("## Steps", second + "## S")))
    book = json.loads(solution_notebook(lab))
    book["cells"].remove(cell_of(book, "data"))
    result = read_submission(written(book), lab)
    assert [x.id for x in result.cells] == ["imports", "loss", "gradient", "data", "descent"]


def test_experiments_may_be_changed_deleted_and_copied():
    book = notebook()
    cell_of(book, "training")["source"] = "result = 1"
    book["cells"].append(dict(cell_of(book, "training"), source="result = 2"))
    result = read(book)
    assert result.experiments["training"].source == "result = 1\nresult = 2"
    assert "'training' is there 2 times, with different content" in result.notes[0]
    for _ in range(2):
        book["cells"].remove(cell_of(book, "training"))
    assert read(book).experiments == {}


def test_a_notebook_of_an_earlier_release_is_read_with_a_note():
    book = notebook()
    book["metadata"]["introml"]["version"] = "0" * 64
    assert read(book).notes == (
        "The lab has changed since your notebook was released; today's is graded.",
    )


MAGICS = {
    "%matplotlib inline\nx = 1": ("pass\nx = 1", 1),
    "%%time\nx = 1": ("\nx = 1", 0),
    "\n%%capture out\nx = 1": ("\n\nx = 1", 0),
    "!pip install rm\nx = 1\n!ls": ("pass\nx = 1\npass", 2),
    "%time x = f(2)\ny = x": ("x = f(2)\ny = x", 0),
    "y = %time f(2)": ("y = f(2)", 0),
    "%timeit -n 10 -r3 f(2)": ("f(2)", 0),
    "files = !ls\ny = 1": ("pass\ny = 1", 1),
    "for i in a:\n    %timeit f(i)\n    g(i)": ("for i in a:\n    f(i)\n    g(i)", 0),
    "for i in a:\n    %who f\n    g(i)": ("for i in a:\n    pass\n    g(i)", 1),
    "loss?\nx = 1": ("pass\nx = 1", 1),
    "?loss\nx = 1": ("pass\nx = 1", 1),
    "x = (17\n% 3)\n": ("x = (17\n% 3)\n", 0),
    's = """\n%time is money\n!"""\n': ('s = """\n%time is money\n!"""\n', 0),
    "x = (17\n% 3)\n%time x": ("x = (17\n% 3)\nx", 0),
    "def f(:\n  %time x\n": ("def f(:\n  %time x\n", 0),
    "!echo it's\nx = 1": ("pass\nx = 1", 1),
}


@pytest.mark.parametrize("source", MAGICS)
def test_a_cell_is_read_without_its_magics_and_those_that_do_nothing_are_said(source):
    book = notebook()
    book["cells"].append(code_cell(source))
    result = read(book)
    kept, said = MAGICS[source]
    assert result.cells[-1].source == kept
    assert result.cells[-1].to_run == source, "what runs is what was written"
    assert len(result.notes) == said
    for note in result.notes:
        assert f"Cell {len(book['cells'])}, line " in note
        assert note.endswith("is for notebooks and is left out when graded.")


def test_cells_of_another_language_are_left_out():
    book = notebook()
    book["cells"].append(code_cell("%%bash\nrm -rf ~\n"))
    result = read(book)
    assert result.cells[-1].source == ""
    assert "line 1: '%%bash'" in result.notes[0]
    cell_of(book, "loss")["source"] = "%%html\n<b>loss</b>"
    result = read(book)
    assert next(one for one in result.cells if one.id == "loss").source == ""


def test_many_magics_take_no_time():
    book = notebook()
    book["cells"].append(code_cell("!a\n" * 40_000))
    book["cells"].append(code_cell("x = 1\n!a\n" * 10_000))
    book["cells"].append(code_cell("x = 1\n" + " " * 50_000 + "$"))
    results = []
    assert units_of_work(lambda: results.append(read(book))) < 500
    (result,) = results
    assert len(result.notes) == 41
    assert result.notes[-1].startswith("There are ")


def put(ident, **values):
    return lambda book: cell_of(book, ident).update(values)


def without_a_name(book):
    book["metadata"] = {}
    book["cells"] = []


CHANGES = {
    "no cells": (lambda book: book.pop("cells"), "JSON but not a notebook"),
    "cells in an object": (lambda book: book.update(cells={}), "JSON but not a notebook"),
    "nothing of any lab": (without_a_name, "none of the answer cells"),
    "too many cells": (
        lambda book: book["cells"].extend(code_cell("1") for _ in range(2000)), "it may have 2000"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_broken_notebook_gets_a_sentence(name):
    change, said = CHANGES[name]
    book = notebook()
    change(book)
    assert said in refusal(book)


FILES = {
    "nothing": (b"", "The file is empty."),
    "white space": (b" \n\t", "The file is empty."),
    "Python": (b"def loss(w, x, y):\n    return 0\n", "it stops being JSON in line 1"),
    "half a notebook": (written(notebook())[:900], "The file ends in the middle of the notebook"),
    "a number": (b"3", "JSON but not a notebook"),
    "a list": (b"[]", "JSON but not a notebook"),
    "an object": (b"{}", "JSON but not a notebook"),
    "a picture": (b"\x89PNG\r\n\x1a\n\xff\xfe", "This is a picture."),
    "a digit too many": (b'{"nbformat": ' + b"9" * 100_000 + b"}", "JSON but not a notebook"),
    "a page to sign in": (
        b"<!DOCTYPE html>\n<html><head><title>Log in</title>", "a web page with the title “Log in”"
    ),
    "an export": (b"<html lang='en'><body>", "This is a web page, not the notebook"),
    "a packed notebook": (b"PK\x03\x04\x14\x00", "This is a ZIP archive"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid x\n", "a pointer of Git LFS"),
    "a script": (b"#!/usr/bin/env python\nprint(1)\n", "This is a Python script"),
    "a percent script": (b"# %%\nprint(1)\n", "This is a Python script"),
    "marks of a conflict": (
        written(notebook())[:-1] + b"\n<<<<<<< HEAD\n}\n=======\n>>>>>>> main\n",
        "Git has left its marks of a conflict in the file (line 2)",
    ),
    "a comma lost": (
        written(notebook()).replace(b'", "', b'" "', 1), "The file is damaged: it stops being a"
    ),
    "zeros of a disk that was full": (bytes(5000), "The file is empty."),
    "lists in lists": (b"[" * 400_000, "nested too deeply"),
    "objects in objects": (b'{"cells":' * 100_000, "nested too deeply"),
    "a million cells": (
        b'{"nbformat": 4, "cells": [' + b"{}," * 1_000_000 + b"{}]}", "too many parts"
    ),
    "a million names": (
        b'{"a": {' + b",".join(b'"%d":1' % n for n in range(1_000_000)) + b"}}", "too many parts"
    ),
    "ten million numbers": (b'{"a": [' + b"1," * 10_000_000 + b"1]}", "too many parts"),
    "100 MB": (b" " * 100_000_000, "The file is 100 MB; a notebook may have 40 MB."),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_notebook_gets_a_sentence(name):
    data, said = FILES[name]
    assert said in refusal(data)


def test_the_notebook_of_another_lab_is_named():
    book = notebook()
    book["metadata"]["introml"]["lab"] = "attention"
    assert read(book)
    for cell in book["cells"]:
        cell["metadata"] = {}
        cell["id"] = "x" + cell["id"]
        cell["source"] = "x = 1"
    assert "notebook of the lab 'attention', not of 'tiny'" in refusal(book)
    for other in (["a"], "x" * 10**6, "\x1b[31m", None):
        book["metadata"]["introml"]["lab"] = other
        refusal(book)


def test_a_cell_of_the_same_name_does_not_make_another_labs_notebook_this_ones():
    book = notebook()
    book["metadata"]["introml"] = {"lab": "attention", "cells": [{"id": "loss"}, {"id": "masks"}]}
    assert read(book)  # all its answers were copied there
    book["cells"] = [cell for cell in book["cells"] if cell["id"] in ("loss", "setup")]
    assert "notebook of the lab 'attention', not of 'tiny'" in refusal(book)
    # The lab was renamed, and a cell of it deleted.
    book["metadata"]["introml"]["cells"] = [{"id": name} for name in tiny().answers]
    assert read(book).missing


def test_characters_that_hide_code_are_flagged():
    book = notebook()
    cell_of(book, "loss")["source"] = "x = 1  # \u202e 1 = y"
    assert read(book).flags == ("Cell 'loss' has characters that make code look other than it is.",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["code", "markdown", "raw", "loss", "imports", "%%bash", "\ud800", "\0"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["cells", "source", "metadata", "nbgrader", "grade_id", "tags", "id",
                         "cell_type", "introml", "lab", "version", "worksheets", "nbformat"]),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def places(value, path=()):
    """The paths to all values inside a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(one, (*path, key))


@st.composite
def mutated(draw):
    """A notebook in which some values are replaced, deleted or copied."""
    book = notebook(answered=draw(st.booleans()))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from([x for x in places(book) if x]))
        *above, last = path
        holder = book
        for key in above:
            holder = holder[key]
        action = draw(st.sampled_from(["replace", "delete", "copy"]))
        if action == "replace":
            holder[last] = draw(JSON)
        elif action == "copy" and isinstance(holder, list):
            holder.append(json.loads(json.dumps(holder[last])))
        elif action == "delete":
            del holder[last]
        if not isinstance(book, dict) or not any(places(book)):
            break
    return book


def sound(result) -> None:
    """What graders rely on, whatever came in."""
    assert isinstance(result, Submitted | Invalid)
    if isinstance(result, Invalid):
        assert result.message.isprintable()
        assert result.message.endswith(".")
        return
    ids = [one.id for one in result.cells]
    assert len(set(ids)) == len(ids)
    assert "imports" in ids
    for one in (*result.cells, *result.experiments.values()):
        one.source.encode()
        assert "\0" not in one.source
    assert next(x for x in result.cells if x.id == "imports").source == "import torch"
    assert all(note.isprintable() for note in result.notes)


@settings(max_examples=EXAMPLES, deadline=5000, suppress_health_check=list(HealthCheck))
@given(mutated())
def test_mutated_notebooks_never_raise(book):
    sound(read_submission(written(book), tiny()))


@settings(max_examples=EXAMPLES, deadline=5000)
@given(st.binary(max_size=200) | JSON.map(written))
def test_any_bytes_never_raise(data):
    sound(read_submission(data, tiny()))


@settings(max_examples=EXAMPLES, deadline=5000)
@given(st.data())
def test_damaged_bytes_never_raise(data):
    whole = written(notebook())
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    sound(read_submission(whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:], tiny()))


@settings(max_examples=EXAMPLES, deadline=5000)
@given(st.lists(st.sampled_from(
    ["%%time", "%time ", "!ls", "x", "=", "(", ")", "'", '"""', "\n", "  ", "?", "def f():", ":",
     "\\", "#", "{", "f'{", "\t", "lambda", "\x0c", "é", "λ"]), max_size=30))  # fmt: skip
def test_any_code_never_raises_and_keeps_its_lines(parts):
    source = "".join(parts)
    book = notebook()
    cell_of(book, "loss")["source"] = source
    result = read_submission(written(book), tiny())
    sound(result)
    kept = next(one for one in result.cells if one.id == "loss").source
    assert kept == "" or kept.count("\n") == source.count("\n")
