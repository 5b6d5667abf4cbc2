"""How time or memory grows with the size: an exponent from three sizes, each twice the last."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

from introml.grader.checks.checks import CheckFailed

#: Growth below this part of the smallest measurement is noise.
_FLAT = 0.05


def exponent(measure: Callable[[int], float], start: int, repeats: int = 3) -> float:
    """p, if `measure(n)` behaves like c + a·nᵖ for n = start, 2·start, 4·start.

    The constant c (a round trip, an import) cancels: p = log₂((m₄ − m₂) / (m₂ − m₁)). Sizes are
    measured in turn, `repeats` times, and medians taken, so that a slow moment hits all alike.
    0 when nothing grows. `measure` returns seconds or bytes, above 0.
    """
    sizes = [start, 2 * start, 4 * start]
    rounds = [[measure(size) for size in sizes] for _ in range(repeats)]
    small, middle, large = (statistics.median(column) for column in zip(*rounds, strict=True))
    if not all(math.isfinite(one) and one > 0 for one in (small, middle, large)):
        raise ValueError("measure must return finite numbers above 0")
    noise = _FLAT * small
    if large - small <= 3 * noise:
        return 0.0
    return math.log2(max(large - middle, noise) / max(middle - small, noise))


def assert_growth(
    measure: Callable[[int], float],
    start: int,
    *,
    at_most: float,
    hint: str,
    repeats: int = 3,
    slack: float = 0.4,
) -> None:
    """Fail with `hint` when `measure` grows faster than n to the power `at_most`, plus `slack`."""
    seen = exponent(measure, start, repeats)
    if seen > at_most + slack:
        raise CheckFailed(hint, f"It grows like n^{seen:.1f}; n^{at_most:g} is expected.")
