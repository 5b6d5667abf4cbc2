"""`introml hub hosts`: the settings that it writes, and the certificate that it makes."""

import stat
import subprocess
from pathlib import Path

import pytest
from tiny_course import make_course

from introml.hub.course.course import Course
from introml.hub.operate import hosts

DOMAIN = "192-168-1-20.sslip.io"


def openssl(*arguments):
    return subprocess.run(
        ["openssl", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def serves(folder, name, at):
    """Whether OpenSSL takes the certificate for a server of that name."""
    return openssl(
        "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", name,
        "-CAfile", folder / "authority.pem", at,
    ).returncode == 0  # fmt: skip


def test_the_certificate_is_for_the_hub_and_for_each_students_server(tmp_path):
    key, certificate, authority = hosts.certify(tmp_path / "tls", DOMAIN)
    for name, good in ((DOMAIN, True), (f"ann.{DOMAIN}", True), ("sslip.io", False)):
        assert serves(tmp_path / "tls", name, certificate) == good, name
    for path in (key, certificate, authority):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert openssl("pkey", "-in", key, "-noout").returncode == 0


def test_who_trusts_the_authority_trusts_it_for_these_names_alone(tmp_path):
    _, _, authority = hosts.certify(tmp_path, DOMAIN)
    told = openssl("x509", "-in", authority, "-noout", "-text").stdout
    limits = told.partition("X509v3 Name Constraints: critical")[2].split()
    assert limits[:2] == ["Permitted:", f"DNS:{DOMAIN}"]
    assert told.count("DNS:") == 1
    assert "CA:TRUE, pathlen:0" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "authority.pem", "hub.key", "hub.pem",
    ], "the authority's key is kept nowhere"  # fmt: skip


def test_at_this_machine_it_takes_no_certificate(sqlite_course):
    told = " ".join(hosts.give(sqlite_course))
    hub = Course.at(sqlite_course.folder).settings.hub
    assert (hub.public_url, hub.student_hosts) == ("http://localhost:8000", True)
    assert not hub.ssl_cert
    assert "tunnel" in told


def test_under_a_domain_the_settings_name_the_certificate(sqlite_course):
    told = " ".join(hosts.give(sqlite_course, DOMAIN.upper()))
    hub = Course.at(sqlite_course.folder).settings.hub
    assert (hub.public_url, hub.student_hosts) == (f"https://{DOMAIN}:8000", True)
    assert Path(hub.ssl_cert).exists()
    assert Path(hub.ssl_key).exists()
    assert str(sqlite_course.folder / "tls/authority.pem") in told


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("[hub]\nport = 443 # as always\n[signin]\n", "port = 443 # as always"),
        ('[hub]\nport = 443\npublic_url = "https://old"\nstudent_hosts = false\n', "port = 443"),
        ('[signin]\nkind = "invitations"\n\n[hub]\n# a remark\nidle_minutes = 5\n', "# a remark"),
    ],
)
def test_what_course_toml_says_else_stays(tmp_path, text, kept):
    course = make_course(tmp_path)
    path = course.folder / "course.toml"
    path.write_text(path.read_text() + text)
    course = Course.at(course.folder)
    hosts.give(course, "hub.example.edu")
    changed = Course.at(course.folder).settings
    port = course.settings.hub.port
    assert changed.hub.public_url == f"https://hub.example.edu{'' if port == 443 else ':8000'}"
    assert changed.title == course.settings.title
    assert changed.hub.idle_minutes == course.settings.hub.idle_minutes
    assert kept in path.read_text()
    assert "https://old" not in path.read_text()


def test_a_file_that_it_cannot_change_stays_as_it_is(tmp_path):
    course = make_course(tmp_path)
    path = course.folder / "course.toml"
    path.write_text("hub = {port = 8001}\n" + path.read_text())
    before = path.read_text()
    with pytest.raises(hosts.NoHosts, match=r"write under \[hub\]: public_url = "):
        hosts.give(Course.at(course.folder), "hub.example.edu")
    assert path.read_text() == before
    assert not list(course.folder.glob("*.new"))


@pytest.mark.parametrize("domain", ["hub", "192.168.1.20", "a b.edu", "-a.edu", "x" * 70 + ".edu"])
def test_what_no_names_can_be_given_under_is_refused(domain, sqlite_course):
    with pytest.raises(hosts.NoHosts, match=r"such as hub\.example\.edu"):
        hosts.give(sqlite_course, domain)
