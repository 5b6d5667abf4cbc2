"""The local server: a free port, nothing from outside the site, pages that reload when built."""

import http.client
import re
import socket
import subprocess
import threading
from types import SimpleNamespace

import pytest

from introml.site import serve
from introml.site.build import BuildFailed
from introml.site.serve import Builds, Handler, has_desktop, open_server


@pytest.fixture
def folder(tmp_path):
    """A site of one page, with a secret beside it."""
    site = tmp_path / "html"
    (site / "book").mkdir(parents=True)
    (site / "book" / "index.html").write_text("<!doctype html><p>Größe</p>", encoding="utf-8")
    (site / "style.css").write_text("p {}")
    (tmp_path / "secret.txt").write_text("secret")
    return site


@pytest.fixture
def started(folder):
    """`started(builds)`: a running server; returns `get(path) -> (status, headers, body)`."""
    servers = []

    def start(builds=None):
        server = open_server(free_port(), builds, folder)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

        def get(path):
            connection = http.client.HTTPConnection(*server.server_address, timeout=120)
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            return answer.status, answer.headers, body

        return get

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_files_are_served_as_they_are_and_never_from_an_old_cache(started, folder):
    status, headers, body = started()("/book/index.html")
    assert (status, body) == (200, (folder / "book" / "index.html").read_bytes())
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Content-Type"] == "text/html"


def test_only_this_machine_can_reach_it(folder):
    with open_server(free_port(), folder=folder) as server:
        assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/book/../../secret.txt",
        "//../secret.txt",
        "/..%2fsecret.txt",
        "/..\\secret.txt",
        "/book/%2e%2e/%2e%2e/secret.txt",
    ],
)
@pytest.mark.parametrize("watching", [False, True])
def test_nothing_outside_the_folder_is_served(started, path, watching):
    status, _, body = started(Builds() if watching else None)(path)
    assert status == 404
    assert b"secret" not in body.replace(b"secret.txt", b"")


def test_a_page_outside_the_folder_is_not_served_when_watching_either(started, folder):
    (folder.parent / "page.html").write_text("secret")
    assert started(Builds())("/../page.html")[0] == 404


def test_a_taken_port_leads_to_the_next_free_one(folder):
    for _ in range(5):
        with open_server(free_port(), folder=folder) as first:
            port = first.server_address[1]
            try:
                with open_server(port, folder=folder) as second:
                    assert port < second.server_address[1] < port + 20
                    return
            except OSError:
                continue  # Twenty ports in a row were taken by others: look elsewhere.
    pytest.fail("no two free ports in five tries")


def test_where_all_ports_are_taken_the_way_to_choose_another_is_named(monkeypatch, folder):
    def taken(address, handler):
        raise OSError("address already in use")

    monkeypatch.setattr(serve, "ThreadingHTTPServer", taken)
    with pytest.raises(OSError, match=r"no free port from 8000 to 8019; choose another with PORT"):
        open_server(8000, folder=folder)


def test_without_watching_no_page_is_changed_and_nothing_waits(started):
    get = started()
    assert b"__wait" not in get("/book/index.html")[2]
    assert get("/__wait?after=0")[0] == 404


def test_a_watched_page_asks_for_the_build_after_its_own(started, folder):
    builds = Builds()
    get = started(builds)
    builds.done()
    builds.done()
    _, headers, body = get("/book/index.html")
    page = (folder / "book" / "index.html").read_bytes()
    assert body.startswith(page)
    assert re.search(rb"<script>.*fetch\('/__wait\?after=2'\).*</script>$", body)
    assert int(headers["Content-Length"]) == len(body)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert get("/style.css")[2] == b"p {}"


def test_a_page_hears_of_a_build_that_ends_while_it_waits(started):
    builds = Builds()
    get = started(builds)
    ended = []
    threading.Timer(0.2, lambda: ended.append(1) or builds.done()).start()
    assert get("/__wait?after=0")[2] == b"built"
    assert ended


