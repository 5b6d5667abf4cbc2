"""A page's key changes with what its outputs depend on, and with nothing else."""

import os

import pytest

from introml.site import cache as cache_module
from introml.site.cache import BookCache
from introml.site.execute import page_key
from introml.site.pages import book_pages

FRONT = (
    "---\njupytext: {text_representation: {format_name: myst}}\nkernelspec: {name: python3}\n---\n"
)
PAGE = (
    FRONT
    + """# A page

Some words.

```{code-cell} ipython3
:tags: [hide-input]

from introml.loader import digits
digits()
```

```{code-cell} ipython3
1 / 0
```
"""
)
FILES = {
    "_config.yml": "title: T\n",
    "_toc.yml": "format: jb-book\nroot: intro\nchapters:\n  - file: page\n",
    "intro.md": "# Intro\n",
    "page.md": PAGE,
    "requirements.txt": "torch==2.13.0\n",
    "introml/__init__.py": "",
    "introml/book/assets.py": "def asset(name): ...\n",
    "introml/loader.py": "from introml.book.assets import asset\nfrom introml.scale import by\n"
    "def digits(): return asset('data/digits.csv')\n",
    "introml/scale.py": "by = 2\n",
    "introml/scale.json": "{}",
    "introml/other.py": "",
    "introml/widgets/slider.py": "",
    "introml/loader/view.js": "export default {};",
    "assets/data/digits.csv": "1,2\n",
    "assets/data/other.csv": "1,2\n",
    "assets/facts/gpus.toml": "",
}


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def book(tmp_path):
    for name, text in FILES.items():
        write(tmp_path, name, text)
    return tmp_path


def key(root):
    return page_key(root, book_pages(root)[1])


SAME = {
    "words": ("page.md", PAGE.replace("Some words.", "Other words.\n\nAnd more.")),
    "title": ("page.md", PAGE.replace("# A page", "# Another title")),
    "display tag": ("page.md", PAGE.replace("hide-input", "remove-input")),
    "kernel's display name": (
        "page.md",
        PAGE.replace("name: python3", "name: python3, display_name: P"),
    ),
    "module not imported": ("introml/other.py", "x = 1\n"),
    "widget not shown": ("introml/widgets/slider.py", "x = 1\n"),
    "a module's JavaScript": ("introml/loader/view.js", "export default 1;"),
    "data not read": ("assets/data/other.csv", "3,4\n"),
    "new data": ("assets/recordings/new.json", "{}"),
    "facts not read": ("assets/facts/gpus.toml", "x = 1\n"),
    "config": ("_config.yml", "title: Other\n"),
    "another page": ("intro.md", "# Other\n"),
}  # fmt: skip
OTHER = {
    "code": ("page.md", PAGE.replace("digits()", "digits( )")),
    "a new cell": ("page.md", PAGE + "\n```{code-cell} ipython3\n```\n"),
    "raises-exception": ("page.md", PAGE.replace("hide-input", "raises-exception")),
    "skip-execution": ("page.md", PAGE.replace("hide-input", "skip-execution")),
    "imported module": ("introml/loader.py", FILES["introml/loader.py"] + "# \n"),
    "module imported by that": ("introml/scale.py", "by = 3\n"),
    "the package itself": ("introml/__init__.py", "x = 1\n"),
    "data beside a module": ("introml/scale.json", "[]"),
    "data": ("assets/data/digits.csv", "3,4\n"),
    "requirements": ("requirements.txt", "torch==2.14.0\n"),
}


@pytest.mark.parametrize("change", SAME)
def test_key_stays(book, change):
    before = key(book)
    write(book, *SAME[change])
    assert key(book) == before


@pytest.mark.parametrize("change", OTHER)
def test_key_changes(book, change):
    before = key(book)
    write(book, *OTHER[change])
    assert key(book) != before
    write(book, OTHER[change][0], FILES[OTHER[change][0]])
    assert key(book) == before


def test_tag_moved_to_another_cell_changes_the_key(book):
    tag = ":tags: [raises-exception]\n"
    write(book, "page.md", PAGE.replace("1 / 0", f"{tag}\n1 / 0"))
    second = key(book)
    write(book, "page.md", PAGE.replace(":tags: [hide-input]\n", tag))
    assert key(book) != second


def test_module_of_the_same_text_elsewhere_changes_the_key(book):
    before = key(book)
    write(book, "introml/loader.py", FILES["introml/loader.py"].replace("scale", "other"))
    write(book, "introml/other.py", "by = 2\n")
    assert key(book) != before


@pytest.mark.parametrize("package", ["torch", "numpy", "plotly", "matplotlib", "scikit-learn"])
def test_installed_versions_change_the_key(book, monkeypatch, package):
    before, version = key(book), cache_module._version
    monkeypatch.setattr(
        cache_module, "_version", lambda name: "0" if name == package else version(name)
    )
    assert key(book) != before


def test_python_changes_the_key(book, monkeypatch):
    before = key(book)
    monkeypatch.setattr(cache_module.sys, "version_info", (3, 99, 0))
    assert key(book) != before


def test_code_loaded_from_a_file_is_read_each_time(book):
    write(book, "cell.py", "x = 1\n")
    write(book, "page.md", f"{FRONT}\n```{{code-cell}} ipython3\n:load: cell.py\n```\n")
    known = BookCache(book)
    before = known.key(known.code(book_pages(book)[1]))
    write(book, "cell.py", "x = 2\n")
    assert known.key(known.code(book_pages(book)[1])) != before


def test_unchanged_files_are_remembered_by_time_and_size(book, monkeypatch):
    first = BookCache(book)
    before = first.key(first.code(first.notebooks()[0]))
    first.save()
    for name in ("read_notebook", "scan_module"):
        monkeypatch.setattr(cache_module, name, lambda *a, **k: pytest.fail("read again"))
    second = BookCache(book)
    assert second.key(second.code(second.notebooks()[0])) == before
    monkeypatch.undo()
    write(book, "page.md", PAGE.replace("1 / 0", "2 / 0"))
    third = BookCache(book)
    assert third.key(third.code(third.notebooks()[0])) != before


def test_a_file_with_another_time_and_the_same_size_is_read_again(book):
    first = BookCache(book)
    before = first.key(first.code(first.notebooks()[0]))
    first.save()
    data = book / "assets/data/digits.csv"
    status = data.stat()
    data.write_text("2,1\n")
    os.utime(data, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert key(book) != before


def test_other_settings_of_the_parser_read_the_pages_again(book):
    write(book, "page.md", PAGE + "\n:::{note}\n```{code-cell} ipython3\n1\n```\n:::\n")
    first = BookCache(book)
    assert first.code(first.notebooks()[0]).cells == 2
    first.save()
    # Without colon fences the cell in the note is a cell of the page.
    write(book, "_config.yml", "title: T\nsphinx: {config: {myst_enable_extensions: []}}\n")
    second = BookCache(book)
    assert second.code(second.notebooks()[0]).cells == 3


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 0}', '{"format": 1}'])
def test_a_spoiled_pages_json_is_as_good_as_none(book, content):
    before = key(book)
    write(book, "_build/cache/pages.json", content)
    assert key(book) == before
