"""A real hub on this machine, as `make hub` starts it: people, their servers, and walls between."""

import contextlib
import os
import pwd
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
import pytest
from bs4 import BeautifulSoup
from hub_visitor import Visitor
from real_hub import ANN, BOB, PASSWORD, TEACHER, RealHub

from introml.grader.box import cgroups
from introml.hub.course.database import now
from introml.hub.course.models import Invitation
from introml.hub.people import people
from introml.hub.servers import limits

ORDINARY_USER = Path(__file__).parents[1] / "grader" / "ordinary_user.py"
#: The user that it becomes.
USER = 12345
NO_INVITATION = "This invitation is used, expired or unknown."


@pytest.fixture
def visit(real_hub):
    """`visit()` -> someone at a fresh browser."""
    open_ones = []

    def fresh() -> Visitor:
        open_ones.append(Visitor(real_hub))
        return open_ones[-1]

    yield fresh
    for one in open_ones:
        one.close()


def as_student(name: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as that student's unix user."""
    who = pwd.getpwnam(name)
    return subprocess.run(
        command, user=who.pw_uid, group=who.pw_gid, extra_groups=[], cwd="/", check=False,
        capture_output=True, text=True,
    )  # fmt: skip


def test_the_first_start_says_where_it_is_and_invites_a_teacher(real_hub, visit):
    assert real_hub.address in real_hub.output
    assert f"and signs in as {TEACHER} from then on" in real_hub.output
    link = re.search(r"http\S+/hub/invite#\S+", real_hub.output).group()
    visitor = visit()
    page = visitor.accept(link, "a teacher's password")
    assert page.status_code == 200
    assert visitor.get("/hub/home").url.path == "/hub/home", "not signed in"
    assert NO_INVITATION in visit().accept(link, "another's password").text


def test_invitations_that_are_no_good_all_get_one_answer(real_hub, visit):
    def answer(link):
        page = visit().accept(link, "long enough password")
        assert page.status_code == 403
        return re.sub(r'value="[^"]*"', "", page.text)

    used = real_hub.invitation(BOB)
    assert visit().accept(used, PASSWORD).status_code == 200
    replaced = real_hub.invitation(BOB)
    real_hub.invitation(BOB)
    expired = real_hub.invitation(ANN)
    with real_hub.course.database.writing() as session:
        ann = people.find(session, ANN)
        one = session.query(Invitation).filter_by(person_id=ann.id, used_at=None).one()
        one.expires_at = now() - timedelta(seconds=1)
    answers = {answer(link) for link in (used, replaced, expired, "nonsense", "x#y", "a" * 5000)}
    assert len(answers) == 1
    assert NO_INVITATION in answers.pop()


def test_a_password_that_will_not_do_leaves_the_invitation_good(real_hub, visit):
    link = real_hub.invitation(ANN)
    visitor = visit()
    assert "10 characters" in visitor.accept(link, "short").text
    assert "not the same" in visitor.accept(link, PASSWORD, again=PASSWORD + "x").text
    secret = link.partition("#")[2]
    assert secret in visitor.accept(link, "short").text, "it would have to be typed again"
    assert visitor.accept(link, PASSWORD).status_code == 200
    assert secret not in real_hub.log


def test_an_invitation_tells_its_own_person_s_name_and_no_other(real_hub, visit):
    link = real_hub.invitation(ANN)
    visitor = visit()

    def told(invitation):
        data = {"invitation": invitation, "_xsrf": visitor.xsrf("/hub/invite")}
        asked = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
        return visitor.post("/hub/invite/whom", data=data, headers=asked)

    assert told(link).json() == {"login": ANN, "email": ""}
    assert told(link).json()["login"] == ANN, "to look used it up"
    for wrong in ("", "nonsense", link[:-1]):
        answer = told(wrong)
        assert answer.status_code == 403
        assert NO_INVITATION in answer.json()["problem"]
    page = BeautifulSoup(visitor.accept(link, "short").text, "html.parser")
    field = page.select_one("input[autocomplete=username]")
    assert (field["value"], field["type"]) == (ANN, "text"), "no password manager would keep it"


def test_forms_from_elsewhere_are_refused(real_hub, visit):
    link = real_hub.invitation(ANN)
    data = {"invitation": link, "password": PASSWORD, "again": PASSWORD}
    for forged in ({}, {"_xsrf": "x"}):
        visitor = visit()
        visitor.get("/hub/login")
        assert visitor.post("/hub/invite", data=data | forged).status_code == 403
    visitor = visit()
    token = visitor.xsrf("/hub/invite")
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    answer = visitor.post("/hub/invite", data=data | {"_xsrf": token}, headers=elsewhere)
    assert answer.status_code == 403
    assert visit().accept(link, PASSWORD).status_code == 200, "it was used up by a forged form"
    visitor = visit()
    visitor.sign_in(ANN)
    data = {"old": PASSWORD, "password": "x" * 12, "again": "x" * 12}
    assert visitor.post("/hub/password", data=data).status_code == 403
    assert visit().sign_in(ANN).url.path == "/hub/home"


def test_wrong_and_unknown_get_the_same_answer(visit):
    def answer(name):
        page = visit().sign_in(name, "not the password")
        assert page.status_code == 403
        text = re.sub(r'name="_xsrf" value="[^"]*"', "", page.text)
        return text.replace(name, "NAME")

    assert answer(ANN) == answer("nobody-at-all")


def test_nobody_can_sign_up(visit):
    for path in ("/hub/signup", "/hub/authorize", "/hub/register"):
        assert visit().get(path).status_code == 404
    assert visit().sign_in("newcomer").status_code == 403


def test_pages_run_no_inline_script_and_come_from_here(visit, real_hub):
    for path in ("/hub/login", "/hub/invite"):
        page = visit().get(path)
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert "unsafe" not in page.headers["Content-Security-Policy"]
        assert re.findall(r'(?:src|href)="(?!/)', page.text) == []
        for address in re.findall(r'(?:src|href)="(/hub/course[^"]+)"', page.text):
            answer = visit().get(address)
            assert answer.status_code == 200
            assert "max-age=31536000" in answer.headers["Cache-Control"]
    for path in ("/hub/course/../course.toml", "/hub/course/%2e%2e/%2e%2e/accounts.py"):
        assert visit().get(path).status_code == 404


def test_a_password_is_changed_and_other_browsers_are_signed_out(real_hub, visit):
    here, there = visit(), visit()
    here.sign_in(ANN)
    there.sign_in(ANN)

    def change(old, new):
        data = {"old": old, "password": new, "again": new, "_xsrf": here.xsrf("/hub/password")}
        return here.post("/hub/password", data=data)

    assert "not your password" in change("wrong password", "a new password").text
    assert change(PASSWORD, "a new password").status_code == 200
    assert here.get("/hub/home").url.path == "/hub/home"
    assert there.get("/hub/home").url.path == "/hub/login"
    assert visit().sign_in(ANN).status_code == 403
    assert change("a new password", PASSWORD).status_code == 200


def test_a_server_starts_as_a_user_of_its_own(real_hub, visit):
    visitor = visit()
    visitor.sign_in(ANN)
    seconds = visitor.start_server(ANN)
    assert seconds <= 20
    who = pwd.getpwnam(ANN)
    owned = [p for p in psutil.process_iter(["uids"]) if p.info["uids"].real == who.pw_uid]
    assert owned
    (server,) = [p for p in owned if "jupyterhub" in " ".join(p.cmdline())]
    environment = server.environ()
    assert environment["INTROML_SUBMIT_URL"].endswith("/services/course/")
    secrets = [p.read_text() for p in real_hub.course.folder.glob("*.secret")]
    assert not any(one in "\0".join(environment.values()) for one in secrets)
    assert "PYTHONPATH" not in environment
    contents = visitor.get(f"/user/{ANN}/api/contents/labs/tiny").json()["content"]
    assert sorted(one["name"] for one in contents) == ["tiny.ipynb", "tiny_checks.py"]
    assert (Path(who.pw_dir) / "book" / "chapters").is_dir()


def test_a_server_that_cannot_start_says_why_where_the_student_stands(real_hub, visit):
    """Since the roster was read, an account of the name was made that is not the course's."""
    name = ANN.replace("ann", "old")
    real_hub.add(name)
    subprocess.run(["useradd", "--no-create-home", "--", name], check=True)
    try:
        visitor = visit()
        visitor.sign_in(name)
        asked, later = visitor.get(f"/hub/spawn/{name}"), visitor.get(f"/user/{name}/lab")
    finally:
        subprocess.run(["userdel", "--", name], check=True)
    for answer in (asked, later):
        assert answer.status_code == 500
        (said,) = BeautifulSoup(answer.text, "html.parser").select("[role=alert], .problem")
        words = " ".join(said.text.split())
        assert words.startswith("Your server cannot start: the account"), words
        assert "was on this machine before the course" in words
        assert words.endswith("Tell your teacher.")


def test_a_server_runs_under_the_limits_of_the_settings(real_hub, visit):
    visitor = visit()
    visitor.sign_in(ANN)
    visitor.start_server(ANN)
    uid = pwd.getpwnam(ANN).pw_uid
    group = limits.group_of(uid, limits.Limits.of(real_hub.course.hub_settings()))
    joined = {int(line) for line in (group.pids / "cgroup.procs").read_text().split()}
    theirs = {p.pid for p in psutil.process_iter(["uids"]) if p.info["uids"].real == uid}
    assert theirs
    assert theirs == joined
    assert group.memory_limit() == 4 << 30
    assert group.processor_limit() == 2


def test_status_says_which_part_of_a_running_hub_is_down(real_hub):
    def status() -> tuple[int, str]:
        command = [str(Path(sys.executable).with_name("introml")), "hub", "status"]
        environment = os.environ | {"INTROML_COURSE": str(real_hub.course.folder)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    until = time.monotonic() + 120
    while "grading workers: 1 of 1" not in (told := status())[1]:
        assert time.monotonic() < until, told
        time.sleep(1)
    assert "4 GB of memory, in force" in told[1]
    assert "not answer" not in told[1]
    proxy = psutil.Process(int((real_hub.course.folder / "proxy.pid").read_text().split()[0]))
    proxy.suspend()
    try:
        code, out = status()
    finally:
        proxy.resume()
    assert code == 1
    assert f"! the hub's proxy does not answer at {real_hub.address}" in out


def test_another_student_cannot_enter_a_server(real_hub, visit):
    ann, bob, nobody = visit(), visit(), visit()
    ann.sign_in(ANN)
    ann.start_server(ANN)
    bob.sign_in(BOB)
    for path in ("api/contents", "lab", "files/labs/tiny/tiny.ipynb", "api/kernels"):
        assert bob.get(f"/user/{ANN}/{path}").status_code in (403, 404)
        answer = nobody.get(f"/user/{ANN}/{path}")
        assert answer.status_code == 403 or answer.url.path == "/hub/login"
    teacher = visit()
    real_hub.add(TEACHER, "teacher")
    teacher.sign_in(TEACHER)
    assert teacher.get(f"/user/{ANN}/api/contents").status_code in (403, 404)


def test_a_student_cannot_read_what_is_not_theirs(real_hub, visit):
    for name in (ANN, BOB):
        visitor = visit()
        visitor.sign_in(name)
        visitor.start_server(name)
    bobs = pwd.getpwnam(BOB).pw_dir
    (Path(bobs) / "diary").write_text("mine")
    course = real_hub.course.folder
    for path in (
        bobs, f"{bobs}/diary", f"{bobs}/labs/tiny/tiny.ipynb", Path(bobs).parent, course,
        course / "course.sqlite", course / "jupyterhub.sqlite", course / "receipt.key",
        course / "hub.log", course / "releases/tiny/tiny.ipynb",
        real_hub.folder / "labs/tiny/hidden_checks.py",
    ):  # fmt: skip
        assert os.path.lexists(path), path
        for command in (["cat", str(path)], ["ls", str(path)]):
            done = as_student(ANN, *command)
            assert "Permission denied" in done.stderr, (command, done)
    assert as_student(ANN, "cat", f"{real_hub.folder}/shared/releases/tiny/tiny.ipynb").stdout
    # Nor what a process was told at its start, or remembers.
    for process in psutil.process_iter(["uids", "cmdline"]):
        if str(course) in " ".join(process.info["cmdline"] or []):
            assert as_student(ANN, "cat", f"/proc/{process.pid}/environ").returncode != 0


def test_no_file_of_the_course_is_readable_by_others(real_hub):
    for path in real_hub.course.folder.rglob("*"):
        if path.is_file() and path.name != "course.toml" and not path.is_symlink():
            assert path.stat().st_mode & 0o077 == 0, path


def test_who_leaves_the_roster_is_out(real_hub, visit):
    name = ANN.replace("ann", "eve")
    real_hub.add(name)
    visitor = visit()
    visitor.sign_in(name)
    assert visitor.get("/hub/home").url.path == "/hub/home"
    with real_hub.course.database.writing() as session:
        people.find(session, name).active = False
    assert visit().sign_in(name).status_code == 403
    until = time.monotonic() + 300
    while visitor.get("/hub/home").url.path != "/hub/login":
        assert time.monotonic() < until
        time.sleep(2)


def test_a_stopped_server_leaves_nothing_running(real_hub, visit):
    visitor = visit()
    visitor.sign_in(BOB)
    visitor.start_server(BOB)
    who = pwd.getpwnam(BOB)
    # Where this hub makes them: another hub's, that was killed, may have left one of this number.
    parents = cgroups.find_parents().folders
    groups = [one / "introml.students" / str(who.pw_uid) for one in parents]
    assert all(group.exists() for group in groups)
    left = subprocess.Popen(
        ["/usr/bin/sleep", "600"], user=who.pw_uid, group=who.pw_gid, start_new_session=True
    )
    token = visitor.xsrf_cookie()
    answer = visitor.delete(
        f"/hub/api/users/{BOB}/server",
        headers={"X-XSRFToken": token, "Referer": f"{real_hub.address}hub/home"},
    )
    assert answer.status_code in (202, 204), answer.text
    left.wait(30)
    running = [p for p in psutil.process_iter(["uids"]) if p.info["uids"].real == who.pw_uid]
    assert [p for p in running if p.status() != psutil.STATUS_ZOMBIE] == []
    assert not any(group.exists() for group in groups)


def test_a_hub_that_is_killed_comes_back_and_finds_its_servers(real_hub, visit):
    visitor = visit()
    visitor.sign_in(ANN)
    visitor.start_server(ANN)
    who = pwd.getpwnam(ANN)
    before = {p.pid for p in psutil.process_iter(["uids"]) if p.info["uids"].real == who.pw_uid}
    start = psutil.Process(real_hub.process.pid)
    (hub,) = [p for p in start.children() if "jupyterhub" in p.cmdline()]
    time.sleep(5)  # a hub that dies at once is not started again
    hub.send_signal(signal.SIGKILL)
    until = time.monotonic() + 300
    while True:
        with contextlib.suppress(httpx.HTTPError):
            server, service = (
                visitor.get(path).status_code for path in (f"/user/{ANN}/api", "/services/course/")
            )
            if (server, service) == (200, 200) and not hub.is_running():
                break
        assert time.monotonic() < until, real_hub.log[-3000:]
        time.sleep(0.2)
    after = {p.pid for p in psutil.process_iter(["uids"]) if p.info["uids"].real == who.pw_uid}
    assert before & after, "the student's server was lost"
    assert "starting it again" in real_hub.output


def test_a_second_hub_on_the_same_course_is_refused(real_hub):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "introml.hub.operate.start", "--port", "1"],
        env=os.environ | {"INTROML_COURSE": str(real_hub.course.folder)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "running already" in done.stderr


def test_ctrl_c_ends_everything(visit):
    hub = RealHub()
    try:
        hub.start()
        name = ANN.replace("ann", "end")
        hub.add(name)
        visitor = Visitor(hub)
        visitor.sign_in(name)
        visitor.start_server(name)
        every = psutil.Process(hub.process.pid).children(recursive=True)
        assert len(every) >= 5  # hub, proxy, service, culler, the student's server
        assert hub.stop() == 0
        _, alive = psutil.wait_procs(every, timeout=10)
        assert alive == []
    finally:
        hub.close()


def test_without_root_it_runs_for_one_person_and_says_why():
    """As an ordinary user of this machine."""
    hub = RealHub(before=(sys.executable, str(ORDINARY_USER)))
    try:
        for path in (hub.folder, *hub.folder.rglob("*")):
            os.chown(path, USER, USER)
        hub.start()
        assert f"one person alone, {TEACHER}" in hub.output
        assert "could read each other's work" in hub.output
        assert psutil.Process(hub.process.pid).uids().real == USER
        for name in (TEACHER, ANN):
            hub.add(name)
        with Visitor(hub) as visitor:
            refused = visitor.sign_in(ANN)
            assert refused.status_code == 403
            assert f"{TEACHER} alone can sign in" in refused.text
        with Visitor(hub) as visitor:
            visitor.sign_in(TEACHER)
            visitor.start_server(TEACHER)
            contents = visitor.get(f"/user/{TEACHER}/api/contents/labs/tiny").json()["content"]
            assert "tiny.ipynb" in [one["name"] for one in contents]
        assert hub.stop() == 0
    finally:
        hub.close()
