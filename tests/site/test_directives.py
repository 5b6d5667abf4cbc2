"""Captions, margin notes and questions: what they become, and how a wrong one is refused."""

import pytest

from introml.site.build import write_pages


def classes(node):
    return node.get("class") or []


def test_captions_are_numbered_by_kind_within_each_page(book):
    numbers = {
        line["id"]: line.select_one(".caption-number").text
        for page in ("chapters/shown", "chapters/second")
        for line in book.page(page).select("p.caption-line")
    }
    assert numbers == {
        "fig-line": "Figure 1",
        "fig-heat": "Figure 2",
        "tbl-sizes": "Table 1",
        "fig-two": "Figure 1",
    }


def test_a_caption_holds_formulas_and_emphasis(book):
    line = book.page("chapters/shown").select_one("#fig-line")
    assert line.select_one(".katex")
    assert line.select_one("em").text == "points"


def test_references_give_the_number_and_lead_to_the_caption(book):
    shown, second = book.page("chapters/shown"), book.page("chapters/second")
    for page, href, text in (
        (shown, "#fig-line", "Figure 1"),
        (shown, "#tbl-sizes", "Table 1"),
        (shown, "#fig-heat", "the heat map"),
        (second, "shown.html#fig-line", "Figure 1"),
        (second, "#fig-two", "Figure 1"),
    ):
        links = page.select(f'p a.reference[href="{href}"]')
        assert [link.text for link in links] == [text]


@pytest.mark.parametrize(
    ("caption", "problem"),
    [
        (":::{caption} figure-one\nWords.\n:::", "label 'figure-one' must begin with 'fig-' or"),
        (":::{caption} fig-empty\n:::", "caption fig-empty needs a sentence"),
        (":::{caption} fig-list\n- one\n- two\n:::", "caption fig-list needs a sentence"),
        (":::{caption}\nWords.\n:::", "1 argument(s) required, 0 supplied"),
    ],
)
def test_a_wrong_caption_is_refused_with_page_and_line(one_page, caption, problem):
    failure = one_page(f"# Page\n\nWords.\n\n{caption}\n").failure()
    assert "intro.md:5: " in failure
    assert problem in failure


def test_a_label_that_is_taken_is_refused_with_page_and_line(one_page):
    caption = ":::{caption} fig-same\nWords.\n:::\n"
    book = one_page(f"# Page\n\n{caption}\n{caption}")
    failure = book.failure()
    assert "intro.md:7: WARNING: the label fig-same is already used in intro.md" in failure


def captioned(*labels):
    return "# Page\n\n" + "\n".join(f":::{{caption}} {label}\nWords.\n:::\n" for label in labels)


def test_a_label_of_another_page_is_refused_with_page_and_line(some_pages):
    book = some_pages(intro=captioned("fig-a"), other=captioned("fig-b", "fig-a"))
    taken = "other.md:7: WARNING: the label fig-a is already used in intro.md"
    assert taken in book.failure()


def test_labels_may_move_to_other_pages(some_pages):
    book = some_pages(intro=captioned("fig-a"), other=captioned("fig-b"))
    write_pages(book.root)
    book.write("intro", captioned("fig-b") + "\nAs {ref}`fig-a` shows.\n")
    book.write("other", captioned("fig-a"))
    write_pages(book.root)
    assert book.page("intro").select('a[href="other.html#fig-a"]')


def test_a_margin_note_is_an_aside_with_a_name(book):
    (note,) = book.page("chapters/shown").select("aside.margin-note")
    assert note["aria-label"] == "Side note"
    assert note.text.strip() == "A side note."


def test_a_question_is_a_group_of_radio_buttons_named_by_its_text(book):
    first, second = book.page("chapters/shown").select("fieldset.self-check")
    assert first.legend.select_one("annotation").text == "1 < 2"
    assert "& true?" in first.legend.text
    for group in (first, second):
        names = {radio["name"] for radio in group.select("input[type=radio]")}
        assert len(names) == 1
    assert first.input["name"] != second.input["name"]


def test_each_answer_has_a_label_and_a_reply_of_its_own(book):
    page = book.page("chapters/shown")
    for radio in page.select("fieldset.self-check input"):
        assert len(page.select(f'label[for="{radio["id"]}"]')) == 1
        assert len(page.select(f'[id="{radio["aria-describedby"]}"]')) == 1
        assert not radio.has_attr("checked")


def test_the_marked_answer_is_the_right_one_and_its_mark_is_gone(book):
    first, second = book.page("chapters/shown").select("fieldset.self-check")
    verdicts = [
        [
            (classes(answer)[1], answer.select_one(".verdict").text)
            for answer in group("div", "answer")
        ]
        for group in (first, second)
    ]
    assert verdicts == [
        [("wrong", "Not so."), ("right", "Right.")],
        [("right", "Right."), ("wrong", "Not so.")],
    ]
    labels = [label.text for label in first.select("label")]
    assert labels[0] == "Neverword."
    assert labels[1].startswith("Yes, ")
    replies = [reply.p.text for reply in first.select(".reply")]
    assert replies == ["Because of order.", "Rightword."]


def answers(*marks):
    return "\n".join(f"- [{mark}] Answer.\n\n  Reply." for mark in marks)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (answers(" ", " "), "needs exactly one answer marked [x]"),
        (answers("x", "X"), "needs exactly one answer marked [x]"),
        (answers("x", " ") + "\n\nMore words.", "needs one list of answers and nothing else"),
        ("No list.", "needs one list of answers and nothing else"),
        ("- [x] Answer without a reply.", "each answer is `- [ ] text` or `- [x] text`"),
        ("- Answer.\n\n  Reply.", "each answer is `- [ ] text` or `- [x] text`"),
        ("-\n- [x] Answer.\n\n  Reply.", "each answer is `- [ ] text` or `- [x] text`"),
    ],
)
def test_a_wrong_question_is_refused_with_page_and_line(one_page, body, problem):
    failure = one_page(f"# Page\n\nWords.\n\n:::{{self-check}} Is it so?\n{body}\n:::\n").failure()
    assert "intro.md:5: " in failure
    assert problem in failure


def test_an_aside_is_folded_below_its_title(one_page):
    book = one_page("# Page\n\nWords.\n\n:::{aside} Why $x$ is *one*\nSince $x = 1$.\n:::\n")
    write_pages(book.root)
    folded = book.page("intro").select_one("details.aside")
    assert not folded.has_attr("open")
    assert folded.summary.em.text == "one"
    assert folded.summary.select_one(".katex")
    assert folded.p.get_text().startswith("Since")
