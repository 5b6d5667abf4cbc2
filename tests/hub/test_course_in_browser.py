"""A course from the first link to the last grade, in a real Chromium, on a real hub.

The story is told in order: each test goes on where the one before it ended.
"""

import csv
import io
import os
import pwd
import re
from pathlib import Path

import pytest
from browser_site import AXE, FLAGS, chromium_path
from playwright.sync_api import expect, sync_playwright
from real_hub import PASSWORD, RealHub

CAM = f"cam-t{os.getpid()}"
PAGE = "chapters/ml-basics/gradient-descent"
#: The notebook that is in front, of those that are open.
NOTEBOOK = ".jp-NotebookPanel:not(.lm-mod-hidden)"
ANSWERS = {
    "def loss": "def loss(w, x, y):\n    return ((x @ w - y) ** 2).mean()",
    "def gradient": "def gradient(w, x, y):\n    return 2 * x.T @ (x @ w - y) / len(y)",
}


@pytest.fixture(scope="module")
def hub():
    if os.geteuid() != 0:
        pytest.fail("the hub starts servers as users of their own: run these tests as root")
    one = RealHub()
    try:
        yield one.start()
    finally:
        one.close()


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield browser
        browser.close()


class Someone:
    """A person at a browser of their own."""

    def __init__(self, chromium, hub, width=1400, height=2400):
        viewport = {"width": width, "height": height}
        self.context = chromium.new_context(viewport=viewport, base_url=hub.address)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.hosts = set()
        self.context.on(
            "request", lambda r: self.hosts.add(re.sub(r"^(\w+://[^/]+).*", r"\1", r.url))
        )

    def accept(self, link):
        self.page.goto(link)
        self.page.wait_for_url("**/hub/invite")  # the secret is not in the address any more
        expect(self.page.get_by_label("Invitation")).to_be_hidden()
        self.page.get_by_label("Password, 10 characters or more").fill(PASSWORD)
        self.page.get_by_label("The same password again").fill(PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(re.compile(r"/services/course/(teach)?$"))


@pytest.fixture(scope="module")
def teacher(chromium, hub):
    someone = Someone(chromium, hub, height=1000)
    yield someone
    someone.context.close()


@pytest.fixture(scope="module")
def student(chromium, hub):
    someone = Someone(chromium, hub)
    yield someone
    someone.context.close()


@pytest.fixture(scope="module")
def story():
    """What one test leaves for those after it."""
    return {}


def test_a_teacher_accepts_the_invitation_of_the_first_start(hub, teacher):
    teacher.accept(re.search(r"http\S+/hub/invite#\S+", hub.output).group())
    expect(teacher.page.get_by_role("heading", name="The course at a glance")).to_be_visible()


def test_the_teacher_imports_a_roster_and_makes_invitations(teacher, story):
    page = teacher.page
    page.goto("/services/course/teach/roster")
    page.get_by_label("or its lines").fill(
        f"name,full_name,email\n{CAM},Cam Clever,cam@example.edu"
    )
    page.get_by_role("button", name="See what will change").click()
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_text("1 added")).to_be_visible()
    page.get_by_role("button", name="Make their invitation links").click()
    story["link"] = page.get_by_label(f"Link for {CAM}").input_value()


def test_a_student_learns_the_name_and_accepts_theirs(student, story):
    student.page.goto(story["link"])
    expect(student.page.get_by_label("Your name for signing in")).to_have_value(CAM)
    expect(student.page.get_by_text("Your address cam@example.edu does as well")).to_be_visible()
    # Two passwords that differ: nothing is asked for that the link has said already.
    student.page.get_by_label("Password, 10 characters or more").fill(PASSWORD)
    student.page.get_by_label("The same password again").fill(PASSWORD + "x")
    student.page.keyboard.press("Enter")
    expect(student.page.get_by_role("alert")).to_contain_text("not the same")
    expect(student.page.get_by_label("Invitation")).to_be_hidden()
    student.accept(story["link"])
    expect(student.page.get_by_role("link", name="Least squares by hand")).to_be_visible()
    expect(student.page.get_by_role("link", name="Teaching")).to_have_count(0)
    expect(student.page.get_by_text(f"Cam Clever, signed in as {CAM}")).to_be_visible()
    context = student.page.context.browser.new_context()
    late = context.new_page()
    late.goto(story["link"])
    expect(late.get_by_role("alert")).to_contain_text("This invitation is used, expired or unknown")
    expect(late.get_by_label("Invitation: the link")).to_be_focused()
    late.get_by_role("link", name="Sign in").click()
    expect(late.get_by_label("Name or email address")).to_be_focused()
    context.close()


