"""Cells that were copied, split, merged, moved, deleted, retyped, or turned into text."""

from __future__ import annotations

import copy
import json

from .entries import Book, entry, lab_of, released, starter_of


@entry()
def answer_copied(book: Book) -> None:
    """Duplicated by accident: both are the same."""
    made = copy.deepcopy(book.cell("LEAF")) | {"id": "a1b2c3d4"}
    book.cells.insert(book.place("LEAF") + 1, made)


@entry(flags=["odd notebook"], says=["LEAF"])
def answer_copied_and_the_first_try_left(book: Book) -> None:
    made = copy.deepcopy(book.cell("LEAF")) | {"id": "a1b2c3d4"}
    book.write("LEAF", f"{book.starter('LEAF')}\n\nprint('a first try')")
    book.cells.insert(book.place("LEAF") + 1, made)


@entry()
def starter_kept_above_the_answer(book: Book) -> None:
    made = copy.deepcopy(book.cell("LEAF")) | {"id": "a1b2c3d4", "source": book.starter("LEAF")}
    book.cells.insert(book.place("LEAF"), made)


@entry(at_home=False)
def starter_kept_below_the_answer(book: Book) -> None:
    """To look at what was asked."""
    made = copy.deepcopy(book.cell("LEAF")) | {"id": "a1b2c3d4", "source": book.starter("LEAF")}
    book.cells.insert(book.place("LEAF") + 1, made)


@entry()
def answer_split_in_two(book: Book) -> None:
    """As JupyterLab splits a cell: both halves have its metadata."""
    role = {"gradient-descent": "mean_loss", "attention": "masks", "tiny": "descent"}[book.lab]
    source = book.source(role)
    if book.lab == "tiny":
        source += "\n\n\ndef another():\n    return 1"
    at = source.rindex("\ndef ")
    made = copy.deepcopy(book.cell(role)) | {"id": "0f9e8d7c", "source": source[at:].lstrip()}
    book.write(role, source[:at].rstrip())
    book.cells.insert(book.place(role) + 1, made)


@entry()
def answer_split_off_its_check(book: Book) -> None:
    book.write("LEAF", book.source("LEAF") + "\n\nprint(CALL)".replace("CALL", book.call))
    source = book.source("LEAF")
    at = source.rindex("\n\nprint")
    made = copy.deepcopy(book.cell("LEAF")) | {"id": "0f9e8d7c", "source": source[at:].strip()}
    book.write("LEAF", source[:at])
    book.cells.insert(book.place("LEAF") + 1, made)


@entry(says=["SECOND"])
def answers_merged(book: Book) -> None:
    """As JupyterLab merges cells: the first one's metadata stay, the second is gone."""
    book.write("FIRST", f"{book.source('FIRST')}\n\n{book.source('SECOND')}")
    book.cells.remove(book.cell("SECOND"))


@entry(costs=["LEAF"], says=["LEAF"])
def answer_deleted(book: Book) -> None:
    book.cells.remove(book.cell("LEAF"))


@entry(says=["LEAF"], flags=["odd notebook"])
def answer_retyped_into_a_new_cell(book: Book) -> None:
    source, place = book.source("LEAF"), book.place("LEAF")
    book.cells.remove(book.cell("LEAF"))
    book.add(source, None)
    book.cells.insert(place, book.cells.pop())


@entry(says=["LEAF", "code"], at_home=False)
def answer_turned_into_text(book: Book) -> None:
    cell = book.cell("LEAF")
    cell["cell_type"] = "markdown"
    del cell["outputs"], cell["execution_count"]


@entry(says=["LEAF", "code"], at_home=False)
def answer_turned_into_raw_text(book: Book) -> None:
    cell = book.cell("LEAF")
    cell["cell_type"] = "raw"
    del cell["outputs"], cell["execution_count"]


@entry(costs=["LEAF"])
def answer_not_written(book: Book) -> None:
    book.write("LEAF", book.starter("LEAF"))


@entry(costs=["LEAF"])
def answer_emptied(book: Book) -> None:
    book.write("LEAF", "")


@entry(costs=["LEAF"])
def answer_commented_out(book: Book) -> None:
    book.write("LEAF", "\n".join(f"# {x}" for x in book.source("LEAF").split("\n")))


