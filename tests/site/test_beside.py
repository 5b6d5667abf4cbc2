"""introml.site.beside: files beside a page are read as elsewhere, and the cache knows them."""

import pytest
from small_books import cell, notebook, run, text_of, write_book

from introml.site.beside import files_beside, mentions
from introml.site.execute import stale_pages


def names(root, folder, *given):
    return {path.relative_to(root).as_posix() for path in files_beside(root, folder, given)}


@pytest.fixture
def tree(tmp_path):
    for name in (
        "chapters/page.md", "chapters/data.csv", "chapters/more/a.csv", "chapters/more/b.csv",
        "chapters/more/deep/c.txt", "chapters/.hidden", "data/table.csv", "_build/x.csv",
        "chapters/pictures/one.png", "chapters/pictures/notes.md",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "chapters" / "helper.py").write_text("import second\nopen('more/a.csv')\n")
    (tmp_path / "chapters" / "second.py").write_text("x = 1\n")
    return tmp_path


def test_strings_imports_and_words_of_magics_may_name_files():
    code = (
        "import helper as h\nfrom pkg.part import x\nopen('a.csv')\n%run b.py\nopen(f'c-{1}.txt')"
    )
    assert set(mentions([code])) >= {"helper.py", "pkg.py", "pkg", "a.csv", "b.py", "c-*"}


def test_code_that_is_no_python_is_searched_word_by_word():
    assert "data.csv" in mentions(["for in ! data.csv"])


def test_a_name_reaches_the_file_the_folder_or_what_matches_it(tree):
    assert names(tree, "chapters", "data.csv") == {"chapters/data.csv"}
    assert names(tree, "chapters", "../data/table.csv") == {"data/table.csv"}
    assert names(tree, "chapters", "more/*.csv") == {"chapters/more/a.csv", "chapters/more/b.csv"}
    assert names(tree, "chapters", "../data/t*") == {"data/table.csv"}
    assert names(tree, "chapters", "more") == {
        "chapters/more/a.csv", "chapters/more/b.csv", "chapters/more/deep/c.txt",
    }  # fmt: skip
    assert names(tree, "chapters", "pictures") == {"chapters/pictures/one.png"}


NOTHING = ["", ".", "..", "no.csv", ".hidden", "../_build/x.csv", "/etc/hosts", "../../x"]


@pytest.mark.parametrize("name", [*NOTHING, "\0", "[", "*"])
def test_what_names_no_file_of_the_book_reaches_none(tree, name):
    assert names(tree, "chapters", name) == set()


def test_a_module_beside_the_page_counts_with_what_it_names(tree):
    assert names(tree, "chapters", "helper.py") == {
        "chapters/helper.py", "chapters/second.py", "chapters/more/a.csv",
    }  # fmt: skip


def test_a_link_out_of_the_book_is_not_followed(tree, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.csv"
    outside.write_text("x")
    (tree / "chapters" / "link.csv").symlink_to(outside)
    assert names(tree, "chapters", "link.csv") == set()


READS = notebook(
    cell(
        """
        import helper
        from pathlib import Path
        print(Path("data.csv").read_text(), Path("../table.csv").read_text(), helper.x)
        Path("written.txt").write_text("by the page")
        """
    )
)


@pytest.fixture
def book(tmp_path):
    return write_book(
        tmp_path / "book",
        {"part/page": READS},
        **{"part/data.csv": "one", "table.csv": "two", "part/helper.py": "x = 3\n"},
    )


def test_a_page_reads_what_lies_beside_it_and_leaves_nothing_there(book):
    run(book)
    assert text_of(book, "part/page").split() == ["one", "two", "3"]
    assert not list(book.rglob("written.txt"))


@pytest.mark.parametrize(
    ("name", "text", "printed"),
    [
        ("part/data.csv", "1", ["1", "two", "3"]),
        ("table.csv", "2", ["one", "2", "3"]),
        ("part/helper.py", "x = 4\n", ["one", "two", "4"]),
    ],
)
def test_a_changed_file_makes_the_page_run_again(book, name, text, printed):
    run(book)
    assert stale_pages(book) == []
    (book / name).write_text(text)
    assert [page.docname for page in stale_pages(book)] == ["part/page"]
    run(book)
    assert text_of(book, "part/page").split() == printed


def test_a_file_that_no_cell_names_does_not(book):
    run(book)
    (book / "part" / "other.csv").write_text("new")
    assert stale_pages(book) == []


def test_the_same_code_beside_other_files_is_refused_with_what_to_do(tmp_path):
    code = notebook(cell("print(open('data.csv').read())"))
    book = write_book(
        tmp_path, {"a/page": code, "b/page": code}, **{"a/data.csv": "1", "b/data.csv": "2"}
    )
    _, printed = run(book)
    assert "b/page.md:1: its code is that of a/page.md" in printed
    assert "change a cell" in printed
    assert text_of(book, "a/page").split() == ["1"]