def test_a_page_of_the_book_opens_as_a_notebook_and_its_widget_moves(student):
    page = student.page
    page.goto(f"/services/course/book/{PAGE}.html")
    page.get_by_role("link", name="Open on the hub").click()
    expect(page.get_by_role("heading", name="JupyterLab is starting")).to_be_visible()
    page.wait_for_url(f"**/user/{CAM}/lab/tree/book/{PAGE}.ipynb", timeout=120_000)
    kernel_is_ready(page)
    # Before anything of it is run, its figures are there.
    figures = page.locator(f"{NOTEBOOK} .jp-RenderedSVG img")
    expect(figures.first).to_be_attached()
    root = page.locator("[data-widget=GradientDescent]")
    page.wait_for_selector("[data-widget=GradientDescent][data-ready=true]")
    readout = root.locator("[data-readout]").first
    before = readout.text_content()
    root.get_by_label("Learning rate η").focus()
    page.keyboard.press("End")
    expect(readout).not_to_have_text(before)
    expect(page.get_by_text("notified about official Jupyter news")).to_have_count(0)


def kernel_is_ready(page):
    page.locator(f"{NOTEBOOK} .jp-CodeCell").first.wait_for()
    page.wait_for_selector("#jp-main-statusbar >> text=| Idle", timeout=60_000)


def test_the_student_writes_an_answer_checks_and_hands_in(student, story):
    page = student.page
    page.goto(f"/user/{CAM}/lab/tree/labs/tiny/tiny.ipynb")
    notebook = page.locator(NOTEBOOK)
    notebook.get_by_role("heading", name="Least squares by hand").wait_for()
    kernel_is_ready(page)
    for words, answer in ANSWERS.items():
        cell = notebook.locator(".jp-CodeCell").filter(has_text=words).first
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+A")
        page.keyboard.insert_text(answer)
    # One of the three answers is not written, so the experiment fails on the way to the check.
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    button = page.get_by_role("button", name="Hand in")
    button.wait_for(timeout=90_000)
    expect(notebook.get_by_text("NotImplementedError").last).to_be_visible()
    expect(notebook.locator(".introml-check").get_by_text("not done yet")).to_be_visible()
    page.keyboard.press("Control+S")
    button.scroll_into_view_if_needed()
    button.click()
    link = page.get_by_role("link", name="Its page")
    link.wait_for()
    story["page"] = link.get_attribute("href")
    home = Path(pwd.getpwnam(CAM).pw_dir)
    assert "(x @ w - y) ** 2" in (home / "labs/tiny/tiny.ipynb").read_text()
    assert list((home / "labs/tiny").glob("*receipt*"))


def test_a_deleted_notebook_comes_back_in_a_terminal_as_it_was_handed_in(student):
    """The profile of this machine sets the path anew, and the command is found all the same."""
    labs = Path(pwd.getpwnam(CAM).pw_dir) / "labs/tiny"
    handed_in = (labs / "tiny.ipynb").read_bytes()
    (labs / "tiny.ipynb").unlink()
    page = student.page
    page.goto(f"/user/{CAM}/lab?reset")
    page.locator(".jp-LauncherCard").filter(has_text="Terminal").click()
    page.locator(".xterm-screen").click()
    page.keyboard.type("introml fetch tiny; touch labs/tiny/typed")
    page.keyboard.press("Enter")
    for _ in range(120):
        if (labs / "typed").exists():
            break
        page.wait_for_timeout(500)
    assert (labs / "tiny.ipynb").read_bytes() == handed_in


def test_the_student_sees_the_grade_without_a_reload(student, story):
    page = student.page
    page.goto(story["page"])
    expect(page.locator(".score")).to_contain_text("of 10 points", timeout=60_000)
    story["score"] = page.locator(".score strong").first.text_content()
    assert 0 < float(story["score"]) < 10, "two of three answers were written"
    feedback = page.frame_locator("iframe.feedback")
    expect(feedback.get_by_text("The loss is the mean of squared residuals")).to_be_visible()
    assert "introml-canary" not in page.content()


