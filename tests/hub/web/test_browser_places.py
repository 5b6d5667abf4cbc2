"""Which places a session is good at: those where its browser signed in, as the proxy tells them."""

import base64
import time

import pytest

from introml.hub.course.models import Event
from introml.hub.web import browser_places
from introml.hub.web.browser_places import HUB, MOST, SERVICE, BrowserPlaces, Elsewhere, Place

HERE, THERE = Place("here", "192.0.2.1"), Place("there", "198.51.100.2")


@pytest.fixture
def places():
    return BrowserPlaces("a secret", HUB)


def header(places, at, name="here", words="192.0.2.1", reader=HUB):
    """What the proxy would send."""
    coded = base64.urlsafe_b64encode(words.encode()).rstrip(b"=").decode()
    told = [str(int(at)), name, coded]
    return ".".join([*told, places._seal(reader, *told).decode()])


def test_what_the_proxy_told_just_now_is_believed(places):
    assert places.told(header(places, time.time())) == HERE


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda them: None, id="none"),
        pytest.param(lambda them: "", id="empty"),
        pytest.param(lambda them: "1.2.3", id="parts"),
        pytest.param(lambda them: "x.here.eA.eA", id="no time"),
        pytest.param(lambda them: "1.here.é.é", id="no ascii"),
        pytest.param(lambda them: header(them, time.time() - 90), id="an old one"),
        pytest.param(lambda them: header(them, time.time() + 90), id="of tomorrow"),
        pytest.param(lambda them: header(them, time.time(), reader=SERVICE), id="another reader's"),
        pytest.param(
            lambda them: header(BrowserPlaces("other", HUB), time.time()), id="another key's"
        ),
        pytest.param(
            lambda them: header(them, time.time()).replace(".here.", ".there."), id="changed"
        ),
    ],
)
def test_what_is_not_from_the_proxy_is_no_place(places, wrong):
    assert places.told(wrong(places)) is None


def test_a_session_is_good_where_it_was_begun_and_nowhere_else(places):
    cookie = places.signed_in(None, "ann", HERE)
    assert places.is_signed_in(cookie, "ann", HERE)
    assert not places.is_signed_in(cookie, "ann", THERE)
    assert not places.is_signed_in(cookie, "ann", None)
    assert not places.is_signed_in(None, "ann", HERE)
    # Somebody else's cookie, with the name changed or not, is no help to a thief.
    other = places.signed_in(None, "bob", HERE)
    assert not places.is_signed_in(other, "ann", HERE)
    assert not places.is_signed_in(other.replace("bob", "ann"), "ann", HERE)
    assert not BrowserPlaces("other", HUB).is_signed_in(cookie, "ann", HERE)


def test_the_place_before_stays_good_and_an_older_one_goes(places):
    cookie = None
    all_of_them = [Place(str(number), "") for number in range(MOST + 2)]
    for one in all_of_them:
        cookie = places.signed_in(cookie, "ann", one)
    good = [places.is_signed_in(cookie, "ann", one) for one in all_of_them]
    assert good == [False, False, *[True] * MOST]
    assert places.signed_in(cookie, "ann", all_of_them[-1]) == cookie
    assert places.signed_in(cookie, "bob", HERE) == places.signed_in(None, "bob", HERE)


def test_hub_and_service_take_each_others_cookie(places):
    cookie = BrowserPlaces("a secret", SERVICE).signed_in(None, "ann", HERE)
    assert places.is_signed_in(cookie, "ann", HERE)


def test_the_log_has_a_session_that_was_refused_once_an_hour(sqlite_course, monkeypatch):
    elsewhere = Elsewhere(sqlite_course)
    mine = Place("x", "127.0.0.1 account 0")
    for place in (HERE, HERE, mine, None, HERE):
        elsewhere.note("ann", place)
    monkeypatch.setattr(browser_places, "_AGAIN_S", -1)
    elsewhere.note("ann", HERE)
    with sqlite_course.database.reading() as session:
        events = session.query(Event).filter_by(person="ann", what="refused a session")
        told = [one.detail for one in events]
    where = ["192.0.2.1", "127.0.0.1 account 0 (root)", "went round the hub", "192.0.2.1"]
    assert len(told) == 4
    assert all(words in detail for words, detail in zip(where, told, strict=True))
