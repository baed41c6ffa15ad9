"""Shares with 95 % intervals, from counts or from weighted samples.

Shares of a sample with unequal weights are Hajek's weighted means; their n is Kish's effective sample size,
(sum of weights)^2 / sum of squared weights.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Z95 = 1.96


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its interval, from ``n`` rows; ``effective``: the effective sample size."""

    value: float
    low: float
    high: float
    n: int
    effective: float


def percent(share: float) -> str:
    """``84 %``, with a space that no line breaks at."""
    return f"{100 * share:.0f}\u00a0%"


def percents(low: float, high: float) -> str:
    """The ends of an interval: ``71 to 92 %``."""
    return f"{100 * low:.0f} to {percent(high)}"


def wilson(hits: float, n: float) -> tuple[float, float]:
    """Wilson's interval of the share hits / n; (0, 1) for n = 0. ``n`` may be an effective sample size."""
    if not n:
        return 0.0, 1.0
    share, spread = hits / n, Z95 * Z95 / n
    middle, half = share + spread / 2, Z95 * math.sqrt(max(share * (1 - share), 0.0) / n + spread / (4 * n))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def effective_number(counts: Iterable[int]) -> float | None:
    """exp of the entropy: the number of equally frequent classes with the same entropy; None without counts."""
    positive = [count for count in counts if count]
    total = sum(positive)
    return math.exp(-sum(c / total * math.log(c / total) for c in positive)) if total else None


def counted(hits: int, n: int) -> Rate | None:
    """The share hits / n; None for n = 0."""
    return Rate(hits / n, *wilson(hits, n), n, float(n)) if n else None


def weighted(hits: Sequence[bool], weights: Sequence[float]) -> Rate | None:
    """Hajek's weighted share; None without rows. ``weights``: 1 / the probability of being drawn."""
    total = math.fsum(weights)
    if not total:
        return None
    share = math.fsum(w for hit, w in zip(hits, weights, strict=True) if hit) / total
    share = min(max(share, 0.0), 1.0)
    effective = total * total / math.fsum(w * w for w in weights)
    return Rate(share, *wilson(share * effective, effective), len(weights), effective)


def averaged(mean: float, variance: float, n: int, rollouts: int) -> Rate:
    """The mean of ``n`` questions' rates of so many rollouts each. Rollouts of one question are alike: the effective
    sample size is the one that the rates' variance between questions shows, at least n and at most n * rollouts.
    """
    spread = variance / n
    shown = mean * (1 - mean) / spread if spread else (n * rollouts if 0 < mean < 1 else n)
    effective = min(max(float(n), shown), float(n * rollouts))
    return Rate(mean, *wilson(mean * effective, effective), n, effective)


def part(first: Rate, size: int, second: Rate, other: int) -> Rate | None:
    """The first group's part of all hits, if ``first`` is the rate among ``size`` rows and ``second`` the rate among
    ``other`` rows; None where both are 0. The interval combines the effects of each rate's ends by their root sum of
    squares (like Newcombe's interval of a difference), because the rates are independent.
    """

    def share(a: float, b: float) -> float:
        return size * a / (size * a + other * b) if size * a + other * b else 0.0

    if not size * first.value + other * second.value:
        return None
    found = share(first.value, second.value)
    down = math.hypot(found - share(first.low, second.value), found - share(first.value, second.high))
    up = math.hypot(share(first.high, second.value) - found, share(first.value, second.low) - found)
    n, effective = first.n + second.n, first.effective + second.effective
    return Rate(found, max(found - down, 0.0), min(found + up, 1.0), n, effective)
