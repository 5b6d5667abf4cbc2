"""A course's clocks. The moments here are those of the zones' laws: Berlin changes its clocks at
01:00 UTC, to summer on 2026-03-29 and back on 2026-10-25."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from introml.hub.course import time_zone
from introml.hub.course.time_zone import at_wall_clock, clock_words, offset_words

BERLIN, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")


@pytest.mark.parametrize(
    ("shown", "zone", "utc"),
    [
        ("2026-01-31T23:59", BERLIN, "2026-01-31T22:59"),
        ("2026-07-31T23:59", BERLIN, "2026-07-31T21:59"),
        ("2026-03-29T03:00", BERLIN, "2026-03-29T01:00"),
        ("2026-10-25T01:59", BERLIN, "2026-10-24T23:59"),
        ("2026-01-31T23:59", KATHMANDU, "2026-01-31T18:14"),
        ("2026-01-31T23:59", UTC, "2026-01-31T23:59"),
    ],
)
def test_a_clock_means_one_moment(shown, zone, utc):
    assert at_wall_clock(datetime.fromisoformat(shown), zone) == datetime.fromisoformat(f"{utc}Z")


def test_of_an_hour_that_comes_twice_it_is_the_later_one():
    assert f"{at_wall_clock(datetime(2026, 10, 25, 2, 30), BERLIN):%H:%M}" == "01:30"


def test_an_hour_that_clocks_skip_is_refused_by_name():
    with pytest.raises(ValueError, match="no 02:30 on 2026-03-29 in Europe/Berlin"):
        at_wall_clock(datetime(2026, 3, 29, 2, 30), BERLIN)


@pytest.mark.parametrize(
    ("at", "zone", "said"),
    [
        (datetime(2026, 10, 31, 22, 59, tzinfo=UTC), BERLIN, "2026-10-31 23:59 CET"),
        (datetime(2026, 7, 1, 22, 0, tzinfo=UTC), BERLIN, "2026-07-02 00:00 CEST"),
        (datetime(2026, 7, 1, 22, 0, tzinfo=UTC), SAO_PAULO, "2026-07-01 19:00 UTC-03:00"),
        (datetime(2026, 7, 1, 22, 0, tzinfo=UTC), UTC, "2026-07-01 22:00 UTC"),
    ],
)
def test_a_moment_is_told_with_the_name_of_its_zone(at, zone, said):
    assert clock_words(at, zone) == said


def test_an_offset_has_hours_and_minutes():
    assert offset_words(datetime(2026, 7, 1, tzinfo=UTC), KATHMANDU) == "UTC+05:45"


ZONES = [BERLIN, KATHMANDU, SAO_PAULO, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Beirut")]


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2099, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(ZONES),
)
def test_what_is_shown_means_the_moment_that_shows_it(at, zone):
    """But for the first of two hours of one name, which is taken for the second."""
    local = at.astimezone(zone)
    again = at_wall_clock(local.replace(tzinfo=None, fold=0), zone)
    assert again.astimezone(zone).replace(tzinfo=None, fold=0) == local.replace(tzinfo=None, fold=0)
    assert again >= at


@pytest.mark.parametrize(
    ("named", "link", "zone"),
    [
        ("Asia/Tokyo", "/usr/share/zoneinfo/Europe/Berlin", "Asia/Tokyo"),
        (":Asia/Tokyo", "", "Asia/Tokyo"),
        ("", "/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"),
        ("EST5EDT4,M3.2.0", "/usr/share/zoneinfo/Etc/UTC", "UTC"),
        ("", "/etc/nothing", "UTC"),
    ],
)
def test_the_machines_zone_is_its_variables_or_its_links(monkeypatch, tmp_path, named, link, zone):
    place = tmp_path / "localtime"
    if link:
        place.symlink_to(link)
    monkeypatch.setattr(time_zone, "_LOCALTIME", place)
    monkeypatch.setenv("TZ", named)
    assert time_zone.machines_zone() == zone
