"""Intervals of measured shares, counted or weighted. Knows numbers only.

Every interval is one of 95 %. Shares of a sample with unequal weights are Hajek's: the weighted mean, whose n is the
effective one of Kish, (sum of weights)^2 / sum of squared weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Z95 = 1.96


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its interval; ``n`` rows were counted, which tell as much as ``effective`` equally likely ones."""

    value: float
    low: float
    high: float
    n: int
    effective: float


def wilson(hits: float, n: float) -> tuple[float, float]:
    """Wilson's interval of the share hits / n; (0, 1) where nothing was counted. ``n`` may be an effective one."""
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
    """The plain share; None of nothing."""
    return Rate(hits / n, *wilson(hits, n), n, float(n)) if n else None


def weighted(hits: Sequence[bool], weights: Sequence[float]) -> Rate | None:
    """Hajek's share of rows that weigh this much; None of nothing. ``weights``: 1 / the probability to be drawn."""
    total = math.fsum(weights)
    if not total:
        return None
    share = math.fsum(w for hit, w in zip(hits, weights, strict=True) if hit) / total
    share = min(max(share, 0.0), 1.0)
    effective = total * total / math.fsum(w * w for w in weights)
    return Rate(share, *wilson(share * effective, effective), len(weights), effective)


def part(first: Rate, size: int, second: Rate, other: int) -> Rate | None:
    """The first group's part of all hits, where ``first`` is the rate among ``size`` rows and ``second`` that among
    ``other`` rows; None where no hit is told of. Each rate's own ends are carried through, and what they change is
    squared and added (as Newcombe does for a difference), since the two rates were measured apart.
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
