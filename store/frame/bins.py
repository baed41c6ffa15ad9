"""Histogram bins with a few dozen round edges, whatever the outliers."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WANTED = 20
_ROLLOUTS = 32
"""The most rollouts that get a bin for each of their rates."""


@dataclass(frozen=True, slots=True)
class Bins:
    """Bin k holds ``edges[k] <= value < edges[k + 1]``; the first and last bin also hold values beyond the edges,
    which ``below`` and ``above`` report. ``whole``: the values are integers. ``single``: each bin holds one value, its
    lower edge.
    """

    edges: tuple[float, ...]
    below: bool = False
    above: bool = False
    whole: bool = False
    single: bool = False

    @property
    def count(self) -> int:
        return len(self.edges) - 1

    def of(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Each value's bin; ``count`` for NaN."""
        found = np.searchsorted(np.array(self.edges[1:-1]), values, side="right").astype(np.uint8)
        found[np.isnan(values)] = self.count
        return found


def shares(values: NDArray[Any]) -> Bins:
    """For numbers in [0, 1]."""
    return Bins(tuple(k / WANTED for k in range(WANTED + 1)))


def rollouts(values: NDArray[Any]) -> Bins:
    """For shares of n rollouts: a bin for each of 0, 1/n ... 1 where a number n up to _ROLLOUTS explains all values."""
    there = np.unique(values[~np.isnan(values)])
    for n in range(1, _ROLLOUTS + 1) if len(there) and len(there) <= _ROLLOUTS + 1 else ():
        if np.array_equal(np.round(there * n) / n, there):
            return Bins(tuple(k / n for k in range(n + 2)), single=True)
    return shares(values)


def nice(values: NDArray[Any]) -> Bins:
    """Bins over the 0.5 % to 99.5 % quantiles; their width is 1, 2, 2.5 or 5 times a power of ten."""
    there = values[np.isfinite(values)]
    if not len(there):
        return Bins((0.0, 1.0))
    low, high = (float(end) for end in np.quantile(there, (0.005, 0.995)))
    whole = bool((there == np.floor(there)).all())
    width = _round((high - low) / WANTED) if high > low else 1.0
    width = max(round(width), 1) if whole else width
    first = math.floor(low / width)
    last = max(math.floor(high / width) + 1, first + 1)
    edges = tuple(float(f"{k * width:.10g}") for k in range(first, last + 1))
    return Bins(edges, bool(there.min() < edges[0]), bool(there.max() >= edges[-1]), whole)


def _round(width: float) -> float:
    """The smallest round number not below ``width``."""
    unit = 10.0 ** math.floor(math.log10(width))
    return next(step * unit for step in (1, 2, 2.5, 5, 10) if step * unit >= width * 0.999999)
