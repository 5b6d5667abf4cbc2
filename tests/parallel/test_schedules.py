"""introml.parallel.schedules: the known bubbles, a table by hand, and what can't be carried out."""

import random
from fractions import Fraction

import pytest

from introml.parallel.schedules import (
    Deadlock,
    Operation,
    Schedule,
    gpipe,
    interleaved,
    one_f_one_b,
    simulate,
    zero_bubble,
)  # fmt: skip

SIZES = [(p, m) for p in range(1, 9) for m in (1, 2, 3, 5, 8, 16, 31)]


def test_two_stages_and_two_microbatches_by_hand():
    """One unit forward, two backward.

    rank 0: F0 F1 .  .  .  B1 B1 B0 B0
    rank 1: .  F0 F1 B1 B1 B0 B0 .  .
    """
    found = simulate(gpipe(2, 2)).spans
    said = [[(str(span.operation), span.start, span.end) for span in row] for row in found]
    assert said == [
        [("F0", 0, 1), ("F1", 1, 2), ("B1", 5, 7), ("B0", 7, 9)],
        [("F0", 1, 2), ("F1", 2, 3), ("B1", 3, 5), ("B0", 5, 7)],
    ]


@pytest.mark.parametrize("make", [gpipe, one_f_one_b])
@pytest.mark.parametrize(("p", "m"), SIZES)
def test_gpipe_and_1f1b_have_one_bubble(make, p, m):
    found = simulate(make(p, m), 1, 1, 1)
    assert found.step == 3 * (m + p - 1)
    assert found.bubble_fraction == pytest.approx((p - 1) / (m + p - 1))
    assert found.bubble_ratio == pytest.approx((p - 1) / m)


def test_the_known_fractions():
    assert simulate(one_f_one_b(4, 16)).bubble_fraction == pytest.approx(Fraction(3, 19))
    assert simulate(interleaved(4, 16, 2)).bubble_fraction == pytest.approx(Fraction(3, 35))
    assert simulate(gpipe(8, 32)).bubble_fraction == pytest.approx(0.179, abs=5e-4)


@pytest.mark.parametrize("p", [2, 3, 4, 8])
@pytest.mark.parametrize("v", [1, 2, 3, 4])
@pytest.mark.parametrize("groups", [1, 2, 5])
def test_interleaving_cuts_the_bubble_by_v(p, v, groups):
    m = groups * p
    found = simulate(interleaved(p, m, v))
    assert found.bubble_fraction == pytest.approx((p - 1) / (v * m + p - 1))
    assert found.bubble_ratio == pytest.approx((p - 1) / (v * m))


@pytest.mark.parametrize(("p", "m"), [(p, m) for p, m in SIZES if m >= p])
def test_zb_h1_leaves_a_third_where_all_times_are_equal(p, m):
    """(p − 1)(f + b − w), Qi et al., table 2; 1F1B idles (p − 1)(f + b + w)."""
    found = simulate(zero_bubble(p, m))
    assert found.step - 3 * m == pytest.approx(p - 1)


@pytest.mark.parametrize(("p", "m"), SIZES)
def test_activations_in_flight(p, m):
    assert gpipe(p, m).peaks() == [m] * p
    assert one_f_one_b(p, m).peaks() == [min(p - r, m) for r in range(p)]
    assert max(zero_bubble(p, m).peaks()) <= min(p, m)
    if m % p == 0:
        most = [min(2 * (p - 1 - r) + p + 1, 2 * m) for r in range(p)]
        assert interleaved(p, m, 2).peaks() == (most if p > 1 else [2])


@pytest.mark.parametrize("seed", range(200))
def test_no_rule_is_broken_with_random_times(seed):
    """Every start is late enough, and not later than what it waits for, for any times."""
    draw = random.Random(seed)
    p, v = draw.randint(1, 6), draw.randint(1, 3)
    make = draw.choice([gpipe, one_f_one_b, zero_bubble, lambda p, m: interleaved(p, m, v)])
    schedule = make(p, p * draw.randint(1, 4))
    f, b, w = ([draw.random() for _ in range(schedule.stages)] for _ in range(3))
    message = draw.choice([0, draw.random()])
    found = simulate(schedule, f, b, w, message)
    at = {
        (span.operation.kind, span.operation.chunk * p + rank, span.operation.microbatch): span
        for rank, row in enumerate(found.spans)
        for span in row
    }
    before = {
        (rank, span.operation): row[i - 1].end if i else 0
        for rank, row in enumerate(found.spans)
        for i, span in enumerate(row)
    }
    for (kind, stage, i), span in at.items():
        needs = [(before[stage % p, span.operation], stage)]
        if kind == "F" and stage:
            needs.append((at["F", stage - 1, i].end, stage - 1))
        if kind in "BI":
            needs.append((at["F", stage, i].end, stage))
            if stage + 1 < schedule.stages:
                needs.append((at[kind, stage + 1, i].end, stage + 1))
        if kind == "W":
            needs.append((at["I", stage, i].end, stage))
        assert span.start == max(
            t + (message if other % p != stage % p else 0) for t, other in needs
        )
        cost = {"F": f[stage], "I": b[stage], "W": w[stage], "B": b[stage] + w[stage]}[kind]
        assert span.end - span.start == pytest.approx(cost)


def test_the_slowest_stage_sets_the_pace():
    even = simulate(one_f_one_b(4, 100), [1] * 4, [1] * 4, [1] * 4).step
    slow = simulate(one_f_one_b(4, 100), [1, 1, 1, 2], [1, 1, 1, 2], [1, 1, 1, 2]).step
    assert even == 309
    assert slow == 100 * 6 + 3 * 3


def test_an_order_that_locks_is_refused_and_says_who_waits_for_what():
    F, B = (Operation("F", 0), Operation("B", 0))
    with pytest.raises(Deadlock, match="rank 0 waits before B0, rank 1 waits before F0"):
        simulate(Schedule([[B, F], [F, B]], 1))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: interleaved(4, 6, 2), "must be a multiple of it, such as 8"),
        (lambda: interleaved(4, 8, 0), "at least one chunk"),
        (lambda: gpipe(0, 1), "at least one rank"),
        (lambda: zero_bubble(1, 0), "at least one rank"),
        (lambda: simulate(Schedule([[Operation("F", 0)]], 1)), "missing or too many: B0"),
        (lambda: simulate(Schedule([[*gpipe(1, 1).orders[0]] * 2], 1)), "something twice"),
        (lambda: simulate(gpipe(2, 2), [1]), "1 times for 2 stages"),
        (lambda: simulate(gpipe(2, 2), -1), "can't be negative"),
        (lambda: simulate(gpipe(2, 2), message=-1), "can't be negative"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(call, words):
    with pytest.raises(ValueError, match=words):
        call()