@entry()
def answer_written_below_its_starter(book: Book) -> None:
    """The cell is left as it was; the answer stands in a new one below."""
    source = book.source("LEAF")
    book.write("LEAF", book.starter("LEAF"))
    book.add(source, None)
    book.cells.insert(book.place("LEAF") + 1, book.cells.pop())


@entry()
def all_answers_in_one_cell_at_the_end(book: Book) -> None:
    answers = [one["id"] for one in book.cells if "answer" in one["metadata"].get("tags", [])]
    answers = [one for one in answers if one in _answers_of(book)]
    everything = "\n\n\n".join(map(book.source, answers))
    for ident in answers:
        book.write(ident, starter_of(book.lab, ident))
    book.add(everything, None)


def _answers_of(book: Book) -> set[str]:
    return set(lab_of(book.lab).answers)


@entry()
def answers_in_another_order(book: Book) -> None:
    places = [book.place(ident) for ident in _answers_of(book)]
    places.sort()
    moved = [book.cells[place] for place in places][::-1]
    for place, cell in zip(places, moved, strict=True):
        book.cells[place] = cell


@entry(at_home=False)
def given_cells_deleted(book: Book) -> None:
    """Without the imports nothing runs in a kernel; grading puts them back."""
    book.book["cells"] = [x for x in book.cells if "locked" not in x["metadata"].get("tags", [])]


@entry(says=["given cell"])
def given_cell_changed(book: Book) -> None:
    book.write("imports", book.source("imports") + "\nimport random")


@entry()
def given_cell_with_blanks_at_the_end(book: Book) -> None:
    book.write("imports", book.source("imports").replace("\n", "  \n") + "\n\n")


@entry()
def given_cell_copied(book: Book) -> None:
    made = copy.deepcopy(book.cell("imports")) | {"id": "a1b2c3d4"}
    book.cells.insert(book.place("imports") + 1, made)


@entry()
def check_cells_deleted(book: Book) -> None:
    book.book["cells"] = [x for x in book.cells if "check" not in x["metadata"].get("tags", [])]


@entry()
def check_cells_written_in_by_hand(book: Book) -> None:
    book.add(f'from introml.grader import check\n\ncheck("{book.lab}")', "LEAF")
    book.add(f'# once more\ncheck("{book.lab}");', None)


@entry()
def experiments_changed(book: Book) -> None:
    for one in book.cells:
        if "experiment" in one["metadata"].get("tags", []):
            one["source"] = "result = 0  # I tried other numbers here\n1 / 0"


@entry()
def experiments_deleted(book: Book) -> None:
    tags = {"experiment"}
    book.book["cells"] = [x for x in book.cells if not tags & set(x["metadata"].get("tags", []))]


@entry()
def text_deleted(book: Book) -> None:
    book.book["cells"] = [x for x in book.cells if x["cell_type"] == "code"]


@entry()
def text_turned_into_code(book: Book) -> None:
    """A paragraph became a code cell by a slip of the keyboard: it is not Python."""
    cell = book.cells[2]
    cell["cell_type"] = "code"
    cell |= {"outputs": [], "execution_count": None, "source": "This is my own note, isn't it?"}


@entry()
def code_tagged_by_the_student(book: Book) -> None:
    book.add("note = 'slow'", None, tags=["experiment"])
    book.add("note = 'skip'", None, tags=["skip-execution", "hide-input", "raises-exception"])


@entry()
def a_cell_of_the_labs_copied_as_helper(book: Book) -> None:
    """An experiment is copied to play with; the copy keeps its metadata."""
    book.cells.append(
        copy.deepcopy(next(x for x in book.cells if "experiment" in x["metadata"].get("tags", [])))
    )


@entry(at_home=False)
def released_notebook_with_answers_below(book: Book) -> bytes:
    """The answers follow the released notebook in cells of their own: the starter's cells stay."""
    fresh = Book(book.lab)
    fresh.book = json.loads(released(book.lab))
    for ident in [x["id"] for x in book.cells if x["id"] in _answers_of(book)]:
        fresh.add(book.source(ident), None)
    return fresh.bytes()
