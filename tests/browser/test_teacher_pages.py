"""The teacher's pages in a real browser: for every reader, on a phone, by keyboard alone."""

import re

import pytest
import sqlalchemy as sa
from big_class import fill
from browser_site import AXE
from served import app_of, served
from tiny_course import make_course

from introml.hub.course.models import Grading, Override
from introml.hub.grades import regrades
from introml.hub.people import people

AXE_RUN = (
    "axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.map((v) =>"
    " `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join(' | ')}`))"
)
TESS = {
    "cookies": [
        {
            "name": "who", "value": "tess.1", "domain": "127.0.0.1", "path": "/", "expires": -1,
            "httpOnly": True, "secure": False, "sameSite": "Lax",
        }
    ],
    "origins": [],
}  # fmt: skip
ROSTER = "name,full_name,role\ns001,Another Name,teacher\nnew-one,新しい 人,\nnew-two,,teacher\n"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = make_course(tmp_path_factory.mktemp("class"))
    fill(course, 24)
    regrades.regrade_all(course, "tess", course.labs["tiny"], "the check on sizes was too strict")
    yield course
    course.database.close()


@pytest.fixture(scope="module")
def address(course):
    with served(app_of(course)) as address:
        yield address


@pytest.fixture
def pages(course):
    """The addresses of all kinds of pages that a link leads to."""
    with course.database.reading() as session:
        flagged = session.scalar(sa.select(Grading).filter_by(flagged=True).limit(1))
        whose = flagged.submission.person.name
        regrade = regrades.regrades(session, course.labs["tiny"])[0].id
    return [
        "teach", "teach/labs/tiny", "teach/labs/tiny?show=none&q=zzz", "teach/log",
        f"teach/labs/tiny/people/{whose}", f"teach/gradings/{flagged.id}",
        f"teach/labs/tiny/regrades/{regrade}", "teach/roster",
    ]  # fmt: skip


def ask_for_links(tab):
    """Ask for links on the roster's page: for those without one, or, once all have one, anew."""
    offers = re.compile("Make (their invitation links|new links for all)")
    tab.page.get_by_role("button", name=offers).first.click()
    tab.page.wait_for_load_state()
    if (sure := tab.page.get_by_role("button", name="Make new links", exact=True)).count():
        sure.click()  # it asks, as the old ones end


def kinds(tab, address, pages):
    """Opens each page in turn, those after a form too, and yields its name."""
    for path in pages:
        tab.page.goto(address + path)
        yield path
    tab.page.goto(f"{address}teach/roster")
    tab.page.get_by_label("or its lines").fill(ROSTER)
    tab.page.get_by_role("button", name="See what will change").click()
    yield "import"
    tab.page.goto(f"{address}teach/roster")
    ask_for_links(tab)
    yield "invitations"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_for_everybody(scheme, address, pages, open_tab):
    tab = open_tab(f"{address}teach", scheme=scheme, settle=False, storage_state=TESS)
    for name in kinds(tab, address, pages):
        tab.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        tab.page.evaluate(AXE.read_text(encoding="utf-8"))
        for width in (360, 1280):
            tab.page.set_viewport_size({"width": width, "height": 900})
            assert tab.page.evaluate(AXE_RUN) == [], f"{name} at {width} px"
            wide = tab.page.evaluate("document.scrollingElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} px wide"
    # The icon of a page that is left before it came is no problem.
    assert [one for one in tab.problems if "static/icon.svg" not in one] == []
    assert [url for url in tab.requests if not url.startswith((address, "data:"))] == []


def test_every_control_is_reached_by_tab(address, pages, open_tab):
    tab = open_tab(f"{address}teach", settle=False, storage_state=TESS)
    for name in kinds(tab, address, pages):
        wanted = tab.page.evaluate(
            "[...document.querySelectorAll('a[href], button, input, select, textarea, summary')]"
            ".filter((x) => x.type !== 'hidden' && x.checkVisibility()).length"
        )
        reached = 0
        tab.page.evaluate("window.seen = new Set()")
        for _ in range(wanted * 6 + 20):  # a field for a date and time has several stops
            tab.page.keyboard.press("Tab")
            fresh = tab.page.evaluate(
                "(() => { const x = document.activeElement; if (x === document.body) return null;"
                " const first = !window.seen.has(x); window.seen.add(x);"
                " const outlined = getComputedStyle(x).outlineStyle !== 'none';"
                " return [first && x.tagName !== 'PRE', outlined]; })()"
            )
            if fresh is None:
                break
            reached += fresh[0]
            ident = tab.page.evaluate("document.activeElement.outerHTML.slice(0, 100)")
            assert fresh[1], f"{name}: what has the focus is not marked: {ident}"
        assert reached == wanted, name


def test_a_grade_is_set_by_keyboard_alone(course, address, open_tab):
    tab = open_tab(f"{address}teach/labs/tiny/people/s005", settle=False, storage_state=TESS)
    page = tab.page

    def tab_to(ident):
        for _ in range(200):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == ident:
                return
        raise AssertionError(f"Tab does not come to {ident}")

    tab_to("score")
    page.keyboard.type("7.5")
    tab_to("override-reason")
    page.keyboard.type("oral exam")
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("The grade is 7.5 now").wait_for()
    with course.database.reading() as session:
        newest = session.scalar(sa.select(Override).order_by(Override.id.desc()).limit(1))
        assert (newest.score, newest.by, newest.reason) == (7.5, "tess", "oral exam")
    assert "7.5 of 10, set by tess: oral exam" in page.locator("dl.facts").inner_text()


def test_a_way_to_the_dates_opens_their_form(address, open_tab):
    tab = open_tab(f"{address}teach/labs/tiny", settle=False, storage_state=TESS)
    assert not tab.page.locator("#opens_at").is_visible()
    tab.page.get_by_role("link", name="Dates", exact=True).click()
    tab.page.locator("#opens_at").wait_for(state="visible")


def test_all_links_are_copied_at_once(address, open_tab):
    tab = open_tab(
        f"{address}teach/roster", settle=False, storage_state=TESS,
        permissions=["clipboard-read", "clipboard-write"],
    )  # fmt: skip
    ask_for_links(tab)
    shown = tab.page.locator("input.link").evaluate_all("(all) => all.map((x) => x.value)")
    tab.page.get_by_role("button", name="Copy all").click()
    tab.page.get_by_text(f"Copied: {len(shown)}").wait_for()
    copied = tab.page.evaluate("navigator.clipboard.readText()").splitlines()
    assert [line.partition("\t")[2] for line in copied] == shown
    assert all("/hub/invite#" in link for link in shown)


def test_a_roster_is_seen_then_taken(course, address, open_tab):
    tab = open_tab(f"{address}teach/roster", settle=False, storage_state=TESS)
    tab.page.get_by_label("A CSV file").set_input_files(
        {"name": "r.csv", "mimeType": "text/csv", "buffer": 'name,full_name\nnn,"Ñ, 王"\n'.encode()}
    )
    tab.page.get_by_role("button", name="See what will change").click()
    tab.page.get_by_text("1 will be added").wait_for()
    tab.page.get_by_role("button", name="Do it").click()
    tab.page.get_by_role("status").get_by_text("1 added").wait_for()
    with course.database.reading() as session:
        assert people.find(session, "nn").full_name == "Ñ, 王"
