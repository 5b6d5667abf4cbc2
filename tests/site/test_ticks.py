"""Claims that a page proves: how a checked cell is shown, counted, and fails the build."""

import pytest
from small_books import FRONT, cell, notebook
from whole_books import new_book

from introml.site.build import write_pages
from introml.site.claims import claim_of
from introml.site.execute import ExecutionFailed, execute_book

CONTENTS = "format: jb-book\nroot: intro\nchapters:\n  - file: chapters/claims\n"
INTRO = "# Start\n\nThe book checks {tick-total}`claims`.\n"
CLAIMS = (
    FRONT
    + """# Claims

```{code-cell} ipython3
:tags: [checked]

# The sum of the first $n$ odd numbers is $n^2$, by `sum`.
for n in range(9):
    assert sum(range(1, 2 * n, 2)) == n**2
```

```{code-cell} ipython3
:tags: [checked]

# One is less than two.
assert 1 < 2
```
"""
)


@pytest.fixture(scope="module")
def claims(tmp_path_factory):
    book = new_book(
        tmp_path_factory.mktemp("ticks"), {"intro": INTRO, "chapters/claims": CLAIMS}, CONTENTS
    )
    execute_book(book.root)
    write_pages(book.root)
    return book


def test_a_checked_cell_is_one_line_with_its_claim_that_opens_to_its_code(claims):
    first, second = claims.page("chapters/claims").select("details.tick")
    assert not first.has_attr("open")
    assert second.summary.get_text() == "✓Checked: One is less than two."
    assert first.summary.select_one(".katex")
    assert first.summary.code.text == "sum"
    code = first.select_one(".highlight").get_text()
    assert "assert sum(range(1, 2 * n, 2)) == n**2" in code
    assert "The sum of the first" not in code, "the claim is not said twice"


def test_no_script_is_needed_to_open_a_claim(claims):
    assert claims.page("chapters/claims").select_one("details.tick > summary")


def test_claims_are_counted_at_the_foot_of_their_page_and_over_the_book(claims):
    foot = claims.page("chapters/claims").select_one("footer").get_text()
    assert "2 claims on this page are checked each time the book is built" in foot
    assert "claims on this page" not in claims.page("intro").select_one("footer").get_text()
    assert "The book checks 2 claims." in claims.page("intro").select_one("article").get_text()


def test_the_books_count_follows_when_a_page_gains_a_claim(claims):
    more = cell("# Two is less than three.\nassert 2 < 3", "checked")
    claims.write("chapters/claims", f"{CLAIMS}\n{more}")
    execute_book(claims.root)
    write_pages(claims.root)
    assert "The book checks 3 claims." in claims.page("intro").select_one("article").get_text()


def test_a_claim_that_does_not_hold_fails_the_build_and_is_named(tmp_path):
    wrong = notebook(cell("# Two is less than one.\nassert 2 < 1", "checked"))
    book = new_book(tmp_path, {"intro": INTRO, "chapters/claims": wrong}, CONTENTS)
    with pytest.raises(ExecutionFailed) as caught:
        execute_book(book.root)
    (failure,) = caught.value.failures
    assert failure.headline.startswith("chapters/claims.md:11: cell 1, line 2 of it: ")
    assert failure.error == "the claim “Two is less than one.” does not hold: AssertionError"


@pytest.mark.parametrize("code", ["assert 1 < 2", "#\nassert 1 < 2"])
def test_a_checked_cell_without_a_claim_is_refused_at_its_place(tmp_path, code):
    page = notebook(cell(code, "checked"))
    book = new_book(tmp_path, {"intro": INTRO, "chapters/claims": page}, CONTENTS)
    execute_book(book.root)
    failure = book.failure()
    assert "chapters/claims.md:" in failure
    assert "begins with a comment that states its claim" in failure


@pytest.mark.parametrize(
    ("source", "claim"),
    [
        ("# It holds.\nassert x", "It holds."),
        ("\n# It holds.\n", "It holds."),
        ("x = 1  # no", None),
        ("#", None),
    ],
)
def test_a_claim_is_the_comment_in_the_first_line(source, claim):
    assert claim_of(source) == claim
