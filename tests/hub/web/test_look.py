"""The student's pages in a real Chromium: no violation of axe, 360 px, keyboard, light and dark,
live progress without reload, and without scripts."""

import json
from datetime import timedelta

import pytest
from browser_site import AXE, FLAGS, chromium_path
from playwright.sync_api import expect, sync_playwright
from served import PREFIX, app_of, served
from tiny_course import grade_next, make_course, notebook, result_of

from introml.grader.results.results import CellError
from introml.hub.course.database import now
from introml.hub.course.models import LabSchedule
from introml.hub.grades.submissions import dates_of, hand_in
from introml.hub.queue import jobs

ATTACK = "<img src=x onerror=alert(1)>" + "W" * 150 + ".ipynb"
_AXE = (
    "axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.map((v) =>"
    " `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ')}`))"
)


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield browser
        browser.close()


class Place:
    """A served course with one graded submission and one that waits."""

    def __init__(self, folder):
        self.course = make_course(folder)
        with self.course.database.writing() as session:
            dates_of(session, "tiny").due_at = now() - timedelta(hours=30)
        self.done = self.submit(b"one", ATTACK)
        grade_next(
            self.course, 6, public_output="loss 0.5\n" * 30, message="A message.",
            notes=["A note."], cell_errors=[CellError("cell", "NameError: x")],
        )  # fmt: skip
        self.waiting = self.submit(b"two")

    def submit(self, data, file_name="tiny.ipynb", who="ann"):
        receipt = hand_in(self.course, who, self.course.labs["tiny"], file_name, data).receipt
        return json.loads(receipt)["submission"]

    def grade_all(self, points=2):
        """Grade all that waits."""
        while (lease := jobs.lease(self.course, "w", ["cpu"])) is not None:
            jobs.report(self.course, lease.grading, lease.token, result_of(lease, points))

    def pages(self):
        return ["", "labs/tiny", f"submissions/{self.done}", f"submissions/{self.waiting}",
                "receipts", "nothing"]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("look"))
    with served(app_of(place.course)) as place.url:
        yield place
    place.course.database.close()


@pytest.fixture
def open_tab(chromium, place):
    """`open_tab(page, …)` -> Playwright's page, signed in as ann; `.problems` of it are told."""
    contexts = []

    def open_one(page, width=1280, who="ann", **options):
        context = chromium.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        host = place.url.removesuffix(PREFIX)
        context.add_cookies([{"name": "who", "value": f"{who}.1", "url": host}])
        tab = context.new_page()
        tab.problems = []
        tab.on("pageerror", lambda error: tab.problems.append(str(error)))
        tab.on(
            "console",
            lambda said: said.type in ("error", "warning") and tab.problems.append(said.text),
        )
        tab.goto(place.url + page)
        return tab

    yield open_one
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(place, open_tab, scheme, width):
    tab = open_tab("", width, color_scheme=scheme, bypass_csp=True)
    for page in place.pages():
        tab.goto(place.url + page)
        tab.add_script_tag(path=str(AXE))
        assert tab.evaluate(_AXE) == [], page
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, page


def test_the_readers_own_time_stands_beside_the_courses_where_it_differs(place, open_tab):
    """The course is in UTC; Tokyo is nine hours ahead all year."""
    with place.course.database.reading() as session:
        due = session.get(LabSchedule, "tiny").due_at
    own = due + timedelta(hours=9)
    hour = f"{own:%H:%M}" if own.date() == due.date() else f"{own:%Y-%m-%d %H:%M}"
    tab = open_tab("labs/tiny", timezone_id="Asia/Tokyo")
    said = f"{due:%Y-%m-%d %H:%M} UTC ({hour} your time)"
    expect(tab.locator("dl.facts dd").first).to_have_text(said)
    same = open_tab("labs/tiny", timezone_id="Etc/UTC")
    expect(same.locator("dl.facts dd").first).to_have_text(f"{due:%Y-%m-%d %H:%M} UTC")
    plain = open_tab("labs/tiny", timezone_id="Asia/Tokyo", java_script_enabled=False)
    expect(plain.locator("dl.facts dd").first).to_have_text(f"{due:%Y-%m-%d %H:%M} UTC")


def test_a_field_of_a_date_says_what_that_is_by_the_readers_clock(place, open_tab):
    tab = open_tab("teach/labs/tiny#dates", who="tess", timezone_id="America/New_York")
    beside = tab.locator("label[for=closes_at] output")
    expect(beside).to_have_text("")
    # New York is five hours behind UTC in winter and four in summer.
    for shown, own in (
        ("2026-01-15T12:00", "07:00 your time"), ("2026-07-15T12:00", "08:00 your time"),
        ("2026-07-15T02:00", "2026-07-14 22:00 your time"), ("2026-03-08T07:30", "03:30 your time"),
    ):  # fmt: skip
        tab.locator("#closes_at").fill(shown)
        expect(beside).to_have_text(own)
    assert tab.problems == []


def test_the_policy_of_the_pages_stops_nothing_of_theirs_and_all_else(place, open_tab):
    tab = open_tab("")
    for page in place.pages()[:-1]:
        tab.goto(place.url + page)
        tab.wait_for_timeout(200)
        assert tab.problems == [], page
    tab.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=boom()>')")
    tab.wait_for_timeout(200)
    assert any("Content Security Policy" in problem for problem in tab.problems)


