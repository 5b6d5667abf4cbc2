"""What a start of the hub ends: sessions of browsers, and nothing of programs or servers."""

import sqlite3

from introml.hub.jupyter import sessions


def known(path):
    with sqlite3.connect(path) as connection:
        return [row[0] for row in connection.execute("SELECT client_id FROM api_tokens")]


def test_cookies_and_what_they_hold_are_no_use_any_more(sqlite_course):
    folder = sqlite_course.folder
    (folder / "jupyterhub-cookie.secret").write_text("old")
    before = {name: sqlite_course.secret(name) for name in ("session", "worker", "proxy")}
    with sqlite3.connect(folder / "jupyterhub.sqlite") as connection:
        connection.execute("CREATE TABLE api_tokens (client_id TEXT)")
        connection.execute("CREATE TABLE oauth_codes (code TEXT)")
        connection.execute(
            "INSERT INTO api_tokens VALUES ('jupyterhub'), ('service-course'),"
            " ('jupyterhub-user-ann')"
        )
    sessions.end_all(sqlite_course)
    assert not (folder / "jupyterhub-cookie.secret").exists()
    assert known(folder / "jupyterhub.sqlite") == ["jupyterhub"]
    assert sqlite_course.secret("session") != before["session"]
    assert sqlite_course.secret("worker") == before["worker"]


def test_before_the_first_start_there_is_nothing_to_end(sqlite_course):
    path = sqlite_course.folder / "jupyterhub.sqlite"
    sessions.end_all(sqlite_course)
    assert not path.exists()
    sqlite3.connect(path).close()
    sessions.end_all(sqlite_course)
    assert path.read_bytes() == b""
