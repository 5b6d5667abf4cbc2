"""The book's structure, read from small books."""

import pytest

from introml.site.pages import UnreadablePage, book_pages, code_lines, read_notebook

NOTEBOOK = (
    "---\njupytext: {text_representation: {format_name: myst}}\nkernelspec: {name: python3}\n---\n"
)


def write_book(root, pages, toc=None, config="title: A book\n"):
    (root / "_config.yml").write_text(config)
    names = list(pages)
    chapters = "".join(f"  - file: {name}\n" for name in names[1:])
    (root / "_toc.yml").write_text(
        toc or f"format: jb-book\nroot: {names[0]}\nchapters:\n{chapters}"
    )
    for name, text in pages.items():
        path = root / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_pages_come_in_the_order_of_the_contents_with_sections_after_their_page(tmp_path):
    toc = """
format: jb-book
root: intro
parts:
  - caption: One
    chapters:
      - file: b/second
        sections:
          - file: a/third.md
          - url: https://example.org
      - file: fourth
  - caption: Two
    chapters:
      - file: fifth
"""
    names = ["intro", "b/second", "a/third", "fourth", "fifth"]
    write_book(tmp_path, {name: f"# Page {name}\n" for name in names}, toc)
    pages = book_pages(tmp_path)
    assert [page.docname for page in pages] == names
    assert [page.title for page in pages] == [f"Page {name}" for name in names]
    assert [page.path for page in pages] == [tmp_path / f"{name}.md" for name in names]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Plain\n\n# Another\n", "Plain"),
        (
            "---\nkey: '# no'\n# comment\n---\n(sec-x)=\n# After front matter #\n",
            "After front matter",
        ),
        ("```text\n# in a fence\n```\n# Real\n", "Real"),
        ("````text\n```\n# in a longer fence\n```\n````\n# Real\n", "Real"),
        (":::{note}\n# in a note\n:::\n# Real\n", "Real"),
        ("# The {term}`loss`, *squared*, in `numpy`\n", "The loss, squared, in numpy"),
        ("# C# and F\n", "C# and F"),
        ("## Only a section\n", "page"),
    ],
)
def test_title_is_the_first_heading_as_plain_text(tmp_path, text, title):
    write_book(tmp_path, {"intro": "# Intro\n", "page": text})
    assert book_pages(tmp_path)[1].title == title


def test_notebooks_are_the_pages_that_myst_nb_takes_for_notebooks(tmp_path):
    pages = {
        "intro": "# Intro\n",
        "jupytext": f"{NOTEBOOK}# A\n",
        "mystnb": "---\nfile_format: mystnb\n---\n# B\n",
        "front-matter": "---\ntitle: C\n---\n# C\n",
        "rule": "---\n\nA rule, then text.\n",
    }
    kinds = {page.docname: page.is_notebook for page in book_pages(write_book(tmp_path, pages))}
    assert kinds == {
        "intro": False,
        "jupytext": True,
        "mystnb": True,
        "front-matter": False,
        "rule": False,
    }


def test_a_page_that_is_not_there_is_named(tmp_path):
    write_book(tmp_path, {"intro": "# Intro\n", "chapters/gone": ""})
    (tmp_path / "chapters/gone.md").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"_toc.yml names 'chapters/gone'.*chapters/gone\.md"
    ):
        book_pages(tmp_path)


def test_patterns_in_the_contents_are_refused(tmp_path):
    toc = "format: jb-book\nroot: intro\nchapters:\n  - glob: chapters/*\n"
    write_book(tmp_path, {"intro": "# Intro\n"}, toc)
    with pytest.raises(ValueError, match=r"pattern 'chapters/\*'"):
        book_pages(tmp_path)


def test_unchanged_files_are_not_read_again(tmp_path, monkeypatch):
    write_book(tmp_path, {"intro": "# Intro\n", "page": f"{NOTEBOOK}# One\n"})
    seen = {}
    first = book_pages(tmp_path, seen)
    with monkeypatch.context() as patch:
        patch.setattr("introml.site.pages._title", lambda text: pytest.fail("read again"))
        assert book_pages(tmp_path, seen) == first
    (tmp_path / "page.md").write_text("# Two, and no notebook\n")
    changed = book_pages(tmp_path, seen)[1]
    assert (changed.title, changed.is_notebook) == ("Two, and no notebook", False)


PAGE_WITH_FENCES = (
    NOTEBOOK
    + """# Page

:::{note}
```{code-cell} ipython3
"shown, not run: inside a note"
```
:::

```{code-cell} ipython3
:tags: [hide-input]

a = 1
b = 2
```

```{code-cell} ipython3
---
tags: [remove-cell]
---
a = 1
```

    ```{code-cell} ipython3
    "indented text"
    ```

```{code-cell} ipython3
a = 1
```
"""
)


def test_cells_depend_on_the_extensions_that_the_book_turns_on(tmp_path):
    # Jupyter Book turns colon fences on; without them the first cell above would run.
    write_book(tmp_path, {"intro": "# I\n", "page": PAGE_WITH_FENCES})
    notebook, _ = read_notebook(tmp_path, book_pages(tmp_path)[1])
    assert [cell.source for cell in notebook.cells if cell.cell_type == "code"] == [
        "a = 1\nb = 2",
        "a = 1",
        "a = 1",
    ]
    off = "title: T\nsphinx: {config: {myst_enable_extensions: [dollarmath]}}\n"
    write_book(tmp_path, {"intro": "# I\n", "page": PAGE_WITH_FENCES}, config=off)
    notebook, _ = read_notebook(tmp_path, book_pages(tmp_path)[1])
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert code[0] == '"shown, not run: inside a note"'
    assert len(code) == 4


def test_code_lines_are_those_of_the_file(tmp_path):
    write_book(tmp_path, {"intro": "# I\n", "page": PAGE_WITH_FENCES})
    begins = code_lines(*read_notebook(tmp_path, book_pages(tmp_path)[1]))
    lines = PAGE_WITH_FENCES.splitlines()
    expected = [i for i, line in enumerate(lines, start=1) if line == "a = 1"]
    assert begins == expected


@pytest.mark.parametrize(
    ("options", "line"), [(":tags: [a", 7), ("---\ntags: {\n---", 7), (":load: nowhere.py", 1)]
)
def test_a_cell_that_cannot_be_read_is_placed(tmp_path, options, line):
    text = f"{NOTEBOOK}# Page\n\n```{{code-cell}} ipython3\n{options}\n1\n```\n"
    write_book(tmp_path, {"intro": "# I\n", "page": text})
    with pytest.raises(UnreadablePage) as raised:
        read_notebook(tmp_path, book_pages(tmp_path)[1])
    assert raised.value.line == line
    assert raised.value.page.docname == "page"
    assert "ParseWarnings" not in raised.value.reason
