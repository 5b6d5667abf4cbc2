"""The build's own bookkeeping: what makes it run again, and how it says what is wrong."""

import os
from pathlib import Path

import pytest
from whole_books import new_book

from introml.site import build
from introml.site.__main__ import main
from introml.site.build import (
    BuildFailed,
    bundle_widgets,
    files_digest,
    input_files,
    inputs_digest,
    write_pages,
)
from introml.site.execute import ExecutionFailed
from introml.widgets import __all__ as names
from introml.widgets.base import class_of, stem_of


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def root(tmp_path):
    """A repository with one file of each kind."""
    for name in (
        "_toc.yml",
        "chapters/a/b.md",
        "assets/data/x.npz",
        "introml/site/static/book.css",
    ):
        put(tmp_path / name, "one")
    return tmp_path


def test_inputs_are_the_files_that_pages_depend_on(root):
    for name in (
        "README.md",
        "tests/test_a.py",
        "_build/html/index.html",
        "introml/__pycache__/a.pyc",
        "introml/widgets/dist/A.js",
        "chapters/.a.md.swp",
    ):
        put(root / name)
    assert {path.relative_to(root).as_posix() for path in input_files(root)} == {
        "_toc.yml",
        "assets/data/x.npz",
        "chapters/a/b.md",
        "introml/site/static/book.css",
    }


def test_the_digest_stays_while_nothing_is_touched(root):
    before = inputs_digest(root)
    put(root / "README.md", "words")
    put(root / "introml" / "widgets" / "dist" / "A.js", "bundled")
    assert inputs_digest(root) == before


def edit(root):
    put(root / "chapters" / "a" / "b.md", "other words")


def edit_keeping_the_size(root):
    page = root / "chapters" / "a" / "b.md"
    page.write_text("two")
    os.utime(page, ns=(1, 1))


def add(root):
    put(root / "book" / "new.md")


def remove(root):
    (root / "assets" / "data" / "x.npz").unlink()


def rename(root):
    (root / "assets" / "data" / "x.npz").rename(root / "assets" / "data" / "y.npz")


@pytest.mark.parametrize("change", [edit, edit_keeping_the_size, add, remove, rename])
def test_the_digest_changes_with_every_input(root, change):
    before = inputs_digest(root)
    change(root)
    assert inputs_digest(root) != before


def test_an_editors_dangling_link_or_vanished_file_is_no_obstacle(root, monkeypatch):
    before = inputs_digest(root)
    (root / "chapters" / ".#b.md").symlink_to("someone@host.123")
    assert inputs_digest(root) == before
    (root / "chapters" / "gone.md").symlink_to("nowhere")
    assert inputs_digest(root) == before


def test_a_folders_digest_follows_names_and_contents(tmp_path):
    put(tmp_path / "a.css", "x")
    put(tmp_path / "deep" / "b.css", "y")
    before = files_digest(tmp_path, ["*.css"])
    put(tmp_path / "a.txt", "z")
    assert files_digest(tmp_path, ["*.css"]) == before
    (tmp_path / "a.css").rename(tmp_path / "c.css")
    assert files_digest(tmp_path, ["*.css"]) != before


# --- bundling -------------------------------------------------------------------------------------

#: Does what matters of the real one: a bundle for each view; it fails on a view that says so.
BUNDLER = """
import { appendFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
mkdirSync("introml/widgets/dist", { recursive: true });
appendFileSync("runs", "x");
for (const stem of readdirSync("introml/widgets")) {
  let view;
  try { view = readFileSync(`introml/widgets/${stem}/view.js`, "utf8"); } catch { continue; }
  if (view === "broken") { console.error(`${stem}/view.js:1:0: ERROR: torn`); process.exit(1); }
  const name = stem.split("_").map((w) => w[0].toUpperCase() + w.slice(1)).join("");
  writeFileSync(`introml/widgets/dist/${name}.mjs`, view);
}
"""


@pytest.fixture
def widgets(tmp_path):
    """A repository with one widget and a small bundler that counts its runs in the file `runs`."""
    for name in ("line_fit/view.js", "line_fit/model.js", "kit/kit.css"):
        put(tmp_path / "introml" / "widgets" / name, name)
    put(tmp_path / "introml" / "widgets" / "bundle.mjs", BUNDLER)
    put(tmp_path / "package-lock.json", "{}")
    return tmp_path


def runs(root):
    return len((root / "runs").read_text()) if (root / "runs").exists() else 0


def test_bundles_are_made_once_while_no_source_changes(widgets):
    for _ in range(3):
        bundle_widgets(root=widgets)
    assert runs(widgets) == 1
    bundle = widgets / "introml" / "widgets" / "dist" / "LineFit.mjs"
    assert bundle.read_text() == "line_fit/view.js"