def test_a_page_hears_of_a_build_that_ended_before_it_asked(started):
    builds = Builds()
    get = started(builds)
    builds.done()
    assert get("/__wait?after=0")[2] == b"built"


def test_a_page_of_a_server_that_was_started_again_is_loaded_anew(started):
    assert started(Builds())("/__wait?after=7")[2] == b"built"


def test_without_a_build_the_page_is_told_to_ask_again(started, monkeypatch):
    monkeypatch.setattr(Handler, "patience", 0.1)
    assert started(Builds())("/__wait?after=0")[2] == b"again"


def test_a_desktop_is_known_by_its_display(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    assert not has_desktop()
    monkeypatch.setenv("DISPLAY", ":0")
    assert has_desktop()


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """`watched({"file", …}, …)`: watch such changes; what was built how, and how many were done."""

    def watch(*changes, failing=False):
        calls, builds = [], Builds()

        def build(root):
            assert root == tmp_path
            calls.append("here")
            if failing:
                raise BuildFailed("page.md:3: wrong")

        def run(command, cwd):
            calls.append(command[1:])
            assert cwd == tmp_path
            return SimpleNamespace(returncode=int(failing))

        seen = [{(1, str(tmp_path / name)) for name in change} for change in changes]
        monkeypatch.setattr("watchfiles.watch", lambda *paths, **options: iter(seen))
        monkeypatch.setattr(serve, "build", build)
        monkeypatch.setattr(subprocess, "run", run)
        serve._watch(tmp_path, builds)
        return calls, builds.count

    return watch


FRESH = ["-m", "introml.site", "build"]


@pytest.mark.parametrize(
    ("change", "how"),
    [
        ({"chapters/a/b.md"}, ["here"]),
        ({"introml/widgets/line_fit/view.js"}, ["here"]),
        ({"introml/site/static/book.css", "chapters/a.md"}, ["here"]),
        # These are held by the process that watches: only a new one has them as they are now.
        ({"introml/attention.py"}, [FRESH]),
        ({"introml/book/style/tokens.json"}, [FRESH]),
        ({"introml/attention.py", "chapters/a.md"}, [FRESH]),
        ({"introml/widgets/dist/LineFit.js"}, []),
        ({"introml/__pycache__/a.pyc"}, []),
        ({"chapters/.a.md.swp", "chapters/.#a.md"}, []),
    ],
)
def test_a_change_is_built_once_in_the_way_that_it_needs(watched, change, how):
    assert watched(change) == (how, len(how))


@pytest.mark.parametrize("name", ["chapters/a.md", "introml/attention.py"])
def test_a_build_that_fails_reloads_no_page_and_the_watch_goes_on(watched, name, capsys):
    calls, done = watched({name}, {name}, failing=True)
    assert (len(calls), done) == (2, 0)
    if name.endswith(".md"):
        assert "page.md:3: wrong" in capsys.readouterr().err


def test_a_watch_that_begins_with_a_slip_shows_the_last_good_book(tmp_path, monkeypatch, capsys):
    def fail(root):
        raise BuildFailed("_config.yml:2: torn")

    watched = []
    monkeypatch.setattr(serve, "build", fail)
    monkeypatch.setattr(serve, "_watch", lambda root, builds: watched.append(root))
    monkeypatch.setattr(serve.time, "sleep", lambda seconds: pytest.fail("begins to serve"))
    with pytest.raises(BuildFailed):
        serve.serve(tmp_path, free_port(), False, watch=True)
    page = tmp_path / "_build" / "html" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("the book")
    with pytest.raises(pytest.fail.Exception):
        serve.serve(tmp_path, free_port(), False, watch=True)
    assert watched == [tmp_path]
    assert "_config.yml:2: torn" in capsys.readouterr().err
    with pytest.raises(BuildFailed):
        serve.serve(tmp_path, free_port(), False, watch=False)
