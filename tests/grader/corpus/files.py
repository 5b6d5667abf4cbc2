"""Files: saved by other editors, converted, damaged on their way, or no notebooks at all."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from .entries import Book, code, entry


@entry()
def file_as_it_should_be(book: Book) -> None:
    """Nothing is changed."""


@entry()
def file_with_a_byte_order_mark(book: Book) -> bytes:
    return b"\xef\xbb\xbf" + book.bytes()


@entry(refused=None, says=["utf-8"], at_home=False)
def file_in_utf16(book: Book) -> bytes:
    return book.bytes().decode().encode("utf-16")


@entry(refused=None, says=["save"], at_home=False)
def file_in_cp1252(book: Book) -> bytes:
    return book.bytes().decode().encode("cp1252", "replace") + b" \xff"


@entry()
def file_with_windows_line_ends(book: Book) -> bytes:
    return book.bytes().replace(b"\n", b"\r\n")


@entry()
def sources_with_windows_line_ends(book: Book) -> None:
    for one in book.cells:
        one["source"] = "".join(one["source"]).replace("\n", "\r\n")


@entry()
def sources_as_one_text(book: Book) -> None:
    for one in book.cells:
        one["source"] = "".join(one["source"])


@entry()
def sources_as_lines(book: Book) -> None:
    for one in book.cells:
        one["source"] = "".join(one["source"]).splitlines(keepends=True)


@entry()
def file_on_one_line(book: Book) -> bytes:
    return book.bytes(indent=None)


@entry()
def file_in_ascii_and_sorted(book: Book) -> bytes:
    return book.bytes(ensure_ascii=True, sort_keys=True, indent=4)


@entry()
def file_with_blank_lines_around(book: Book) -> bytes:
    return b"\n\n  " + book.bytes() + b"\n\n\n"


@entry()
def metadata_lost(book: Book) -> None:
    for one in book.cells:
        one["metadata"] = {}
    book.book["metadata"] = {}


@entry()
def ids_drawn_anew(book: Book) -> None:
    for number, one in enumerate(book.cells):
        one["id"] = f"{number:08x}-a1b2"


@entry()
def ids_lost_in_an_older_format(book: Book) -> None:
    book.without_ids()
    book.book["nbformat_minor"] = 2


@entry(refused=None, says=["answer"], flags=["odd notebook"], at_home=False)
def metadata_and_ids_lost(book: Book) -> None:
    for number, one in enumerate(book.cells):
        one["metadata"], one["id"] = {}, f"{number:08x}"
    book.book["metadata"] = {}


@entry()
def saved_by_colab(book: Book) -> None:
    for one in book.cells:
        one["metadata"] = {"id": one.pop("id"), "outputId": "4a1f0c22-8d1f-4c5e-b0c7-1f3c7f0e6f11"}
    book.book["metadata"] = {
        "colab": {"provenance": [], "toc_visible": True, "include_colab_link": True},
        "kernelspec": {"name": "python3", "display_name": "Python 3"}, "accelerator": "GPU",
    }  # fmt: skip
    book.book["nbformat_minor"] = 0


@entry()
def saved_by_vs_code(book: Book) -> None:
    for one in book.cells:
        one["metadata"]["vscode"] = {"languageId": "python"}
    book.book["metadata"].pop("introml")
    book.book["metadata"]["orig_nbformat"] = 4


@entry()
def saved_by_kaggle(book: Book) -> None:
    for number, one in enumerate(book.cells):
        one["metadata"] |= {
            "_uuid": f"{number:032x}", "trusted": True, "_kg_hide-input": False,
            "execution": {"iopub.status.busy": "2026-11-02T10:11:12.131415Z"},
        }  # fmt: skip


@entry()
def saved_by_deepnote(book: Book) -> None:
    for number, one in enumerate(book.cells):
        one["metadata"] |= {
            "cell_id": f"00{number:03}-3c5d", "deepnote_cell_type": "code",
            "source_hash": "b623e53d", "deepnote_to_be_reexecuted": False,
        }  # fmt: skip
    book.book["metadata"] |= {"deepnote": {}, "deepnote_execution_queue": []}


@entry()
def saved_by_cocalc(book: Book) -> None:
    for number, one in enumerate(book.cells):
        one["id"] = f"{number:06x}"
        one["metadata"] |= {"cocalc": {"outputs": {}}, "collapsed": False}


@entry()
def saved_by_pycharm(book: Book) -> None:
    book.without_ids()
    for one in book.cells:
        one["metadata"]["pycharm"] = {"name": "#%%\n", "is_executing": False}


@entry()
def saved_by_databricks(book: Book) -> None:
    for number, one in enumerate(book.cells):
        one["metadata"]["application/vnd.databricks.v1+cell"] = {
            "nuid": f"{number}", "showTitle": False, "inputWidgets": {}, "title": "",
        }  # fmt: skip


@entry()
def saved_by_jupytext_and_papermill(book: Book) -> None:
    book.book["metadata"] |= {
        "jupytext": {"formats": "ipynb,py:percent"},
        "papermill": {"duration": 3.5, "exception": None, "parameters": {}},
    }
    for one in book.cells:
        one["metadata"]["papermill"] = {"status": "completed", "duration": None}


@entry()
def executed_with_outputs_of_all_kinds(book: Book) -> None:
    cell = book.cell("FIRST")
    cell["execution_count"] = 12
    cell["outputs"] = [
        {"output_type": "stream", "name": "stdout", "text": ["1\n", "2\n"]},
        {"output_type": "error", "ename": "ValueError", "evalue": "", "traceback": ["\x1b[31m!"]},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBOR" * 1000}},
        {"output_type": "execute_result", "execution_count": 12, "metadata": {},
         "data": {"text/html": ["<b>", "</b>"], "application/vnd.plotly.v1+json": {"data": []}}},
    ]  # fmt: skip


@entry()
def outputs_with_nan_and_infinity(book: Book) -> None:
    book.cell("FIRST")["outputs"] = [
        {"output_type": "display_data", "metadata": {},
         "data": {"application/json": [float("nan"), float("inf"), 10**400]}},
    ]  # fmt: skip


@entry()
def outputs_that_are_not_there(book: Book) -> None:
    for one in book.cells:
        one.pop("outputs", None)
        one.pop("execution_count", None)


@entry()
def state_of_widgets(book: Book) -> None:
    state = {f"{n:032x}": {"model_name": "LayoutModel", "state": {}} for n in range(2000)}
    book.book["metadata"]["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {"state": state, "version_major": 2}
    }


@entry()
def state_of_widgets_that_is_not_valid(book: Book) -> None:
    book.book["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"a1": {}}}


@entry()
def outputs_of_eight_megabytes(book: Book) -> None:
    book.cell("FIRST")["outputs"] = _picture(8_000_000)


@entry(refused=None, says=["clear"], at_home=False)
def outputs_of_twelve_megabytes(book: Book) -> None:
    book.cell("FIRST")["outputs"] = _picture(12_000_000)


def _picture(size: int) -> list[dict[str, Any]]:
    data = {"image/png": "A" * size}
    return [{"output_type": "display_data", "metadata": {}, "data": data}]


@entry()
def kernel_of_conda(book: Book) -> None:
    book.book["metadata"]["kernelspec"] = {
        "display_name": "Python [conda env:ml] *", "language": "python", "name": "conda-env-ml-py",
    }  # fmt: skip


@entry()
def kernel_of_another_language(book: Book) -> None:
    book.book["metadata"]["kernelspec"] = {"display_name": "R", "language": "R", "name": "ir"}
    book.book["metadata"]["language_info"] = {"name": "R"}


@entry()
def language_not_told(book: Book) -> None:
    book.book["metadata"].pop("language_info", None)
    book.book["metadata"].pop("kernelspec", None)


@entry()
def metadata_that_is_null(book: Book) -> None:
    book.book["metadata"] = None
    for one in book.cells:
        one["metadata"] = None


@entry()
def tags_that_are_no_list(book: Book) -> None:
    book.cell("FIRST")["metadata"]["tags"] = "answer"
    book.cell("LEAF")["metadata"]["tags"] = [1, None, {"a": 2}, "mine"]


@entry()
def cells_folded_and_hidden(book: Book) -> None:
    for one in book.cells:
        one["metadata"] |= {
            "jupyter": {"source_hidden": True, "outputs_hidden": True}, "scrolled": True,
            "collapsed": True, "slideshow": {"slide_type": "skip"}, "hide_input": True,
        }  # fmt: skip


@entry(refused=None, flags=["odd notebook"], says=["jupyterlab"], at_home=False)
def format_of_2014(book: Book) -> bytes:
    kinds = {"code": "input", "markdown": "source"}
    cells = []
    for one in book.cells:
        kind = one["cell_type"]
        cells.append({"cell_type": kind, "metadata": {}, kinds[kind]: one["source"]})
        if kind == "code":
            cells[-1] |= {"language": "python", "outputs": [], "prompt_number": 1}
    book = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}
    return json.dumps(book).encode()


@entry(refused=None, says=["jupyterlab"], at_home=False)
def format_of_the_future(book: Book) -> None:
    book.book["nbformat"], book.book["nbformat_minor"] = 5, 0


@entry(refused=None, says=["notebook"], at_home=False)
def format_told_as_text(book: Book) -> None:
    book.book["nbformat"] = "4"


@entry(refused=True, says=["empty", "save"], at_home=False)
def file_is_empty(book: Book) -> bytes:
    return b""


@entry(refused=True, says=["end", "line", "save"], at_home=False)
def file_is_cut_off(book: Book) -> bytes:
    data = book.bytes()
    return data[: len(data) * 2 // 3]


@entry(refused=True, says=["web page", "notebook"], at_home=False)
def file_is_a_page_to_sign_in(book: Book) -> bytes:
    return b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Log in</body></html>"


@entry(refused=True, says=[".ipynb"], at_home=False)
def file_is_an_archive(book: Book) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("lab.ipynb", book.bytes())
    return made.getvalue()


@entry(refused=True, says=[".ipynb"], at_home=False)
def file_is_a_python_export(book: Book) -> bytes:
    return "\n\n".join(f"# In[ ]:\n{''.join(one['source'])}" for one in book.cells).encode()


@entry(refused=True, says=[".ipynb"], at_home=False)
def file_is_a_pdf(book: Book) -> bytes:
    return b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj <</Type /Catalog>> endobj\n%%EOF\n"


@entry(refused=True, says=["git lfs pull"], at_home=False)
def file_is_a_pointer_to_a_large_file(book: Book) -> bytes:
    digest = "0123456789abcdef" * 4
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 9\n".encode()


@entry(refused=True, says=[".ipynb"], at_home=False)
def file_is_json_of_another_kind(book: Book) -> bytes:
    return b'{"message": "Not Found", "documentation_url": "https://example.org"}'


@entry(refused=True, says=["line"], at_home=False)
def file_with_a_conflict_of_git(book: Book) -> bytes:
    lines = book.bytes().split(b"\n")
    lines[40:40] = [b"<<<<<<< HEAD"]
    lines[45:45] = [b"=======", b">>>>>>> main"]
    return b"\n".join(lines)


@entry(refused=True, says=["line"], at_home=False)
def file_written_twice_over(book: Book) -> bytes:
    return book.bytes() + b"\n" + book.bytes()


@entry(refused=None, says=["line", "save"], at_home=False)
def file_padded_with_nulls(book: Book) -> bytes:
    return book.bytes() + b"\0" * 4096


@entry(refused=True, says=["lab"], at_home=False)
def notebook_of_the_other_lab(book: Book) -> bytes:
    other = "attention" if book.lab == "gradient-descent" else "gradient-descent"
    return Book(other).bytes()


@entry(refused=True, says=["answer"], at_home=False)
def notebook_of_nothing(book: Book) -> None:
    book.book["metadata"] = {}
    book.book["cells"] = [code("print('hello')")]


@entry(says=["changed since"])
def notebook_of_an_older_release(book: Book) -> None:
    book.book["metadata"]["introml"]["version"] = "0" * 12


@entry()
def surrogates_in_the_text(book: Book) -> bytes:
    book.cells[0]["source"] = "# A lab \ud83d"
    return book.bytes(ensure_ascii=True)


@entry()
def pictures_in_the_text(book: Book) -> None:
    book.cells[0]["attachments"] = {"image.png": {"image/png": "iVBOR" * 5000}}
    book.cells[2]["source"] = f"![plot](data:image/png;base64,{'A' * 300_000})"


@entry()
def cell_without_a_source(book: Book) -> None:
    book.cells.append({"cell_type": "code", "metadata": {}, "outputs": []})


@entry()
def cell_whose_source_is_null(book: Book) -> None:
    book.cells.append(code("") | {"source": None})


@entry()
def cells_of_kinds_that_are_no_more(book: Book) -> None:
    book.cells.insert(1, {"cell_type": "heading", "level": 2, "metadata": {}, "source": "My part"})
    book.cells.append({"cell_type": "raw", "metadata": {"format": "text/x-rst"}, "source": "..."})


@entry()
def cells_with_one_id(book: Book) -> None:
    for number in range(3):
        book.add(f"note = {number}", None)["id"] = "same"


@entry()
def cells_with_odd_ids(book: Book) -> None:
    book.add("note = 1", None)["id"] = 7
    book.add("note = 2", None)["id"] = None


@entry()
def many_empty_cells(book: Book) -> None:
    for _ in range(400):
        book.add("", None)