@pytest.mark.parametrize(
    "name",
    [
        "introml/widgets/line_fit/view.js",
        "introml/widgets/line_fit/model.js",
        "introml/widgets/line_fit/style.css",
        "introml/widgets/kit/kit.css",
        "introml/widgets/bundle.mjs",
        "package-lock.json",
    ],
)
def test_a_changed_source_is_bundled_again(widgets, name):
    bundle_widgets(root=widgets)
    with (widgets / name).open("a") as source:
        source.write("\n")
    bundle_widgets(root=widgets)
    assert runs(widgets) == 2


def test_what_is_in_dist_or_in_python_is_no_source(widgets):
    bundle_widgets(root=widgets)
    put(widgets / "introml" / "widgets" / "dist" / "vendor" / "search.js", "x")
    put(widgets / "introml" / "widgets" / "line_fit.py", "x")
    bundle_widgets(root=widgets)
    assert runs(widgets) == 1


def test_a_folder_named_dist_around_the_repository_hides_nothing(widgets):
    inside = widgets.rename(widgets.parent / "dist")
    bundle_widgets(root=inside)
    put(inside / "introml" / "widgets" / "line_fit" / "view.js", "edited")
    bundle_widgets(root=inside)
    assert runs(inside) == 2


def test_a_bundle_that_was_taken_away_is_made_again(widgets):
    bundle_widgets(root=widgets)
    (widgets / "introml" / "widgets" / "dist" / "LineFit.mjs").unlink()
    bundle_widgets(root=widgets)
    assert (widgets / "introml" / "widgets" / "dist" / "LineFit.mjs").exists()


def test_a_bundler_that_fails_says_why_and_is_run_again(widgets):
    view = widgets / "introml" / "widgets" / "line_fit" / "view.js"
    view.write_text("broken")
    for _ in range(2):
        with pytest.raises(BuildFailed) as caught:
            bundle_widgets(root=widgets)
        assert str(caught.value).startswith("the widgets could not be bundled:\n")
        assert "line_fit/view.js:1:0: ERROR: torn" in str(caught.value)
    assert runs(widgets) == 2


def test_an_edit_taken_back_after_a_failure_is_bundled_again(widgets):
    """The failed run may have replaced bundles of other widgets before it ended."""
    bundle_widgets(root=widgets)
    view = widgets / "introml" / "widgets" / "line_fit" / "view.js"
    good = view.read_text()
    view.write_text("broken")
    with pytest.raises(BuildFailed):
        bundle_widgets(root=widgets)
    view.write_text(good)
    bundle_widgets(root=widgets)
    assert runs(widgets) == 3


def test_bundling_is_mentioned_only_when_it_happens_and_is_asked_for(widgets, capsys):
    bundle_widgets(root=widgets)
    assert capsys.readouterr().out == ""
    put(widgets / "package-lock.json", "{ }")
    bundle_widgets(quiet=False, root=widgets)
    assert capsys.readouterr().out == "bundled the widgets\n"
    bundle_widgets(quiet=False, root=widgets)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", names)
def test_stem_and_class_name_each_give_the_other(name):
    assert class_of(stem_of(name)) == name


# --- the whole ------------------------------------------------------------------------------------


@pytest.fixture
def stages(root, monkeypatch):
    """The build with each stage replaced by one that notes its name; `stages.failing` fails."""

    class Stages(list):
        failing = None

    noted = Stages()

    def stage(name, error):
        def run(*arguments, **options):
            noted.append(name)
            if noted.failing == name:
                raise error

        return run

    failed = ExecutionFailed([])
    monkeypatch.setattr(build.build, "__defaults__", (root, False, None))
    put(root / "_toc.yml", "format: jb-book\nroot: start/first page\n")
    put(root / "_config.yml", "title: Wind & Water\n")
    put(root / "start" / "first page.md")
    (root / "_build" / "pages").mkdir(parents=True)
    for where, name, error in (
        ("introml.site.build.bundle_widgets", "bundle", BuildFailed("torn")),
        ("introml.site.execute.execute_book", "execute", failed),
        ("introml.site.build.write_pages", "write", BuildFailed("a.md:1: WARNING: torn")),
        ("introml.site.publish.publish", "publish", BuildFailed("torn")),
        ("introml.site.downloads.write_downloads", "downloads", BuildFailed("torn")),
    ):
        monkeypatch.setattr(where, stage(name, error))
    return noted


ALL = ["bundle", "execute", "write", "publish", "downloads"]


def test_a_build_runs_every_stage_and_then_none_until_something_is_touched(stages, root, capsys):
    build.build()
    assert stages == ALL
    build.build()
    assert stages == ALL
    assert "the site is up to date" in capsys.readouterr().out
    edit(root)
    build.build()
    assert stages == ALL + ALL
    build.build(force=True)
    assert stages == ALL * 3