def test_a_grading_is_followed_without_a_reload(place, open_tab):
    place.grade_all()
    place.submit(b"of bob", who="bob")
    place.submit(b"three")
    tab = open_tab("labs/tiny")
    live = tab.locator("[role=status]")
    expect(live).to_contain_text("1 is before it in the queue")
    tab.evaluate("window.stays = true")
    grade_next(place.course, 1)
    expect(live).to_contain_text("it is next")
    lease = jobs.lease(place.course, "w", ["cpu"])
    expect(live).to_contain_text("Being graded now.")
    jobs.hand_back(place.course, lease.grading, lease.token, "")
    grade_next(place.course, 10)
    expect(live).to_contain_text("Graded: 10 of 10 points.")
    expect(tab.locator("#attempt-list")).to_contain_text("10 of 10")
    expect(tab.locator("#standing")).to_contain_text("8 of 10")  # 30 hours late
    assert tab.evaluate("window.stays") is True
    assert tab.problems == []


def test_the_feedback_is_whole_and_in_the_readers_colours(place, open_tab):
    tab = open_tab(f"submissions/{place.done}", color_scheme="light")
    frame = tab.frame_locator(".feedback")
    assert "NameError: x" in frame.locator("body").inner_text()
    ground = "(one) => getComputedStyle(one).backgroundColor"
    light = frame.locator("body").evaluate(ground)
    tab.locator("#theme-switch").click()
    dark = frame.locator("body").evaluate(ground)
    assert dark == tab.locator("body").evaluate(ground) != light
    fits = "(one) => one.contentDocument.documentElement.scrollHeight <= one.clientHeight"
    assert tab.locator(".feedback").evaluate(fits)
    tab.reload()
    assert tab.evaluate("localStorage.getItem('introml-theme')") == "dark"
    assert tab.locator("body").evaluate(ground) == dark


def test_on_paper_it_is_light(place, open_tab):
    tab = open_tab("labs/tiny", color_scheme="dark")
    tab.emulate_media(media="print", color_scheme="dark")
    colour = tab.locator("h1").evaluate("(one) => getComputedStyle(one).color")
    assert max(int(x) for x in colour.removeprefix("rgb(").rstrip(")").split(",")) < 80
    assert not tab.locator("nav").is_visible()
    assert not tab.locator("form.stand").is_visible()


def test_all_can_be_reached_and_seen_by_keyboard(place, open_tab):
    tab = open_tab("labs/tiny")
    wanted = tab.evaluate(
        "[...document.querySelectorAll('a[href], button, input:not([type=hidden])')]"
        ".filter((one) => one.checkVisibility()).length"
    )
    seen = set()
    for _ in range(wanted + 2):
        tab.keyboard.press("Tab")
        focus = "[...document.body.querySelectorAll('*')].indexOf(document.activeElement)"
        seen.add(tab.evaluate(focus))
        if tab.evaluate(focus) >= 0:
            width = tab.evaluate("getComputedStyle(document.activeElement).outlineWidth")
            assert float(width.removesuffix("px")) >= 2
    assert len(seen - {-1}) == wanted


def test_a_file_is_handed_in_without_scripts(place, open_tab):
    tab = open_tab("labs/tiny", java_script_enabled=False)
    tab.set_input_files(
        "input[type=file]",
        {"name": "by hand.ipynb", "mimeType": "application/json", "buffer": notebook()},
    )
    tab.get_by_role("button", name="Hand in").click()
    assert "by hand.ipynb" in tab.inner_text("main")
    assert tab.get_by_role("link", name="Look again").is_visible()
    place.grade_all(2)
    tab.get_by_role("link", name="Look again").click()
    assert "2 of 10" in tab.inner_text("main")


def test_the_button_regrade_opens_its_form_again_and_again(place, open_tab):
    tab = open_tab("teach/labs/tiny", who="tess")
    form = tab.locator("details", has_text="Grade all submissions again")
    for times in range(2):
        tab.goto(f"{place.url}teach/labs/tiny")
        for _ in range(2):  # the second click on a link changes no address
            tab.get_by_role("link", name="Regrade", exact=True).click()
            expect(form).to_have_attribute("open", "")
            form.locator("summary").click()
            expect(form).not_to_have_attribute("open", "")
        tab.get_by_role("link", name="Regrade", exact=True).click()
        form.get_by_label("Reason").fill(f"mended, {times}")
        form.get_by_role("button").dblclick()
        expect(tab.get_by_role("status")).to_contain_text("graded again")
        place.grade_all()
    runs = tab.get_by_role("table", name="Regrades of the whole lab, the newest first")
    expect(runs.locator("tbody tr")).to_have_count(2)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_the_page_that_asks_first_asks_without_scripts_and_fits(open_tab, width, scheme):
    tab = open_tab("teach/roster", width, "tess", java_script_enabled=False, color_scheme=scheme)
    row = tab.get_by_role("row").filter(has_text="Bob Baker")
    row.get_by_text("Change").first.click()
    row.get_by_role("button", name="Take off the roster").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("Take bob off the roster?")
    assert tab.locator("main").bounding_box()["width"] <= width
    tab.get_by_role("link", name="No, back without a change").click()
    expect(tab.get_by_role("row").filter(has_text="Bob Baker")).to_contain_text("student")