def test_the_teacher_sees_it_regrades_and_exports(teacher, story):
    page = teacher.page
    page.goto("/services/course/teach/labs/tiny")
    row = page.get_by_role("row").filter(has_text=CAM)
    expect(row).to_contain_text(story["score"])
    page.get_by_text("Grade all submissions again").click()
    page.locator("#regrade-reason").fill("a check was mended")
    page.get_by_role("button", name="Grade all again").click()
    page.wait_for_url(re.compile(r"teach/labs/tiny"))
    page.goto("/services/course/teach/labs/tiny")
    runs = page.get_by_role("row").filter(has_text="a check was mended")
    for _ in range(60):
        if "done" in (runs.first.text_content() or ""):
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(runs.first).to_contain_text("done")
    addresses = page.locator("a[download]").evaluate_all("all => all.map(one => one.href)")
    exported = [teacher.context.request.get(one).text() for one in addresses]
    assert len(exported) >= 3  # for Canvas, Moodle and Gradescope
    for text in exported:
        rows = list(csv.reader(io.StringIO(text)))
        assert len(rows) >= 2, text


def test_the_hubs_own_pages_offer_what_a_student_needs_and_no_tokens(student):
    page = student.page
    page.goto("/hub/home")
    ways = page.get_by_role("navigation").get_by_role("link").all_text_contents()
    assert [one.strip() for one in ways] == ["Tiny course", "Course", "Your server", "Password"]
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_strangers_are_kept_out(teacher, student, story):
    for path in (f"/user/{CAM}/lab", f"/user/{CAM}/api/contents/labs"):
        assert teacher.context.request.get(path).status in (403, 404)
    assert student.context.request.get("/services/course/teach").status in (403, 404)
    assert student.context.request.get("/services/course/teach/roster").status in (403, 404)


def test_nothing_was_asked_of_another_host(hub, teacher, student):
    wanted = {hub.address.rstrip("/")}
    for someone in (teacher, student):
        assert {host for host in someone.hosts if host.startswith("http")} == wanted


@pytest.mark.parametrize("path", ["/hub/login", "/hub/invite", "/hub/password"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_for_signing_in_are_usable_by_all(chromium, hub, student, path, scheme):
    state = student.context.storage_state() if path == "/hub/password" else None
    context = chromium.new_context(
        viewport={"width": 360, "height": 700},
        color_scheme=scheme,
        base_url=hub.address,
        storage_state=state,
    )
    page = context.new_page()
    problems = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    violations = check_with_axe(page)
    assert violations == []
    assert problems == []
    context.close()


@pytest.mark.parametrize("path", ["/hub/home", "/hub/token", "/hub/admin"])
@pytest.mark.parametrize("width", [360, 1280])
def test_jupyterhubs_own_pages_are_usable_by_all(chromium, hub, teacher, path, width):
    context = chromium.new_context(
        viewport={"width": width, "height": 800},
        base_url=hub.address,
        storage_state=teacher.context.storage_state(),
    )
    page = context.new_page()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(path)
        if path == "/hub/admin":
            expect(page.get_by_role("button", name=f"Details of {CAM}")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert check_with_axe(page) == [], scheme
    context.close()


def check_with_axe(page):
    """What axe finds. The page's own rules let no script in, so it comes by the debugger."""
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    return page.evaluate(
        "async () => (await axe.run({ rules: { 'target-size': { enabled: true } } }))"
        ".violations.map(v => [v.id, v.nodes.map(n => n.html)])"
    )


def test_without_javascript_an_invitation_is_pasted(chromium, hub, story):
    link = hub.invitation(CAM)
    context = chromium.new_context(java_script_enabled=False, base_url=hub.address)
    page = context.new_page()
    page.goto(link)
    page.get_by_label("Invitation").fill(link)
    page.get_by_label("Password, 10 characters or more").fill(PASSWORD)
    page.get_by_label("The same password again").fill(PASSWORD + "x")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("alert")).to_contain_text("not the same")
    page.get_by_label("Password, 10 characters or more").fill(PASSWORD)
    page.get_by_label("The same password again").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    page.wait_for_url("**/services/course/")
    context.close()
