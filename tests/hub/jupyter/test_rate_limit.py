"""How often something may be tried."""

from introml.hub.jupyter.rate_limit import RateLimit


def test_burst_then_one_each_period():
    tries = RateLimit(burst=3, seconds=10)
    assert [tries.take("ann", at=0) for _ in range(4)] == [True, True, True, False]
    assert not tries.take("ann", at=9.9)
    assert tries.take("ann", at=10)
    assert not tries.take("ann", at=10)


def test_one_key_does_not_use_up_anothers():
    tries = RateLimit(burst=1, seconds=10)
    assert tries.take("ann", at=0)
    assert not tries.take("ann", at=0)
    assert tries.take("bob", at=0)


def test_a_refused_try_does_not_make_the_wait_longer():
    tries = RateLimit(burst=1, seconds=10)
    tries.take("ann", at=0)
    for at in range(1, 10):
        assert not tries.take("ann", at=at)
    assert tries.take("ann", at=10)


def test_what_is_given_back_can_be_taken_again():
    tries = RateLimit(burst=1, seconds=10)
    for _ in range(5):
        assert tries.take("ann", at=0)
        tries.give_back("ann")


def test_a_flood_of_names_frees_nobody_and_needs_no_memory():
    tries = RateLimit(burst=1, seconds=1000)
    tries.take("ann", at=0)
    for number in range(20_000):
        tries.take(f"name-{number}", at=0)
    assert not tries.take("ann", at=1)
    assert len(tries._used_up_until) == 1 << 16


def test_any_text_is_a_key():
    assert RateLimit(1, 1).take("\ud800 \x00", at=0)
