"""What a reader does with the book itself: search, go dark, open the contents, answer, print."""

import pytest
from browser_site import pages_with

PAGE = "chapters/ml-basics/gradient-descent"
SEARCH = {"minisearch.js", "search-index.js"}


def test_search_finds_a_section_offline(site, open_tab):
    tab = open_tab(f"{site.as_uri()}/{PAGE}.html")
    tab.page.keyboard.press("/")
    tab.page.keyboard.type("learning rate", delay=5)
    tab.page.wait_for_selector("#search-results li")
    tab.page.keyboard.press("ArrowDown")
    chosen = tab.page.locator("#search-results li[aria-selected=true] a")
    target = chosen.get_attribute("href")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_url(f"**{target.replace('../', '')}")
    assert tab.problems == []


def test_the_search_comes_when_it_is_asked_for_and_not_with_the_page(site, open_tab):
    tab = open_tab(f"{site.as_uri()}/{PAGE}.html")
    tab.page.wait_for_load_state("networkidle")
    tab.page.wait_for_timeout(500)  # what a page fetches ahead once it is idle

    def fetched():
        return {name for url in tab.requests if (name := url.rpartition("/")[2]) in SEARCH}

    assert fetched() == set()
    tab.page.get_by_role("button", name="Search").click()
    tab.page.wait_for_function(
        "document.getElementById('search-status').textContent.startsWith('Type')"
    )
    assert fetched() == SEARCH
    assert tab.problems == []


def test_search_says_when_nothing_is_found(address, open_tab):
    tab = open_tab(f"{address}/{PAGE}.html")
    tab.page.get_by_role("button", name="Search").click()
    tab.page.keyboard.type("zzzqqq")
    tab.page.wait_for_function(
        "document.getElementById('search-status').textContent.includes('Nothing found')"
    )
    tab.page.keyboard.press("Escape")
    assert not tab.page.locator("#search").is_visible()


def test_theme_switch_is_remembered_on_the_next_page(address, open_tab):
    tab = open_tab(f"{address}/{PAGE}.html")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = tab.page.evaluate(paper)
    tab.page.get_by_role("button", name="Switch between light and dark").click()
    dark = tab.page.evaluate(paper)
    assert dark != light
    tab.page.goto(f"{address}/book/index.html")
    assert tab.page.evaluate(paper) == dark


def test_contents_open_and_close_on_a_phone(address, open_tab):
    tab = open_tab(f"{address}/{PAGE}.html", width=360, height=740)
    contents = tab.page.locator("#contents")
    assert not contents.is_visible()
    tab.page.get_by_role("button", name="Contents").click()
    assert contents.is_visible()
    tab.page.keyboard.press("Escape")
    assert not contents.is_visible()


def test_the_readers_part_is_open_and_the_others_open_by_keyboard_without_a_script(
    address, open_tab
):
    tab = open_tab(f"{address}/{PAGE}.html", settle=False, java_script_enabled=False)
    parts = tab.page.locator("#contents details")
    assert parts.count() >= 3
    own = tab.page.locator("#contents details:has(a.current)")
    assert tab.page.locator("#contents details[open]").count() == own.count() == 1
    assert own.get_attribute("open") is not None
    other = tab.page.locator("#contents details:not([open])").first
    other_link = other.locator("a").first
    assert not other_link.is_visible()
    other.locator("summary").focus()
    tab.page.keyboard.press("Enter")
    assert tab.page.locator("#contents details[open]").count() == 2


def test_contents_longer_than_a_phone_scroll_below_the_bar(address, open_tab):
    tab = open_tab(f"{address}/{PAGE}.html", width=360, height=500)
    tab.page.get_by_role("button", name="Contents").click()
    tab.page.evaluate(
        "document.querySelectorAll('#contents details').forEach((d) => { d.open = 1 })"
    )
    bar, first = tab.page.locator(".bar"), tab.page.locator("#contents a").first
    assert first.bounding_box()["y"] >= bar.bounding_box()["height"]
    last = tab.page.locator("#contents a").last
    assert last.bounding_box()["y"] > 500
    last.focus()
    assert last.bounding_box()["y"] < 500


@pytest.mark.parametrize("docname", pages_with("self-check"))
def test_self_checks_answer_without_a_script(docname, address, open_tab):
    tab = open_tab(f"{address}/{docname}.html", settle=False, java_script_enabled=False)
    for question in tab.page.locator(".self-check").all():
        answers = question.locator(".answer")
        assert answers.count() >= 2
        for answer in answers.all():
            assert not answer.locator(".reply").is_visible()
            answer.locator("input").focus()
            tab.page.keyboard.press(" ")
            assert answer.locator(".reply").is_visible()
        assert question.locator(".reply:visible").count() == 1


@pytest.mark.parametrize("docname", pages_with('class="solution"'))
def test_solutions_are_folded_and_open_by_keyboard(docname, address, open_tab):
    tab = open_tab(f"{address}/{docname}.html")
    exercises = tab.page.locator(".admonition.exercise").count()
    solutions = tab.page.locator("details.solution")
    assert solutions.count() == exercises >= 4
    first = solutions.first
    assert first.get_attribute("open") is None
    first.locator("summary").focus()
    tab.page.keyboard.press("Enter")
    assert first.get_attribute("open") is not None


def test_printed_page_is_light_and_has_no_controls(address, open_tab):
    tab = open_tab(f"{address}/{PAGE}.html", scheme="dark")
    tab.page.emulate_media(media="print", color_scheme="dark")
    assert not tab.page.locator(".bar").is_visible()
    assert not tab.page.locator(".iml-controls").first.is_visible()
    ink = tab.page.evaluate("getComputedStyle(document.body).color")
    assert max(int(part) for part in ink[4:-1].split(",")[:3]) < 80


def test_code_can_be_copied(address, open_tab):
    tab = open_tab(f"{address}/{PAGE}.html", permissions=["clipboard-read", "clipboard-write"])
    button = tab.page.locator(".cell_input .copy").first
    button.focus()
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_function("document.querySelector('.copy').textContent === 'Copied'")
    copied = tab.page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == tab.page.locator(".cell_input pre").first.inner_text().strip()


def test_a_function_leads_to_its_lines_in_the_folded_source(address, open_tab):
    page = open_tab(f"{address}/book/package/convolution.html").page
    lines = page.locator('[id="source-introml.convolution.conv2d"]')
    assert not lines.is_visible()
    page.locator('[id="introml.convolution.conv2d"] .to-source').click()
    lines.wait_for(state="visible")
    assert page.evaluate("document.querySelector(':target').getBoundingClientRect().top < 400")
    page.goto("about:blank")
    page.goto(f"{address}/book/package/convolution.html#source-introml.convolution.conv2d")
    page.locator('[id="source-introml.convolution.conv2d"]').wait_for(state="visible")
