"""introml.site.settings: a slip in _config.yml or _toc.yml is told in one line, at its place."""

import pytest

from introml.book.paths import ROOT
from introml.site.settings import WrongSettings, check_settings

CONTENTS = "format: jb-book\nroot: intro\nchapters:\n  - file: one\n"


def check(root, config="title: T\n", contents=CONTENTS):
    (root / "_config.yml").write_text(config)
    (root / "_toc.yml").write_text(contents)
    for name in ("intro", "one", "two"):
        (root / f"{name}.md").write_text("# Page\n")
    return check_settings(root)


def told(root, **texts):
    with pytest.raises(WrongSettings) as caught:
        check(root, **texts)
    return str(caught.value)


def test_the_books_own_settings_are_right():
    assert check_settings(ROOT) == []


def test_a_book_without_slips_has_none(tmp_path):
    parts = (
        "root: intro\nparts:\n  - caption: A\n    numbered: true\n    chapters:\n    - file: one\n"
    )
    nested = f"{parts}      sections:\n      - file: two\n"
    assert check(tmp_path, contents=nested) == []
    (tmp_path / "_config.yml").unlink()
    assert check_settings(tmp_path) == []


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ("title: T\nexceute:\n  timeout: 3\n",
         "_config.yml:2: there is no setting exceute; did you mean execute?"),
        ("execute:\n  timeout: 2m\n",
         "_config.yml:2: execute.timeout is '2m'; it must be a number"),
        ("execute:\n  execute_notebooks: always\n",
         "_config.yml:2: execute.execute_notebooks is 'always'; "
         "it must be one of auto, cache, force, inline, off, False"),
        ("execute:\n  timeout: -7\n",
         "_config.yml:2: execute.timeout is -7; it must be at least -1"),
        ("title: T\nexecute: off\n",
         "_config.yml:2: execute is False; it must be a group of settings"),
        ("title: 3\n", "_config.yml:1: title is 3; it must be text"),
        ("title: T\ntitle: U\n",
         "_config.yml:2: title stands in line 1 as well; one must go, "
         "since only the last would count"),
        ("title: T\n  sub: x\n", "_config.yml:2: mapping values are not allowed here"),
        ("- a\n- b\n",
         "_config.yml:1: it must consist of settings, `name: value`, one a line"),
        ("introml:\n  hubb: x\n",
         "_config.yml:2: there is no setting introml.hubb; did you mean hub?"),
    ],
)  # fmt: skip
def test_a_slip_in_the_configuration_is_told_at_its_line(tmp_path, config, line):
    assert told(tmp_path, config=config) == line


@pytest.mark.parametrize(
    ("contents", "line"),
    [
        (CONTENTS + "  - file: one\n",
         "_toc.yml:5: one stands in line 4 as well; a page has one place"),
        (CONTENTS + "  - file: intro.md\n",
         "_toc.yml:5: intro stands in line 2 as well; a page has one place"),
        (CONTENTS + "  - file: won\n",
         "_toc.yml:5: there is no file won.md; add the page or take the name out"),
        (CONTENTS + "  - file: introo\n",
         "_toc.yml:5: there is no file introo.md; did you mean intro?"),
        (CONTENTS + "  - fiel: two\n", "_toc.yml:5: there is no setting fiel; did you mean file?"),
        (CONTENTS + "  - two\n",
         "_toc.yml:5: 'two' is no entry; a page is named by `- file: its/name`"),
        (CONTENTS + "  - glob: t*\n",
         "_toc.yml:5: pages are named by a pattern, 't*'; name each page by itself, "
         "since the order in _toc.yml is the order of the book"),
        ("chapters:\n  - file: one\n",
         "_toc.yml:1: there is no root; it names the book's first page: `root: intro`"),
        ("root: intro\nchapter:\n  - file: one\n",
         "_toc.yml:2: there is no setting chapter; did you mean chapters?"),
        ("root: [\n", "_toc.yml:2: expected the node content, but found '<stream end>'"),
        ("root: intro\nparts:\n  - captoin: A\n    chapters: []\n",
         "_toc.yml:3: there is no setting captoin; did you mean caption?"),
    ],
)  # fmt: skip
def test_a_slip_in_the_contents_is_told_at_its_line(tmp_path, contents, line):
    assert told(tmp_path, contents=contents) == line


def test_all_slips_are_told_at_once(tmp_path):
    lines = told(tmp_path, config="titel: T\n", contents=CONTENTS + "  - file: no\n").splitlines()
    assert [line.split(":")[0] for line in lines] == ["_config.yml", "_toc.yml"]


def test_a_notebook_file_is_told_with_the_command_that_converts_it(tmp_path):
    (tmp_path / "nine.ipynb").write_text("{}")
    for name in ("nine", "nine.ipynb"):
        line = told(tmp_path, contents=f"{CONTENTS}  - file: {name}\n")
        assert "`jupytext --to myst nine.ipynb` makes nine.md" in line


def test_a_missing_table_of_contents_is_told(tmp_path):
    with pytest.raises(WrongSettings, match=r"_toc\.yml is missing"):
        check_settings(tmp_path)


def test_settings_without_effect_are_named_with_what_there_is_instead(tmp_path):
    config = "logo: a.png\nhtml:\n  favicon: b.png\nlaunch_buttons:\n  thebe: true\n"
    config += "execute:\n  run_in_temp: true\n"
    notes = check(tmp_path, config=config)
    assert [note.split(":")[2] for note in notes] == ["1", "2", "4", "7"]
    assert "set introml.hub" in notes[2]
