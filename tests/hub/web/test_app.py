"""The application as a whole: its files, its errors, a database that goes away and comes back."""

import pytest
from served import Browser, Tool, app_of
from tiny_course import make_course, notebook

from introml.hub.web.assets import assets


@pytest.fixture
def app(sqlite_course):
    return app_of(sqlite_course)


def test_it_says_that_it_runs_to_anyone(app):
    assert Tool(app).get("health").text == "ok\n"


def test_a_prefix_without_slashes_is_refused(sqlite_course):
    from introml.hub.web.app import create_app

    with pytest.raises(ValueError, match="slash"):
        create_app(sqlite_course, None, "course")


class TestStaticFiles:
    def test_all_that_a_page_names_are_there(self, app):
        import re

        ann = Browser(app, "ann")
        named = re.findall(r'(?:src|href)="/services/course/(static/[^"]+)"', ann.get("").text)
        assert len(named) >= 4
        for address in named:
            answer = ann.get(address)
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]

    def test_the_fonts_that_the_style_names_are_there(self, app):
        import re

        style = Browser(app).get("static/hub.css").text
        fonts = set(re.findall(r'url\("(fonts/[^"]+)"\)', style))
        assert len(fonts) >= 3
        for font in fonts:
            assert Browser(app).get(f"static/{font}").headers["content-type"] == "font/woff2"

    def test_another_version_is_not_kept_for_ever(self, app):
        assert Browser(app).get("static/theme.js?v=0").headers["cache-control"] == "no-cache"

    @pytest.mark.parametrize(
        "name",
        ["nothing.css", "../context.py", "..%2fcontext.py", "%2e%2e/assets.py", "/etc/passwd",
         "fonts/", "", "%00", "....//context.py"],
    )  # fmt: skip
    def test_nothing_else_can_be_reached(self, app, name):
        assert Browser(app).get(f"static/{name}").status_code == 404

    def test_no_script_in_a_page(self, app):
        assert "<script>" not in Browser(app, "ann").get("").text
        assert not any("eval(" in asset.content.decode() for name, asset in assets().items()
                       if name.endswith(".js"))  # fmt: skip


class TestTheBook:
    @pytest.fixture
    def app(self, sqlite_course, tmp_path):
        (tmp_path / "book/chapters").mkdir(parents=True)
        (tmp_path / "book/chapters/one.html").write_text("<h1>One</h1>")
        (tmp_path / "secret.txt").write_text("secret")
        (tmp_path / "book/link.txt").symlink_to(tmp_path / "secret.txt")
        return app_of(sqlite_course, book=tmp_path / "book")

    def test_anyone_can_read_it(self, app):
        answer = Tool(app).get("book/chapters/one.html")
        assert answer.text == "<h1>One</h1>"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]

    @pytest.mark.parametrize(
        "name", ["../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "link.txt", "chapters"]
    )
    def test_and_nothing_else(self, app, name):
        assert "secret" not in (answer := Tool(app).get(f"book/{name}")).text
        assert answer.status_code in (404, 307)


class TestErrors:
    def test_a_person_reads_a_page(self, app):
        answer = Browser(app, "ann").get("nothing")
        assert answer.status_code == 404
        assert "<h1>Not found</h1>" in answer.text

    def test_a_program_reads_json(self, app):
        answer = Tool(app).get("api/nothing")
        assert (answer.status_code, list(answer.json())) == (404, ["detail"])

    def test_a_page_of_an_error_escapes_what_was_asked(self, app):
        answer = Browser(app, "ann").get("labs/%3Cscript%3Ealert(1)%3C/script%3E")
        assert answer.status_code == 404
        assert "<script>alert" not in answer.text


class TestTheDatabaseIsAway:
    @pytest.fixture
    def course(self, postgres, tmp_path):
        course = make_course(tmp_path, postgres.database())
        yield course
        course.database.close()

    def test_it_asks_to_wait_and_comes_back(self, course, postgres):
        app = app_of(course)
        assert Browser(app, "ann").get("").status_code == 200
        postgres.kill()
        try:
            page = Browser(app, "ann").get("")
            program = Tool(app, "token of-ann").submit(b"{}")
            for answer in (page, program):
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) > 0
            assert "try again in a minute" in page.text
            assert "try again in a minute" in program.json()["detail"]
        finally:
            postgres.start()
        assert Browser(app, "ann").get("").status_code == 200
        assert Tool(app, "token of-ann").submit(notebook()).status_code == 201

    def test_until_it_is_ready_it_asks_to_wait(self, sqlite_course):
        app = app_of(sqlite_course)
        app.state.ready = False
        assert Browser(app, "ann").get("").status_code == 503
        assert Browser(app, "tess").get("teach/health").status_code == 503
        assert Tool(app, "token of-ann").submit(b"{}").status_code == 503
        assert Tool(app).get("health").status_code == 200
