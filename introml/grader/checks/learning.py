"""Learning checks: a model reaches a threshold in enough of several runs on fresh data."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from introml.grader.checks.checks import CheckFailed

#: No lab may fail a right answer by bad luck more often than this.
HIGHEST_FALSE_FAIL_RATE = 0.001


def false_fail_rate(miss: float, runs: int, needed: int) -> float:
    """How often a right answer fails: fewer than `needed` of `runs` independent runs succeed.

    `miss` is the chance that one run of a right answer stays below the threshold.
    """
    if not (0 <= miss <= 1 and 1 <= needed <= runs):
        raise ValueError(f"miss={miss}, runs={runs}, needed={needed}: 0 ≤ miss ≤ 1 ≤ needed ≤ runs")
    return math.fsum(_chance(hits, runs, 1 - miss) for hits in range(needed))


def _chance(hits: int, runs: int, hit: float) -> float:
    """The chance of exactly `hits` in `runs`. In logarithms: no float holds comb(2000, 1000)."""
    if hit in (0, 1):
        return float(hits == runs * hit)
    ways = math.lgamma(runs + 1) - math.lgamma(hits + 1) - math.lgamma(runs - hits + 1)
    return math.exp(ways + hits * math.log(hit) + (runs - hits) * math.log1p(-hit))


def highest_miss(misses: int, tries: int, confidence: float = 0.95) -> float:
    """The largest chance of a miss that `misses` in `tries` runs leave likely (Clopper–Pearson).

    With none in 60 runs it is 0.049: what an author may claim as `miss` after that many trials.
    """
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        seen = 1.0
        if misses < tries:  # the chance of so few misses: a miss counts as a hit here
            seen = false_fail_rate(1 - middle, tries, misses + 1)
        low, high = (middle, high) if seen > 1 - confidence else (low, middle)
    return high


def assert_learns(
    trial: Callable[[int], float],
    rng: np.random.Generator,
    *,
    threshold: float,
    miss: float,
    hint: str,
    runs: int = 3,
    needed: int = 1,
) -> None:
    """At least `needed` of up to `runs` trials must score `threshold` or more.

    `trial(seed)` draws fresh data, has the student's model trained on them, and returns a score
    that the check computed itself, from labels that never left it. It stops as soon as the outcome
    is certain, so that a right answer costs `needed` runs, mostly.
    Raises `ValueError` when the stated `miss` would fail a right answer more than once in 1,000.
    """
    rate = false_fail_rate(miss, runs, needed)
    if rate > HIGHEST_FALSE_FAIL_RATE:
        raise ValueError(
            f"a right answer would fail {rate:.1%} of the time (miss={miss}, {needed} of {runs} "
            f"runs); at most {HIGHEST_FALSE_FAIL_RATE:.1%} is allowed: lower the threshold, or "
            "allow more runs"
        )
    hits, scores = 0, []
    for run in range(runs):
        score = float(trial(int(rng.integers(1 << 31))))
        scores.append(score)
        hits += math.isfinite(score) and score >= threshold
        if hits == needed:
            return
        if hits + runs - run - 1 < needed:
            break
    best = max((one for one in scores if math.isfinite(one)), default=math.nan)
    raise CheckFailed(hint, f"The best score was {best:.2g}; {threshold:.2g} is needed.")