def test_pages_that_the_build_itself_writes_are_there_when_the_contents_are_checked(
    stages, root, monkeypatch
):
    """In a fresh clone the labs' handouts are still to be written."""
    put(root / "_toc.yml", "format: jb-book\nroot: labs/one/handout\n")
    monkeypatch.setattr(
        "introml.site.labs.write_handouts", lambda root: put(root / "labs/one/handout.md")
    )
    build.build()
    assert stages == ALL


def test_the_address_of_the_site_leads_to_the_book(stages, root):
    build.build()
    page = (root / "_build" / "html" / "index.html").read_text()
    assert 'url=start/first%20page.html"' in page
    assert "<title>Wind &amp; Water</title>" in page


def test_a_book_that_begins_with_its_index_keeps_it(stages, root):
    put(root / "_toc.yml", "format: jb-book\nroot: index\n")
    put(root / "index.md")
    put(root / "_build" / "pages" / "index.html", "the book")
    build.build()
    assert (root / "_build" / "html" / "index.html").read_text() == "the book"


def test_a_build_that_fails_leaves_the_last_good_site_whole(stages, root):
    page, shown = (root / "_build" / name / "a.html" for name in ("pages", "html"))
    put(page, "good")
    build.build()
    put(page, "half written")
    stages.failing = "publish"
    with pytest.raises(BuildFailed):
        build.build(force=True)
    assert shown.read_text() == "good"
    stages.failing = None
    build.build()
    assert shown.read_text() == "half written"


@pytest.mark.parametrize("name", ["bundle", "execute", "write", "downloads"])
def test_a_build_that_fails_stops_there_and_is_never_up_to_date(stages, name):
    build.build()
    del stages[:]
    stages.failing = name
    for _ in range(2):
        with pytest.raises(BuildFailed):
            build.build(force=True)
    first = ALL[: ALL.index(name) + 1]
    assert stages == first + first
    stages.failing = None
    del stages[:]
    build.build()
    assert stages == ALL


def test_the_command_line_prints_what_is_wrong_and_fails(stages, root, capsys):
    stages.failing = "write"
    assert main(["build", "--book", str(root)]) == 1
    captured = capsys.readouterr()
    assert captured.err == "a.md:1: WARNING: torn\n"
    stages.failing = None
    assert main(["build", "--book", str(root)]) == 0


def test_the_command_line_serves_and_watches_without_opening_a_browser(monkeypatch):
    called = []
    monkeypatch.setattr(
        "introml.site.serve.serve", lambda *given, **named: called.append((given, named))
    )
    assert main(["serve", "--port", "8123"]) == 0
    assert main(["watch", "--no-open"]) == 0
    assert called == [
        ((build.ROOT, 8123, True), {"watch": False}),
        ((build.ROOT, 8000, False), {"watch": True}),
    ]


def test_each_warning_is_told_once_with_its_place_in_the_repository(one_page):
    book = one_page("# Page\n\n{ref}`sec-a`\n\n{ref}`sec-b`\n")
    lines = book.failure().splitlines()
    assert len(lines) == 2
    assert [line.split(" ")[0] for line in lines] == ["intro.md:3:", "intro.md:5:"]


def test_a_build_that_was_cut_off_reads_every_page_again(one_page, monkeypatch):
    """Pages that were read but not written would else stay as they are."""
    book = one_page("# Page\n\nOld words.\n")
    write_pages(book.root)
    pickle = book.root / "_build" / "doctrees" / "environment.pickle"
    assert pickle.exists()

    def interrupted(self, *arguments):
        raise KeyboardInterrupt

    book.write("intro", "# Page\n\nNew words.\n")
    with monkeypatch.context() as patch:
        patch.setattr("sphinx.builders.html.StandaloneHTMLBuilder.write_doc", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_pages(book.root)
    assert not pickle.exists()
    write_pages(book.root)
    assert "New words." in book.text("intro")


def test_a_page_added_to_the_contents_is_in_those_of_every_page(some_pages):
    old = {name: f"# {name}\n\nWords.\n" for name in ("intro", "first", "second")}
    book = some_pages(**old)
    write_pages(book.root)
    book.write("new", "# New page\n\nWords.\n")
    contents = book.root / "_toc.yml"
    contents.write_text(contents.read_text() + "  - file: new\n")
    write_pages(book.root)
    for page in (*old, "new"):
        assert "New page" in book.page(page).select_one("nav#contents").text, page


def test_a_page_that_was_renamed_or_taken_out_leaves_the_site(tmp_path):
    text = "# Page\n\nWords.\n"
    book = new_book(tmp_path, {"intro": text, "chapters/shown": text, "chapters/second": text})
    write_pages(book.root)
    assert (book.html / "chapters" / "second.html").exists()
    (book.root / "chapters" / "second.md").rename(book.root / "chapters" / "third.md")
    contents = (book.root / "_toc.yml").read_text().replace("second", "third")
    (book.root / "_toc.yml").write_text(contents)
    write_pages(book.root)
    names = {path.stem for path in (book.html / "chapters").glob("*.html")}
    assert names == {"shown", "third"}
