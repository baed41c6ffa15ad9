"""The questions of a selection by topic, level, generator, run or status: how many, and their means with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from store.frame.frame import Array, Selection
from store.statistics import Z95

GROUPS = ("topic", "level", "generator", "run", "status")
MEANS = ("difficulty", "reward", "agreement")
_BOUNDED = ("difficulty", "agreement")
"""Numbers in [0, 1]: so are the ends of their intervals."""


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of the ``n`` questions that have the number, with its 95 % interval: 1.96 standard errors on each side.
    One question has no interval (None)."""

    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Group:
    """``value`` is None for questions without one; ``share`` of all questions of the groups; ``means`` by MEANS, None
    where no question has the number."""

    value: str | None
    count: int
    share: float
    means: dict[str, Mean | None]


def groups(selection: Selection, by: str) -> list[Group]:
    """The groups with questions, largest first. Like a facet, they ignore the filter's own condition on ``by``."""
    frame = selection.frame
    at = np.flatnonzero(selection.but(by))
    codes, values = frame.codes[by][at], frame.values[by]
    counts = np.bincount(codes, minlength=len(values))
    means = {name: _means(codes, frame.numbers[name][at], len(values), name in _BOUNDED) for name in MEANS}
    found = [
        Group(value, int(counts[code]), float(counts[code]) / len(at), {name: means[name][code] for name in MEANS})
        for code, value in enumerate(values)
        if counts[code]
    ]
    return sorted(found, key=lambda group: (-group.count, group.value is None, group.value or ""))


def _means(codes: Array, column: Array, size: int, bounded: bool) -> list[Mean | None]:
    """The mean of each code."""
    known = np.isfinite(column)
    codes, values = codes[known], column[known].astype(np.float64)
    n = np.bincount(codes, minlength=size)
    means = np.bincount(codes, values, minlength=size) / np.maximum(n, 1)
    squares = np.bincount(codes, (values - means[codes]) ** 2, minlength=size)
    found: list[Mean | None] = []
    for count, mean, spread in zip(n.tolist(), means.tolist(), squares.tolist(), strict=True):
        if not count:
            found.append(None)
        elif count == 1:
            found.append(Mean(mean, None, None, 1))
        else:
            half = Z95 * math.sqrt(spread / (count - 1) / count)
            low, high = (max(mean - half, 0.0), min(mean + half, 1.0)) if bounded else (mean - half, mean + half)
            found.append(Mean(mean, low, high, count))
    return found
