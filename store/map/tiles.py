"""The map's points as rows of a frame, sorted by where they lie, so that what is in view is found without a search.

Counts the points of a selection in the cells of a grid, or gives them one by one; answers a filter's area. Knows
positions in a frame, no texts.
"""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass

import numpy as np

from store.database.sources import Source
from store.filters.map_area import SIDE, Area
from store.frame.frame import Array, Frame
from store.map import files
from store.map.files import Map

GRID = 128
"""Cells of a view, in both directions."""
FEW = 2_000
"""So many points in view are given one by one."""
_BASE = 512
"""Cells of the whole map by which points are sorted, in both directions."""
_REMEMBERED = 4
"""Areas whose rows are kept: a byte a question each."""

View = tuple[float, float, float, float]
"""Left, low, right and high end of what is shown, on the map's scale."""


class Points:
    """``at``: each point's position in the frame; ``x`` and ``y`` its place; in the order of the base cells, row by
    row. ``rows``: of each of the map's rows the position in the frame, -1 where it is not there."""

    def __init__(self, frame: Frame, chart: Map) -> None:
        self.version, self.size = chart.meta.version, chart.meta.count
        keys = np.asarray(chart.keys)
        near = np.minimum(np.searchsorted(frame.q, keys), max(frame.size - 1, 0))
        there = frame.q[near] == keys if frame.size else np.zeros(len(keys), bool)
        self.rows: Array = np.where(there, near, -1).astype(np.int32)
        places = np.asarray(chart.places)[there]
        cells = np.clip((places * (_BASE / SIDE)).astype(np.int32), 0, _BASE - 1)
        cell = cells[:, 1] * _BASE + cells[:, 0]
        order = np.argsort(cell, kind="stable")
        self.x, self.y = (np.ascontiguousarray(places[order, axis]) for axis in (0, 1))
        self.at: Array = self.rows[there][order]
        self._starts = np.searchsorted(cell[order], np.arange(_BASE * _BASE + 1))
        across, up = (
            np.minimum((axis * np.float32(GRID / SIDE)).astype(np.int16), GRID - 1) for axis in (self.x, self.y)
        )
        self.whole: Array = up * np.int16(GRID) + across
        """The cell of each point in a view of the whole map."""
        self._columns: dict[str, tuple[Array, Array]] = {}
        self.fails: dict[Area, Array] = {}
        self.lock = threading.Lock()

    def column(self, name: str, column: Array) -> Array:
        """A column of the frame in the points' order; remembered."""
        held = self._columns.get(name)
        if held is None or held[0] is not column:
            held = self._columns[name] = (column, column[self.at])
        return held[1]

    def near(self, view: View) -> Array | slice:
        """Which points lie in the base cells that the view touches."""
        left, low, right, high = (min(max(int(end * (_BASE / SIDE)), 0), _BASE - 1) for end in view)
        if (left, low, right, high) == (0, 0, _BASE - 1, _BASE - 1):
            return slice(None)
        spans = [
            np.arange(self._starts[row * _BASE + left], self._starts[row * _BASE + right + 1])
            for row in range(low, high + 1)
        ]
        return np.concatenate(spans)


@dataclass(frozen=True, slots=True)
class Tiles:
    """``counts`` (GRID, GRID) of the points in each cell, from low to high, left to right. ``values``, where a colour
    is asked for: of each cell the code of most points, or the mean; -1 or NaN where it has none."""

    counts: Array
    values: Array | None
    total: int


@dataclass(frozen=True, slots=True)
class Shown:
    """Points one by one: positions in the frame, and places."""

    at: Array
    x: Array
    y: Array


def look(frame: Frame, points: Points, rows: Array, view: View, colour: str) -> Tiles | Shown:
    """What of a selection lies in the view, as tiles where there is much. ``colour``: ``density``, one of the frame's
    numbers (its mean), or a category (what most of a cell have)."""
    left, low, right, high = view
    if left <= 0 and low <= 0 and right >= SIDE and high >= SIDE:
        which = np.flatnonzero(rows[points.at])
        cell = points.whole[which].astype(np.intp)
    else:
        near = points.near(view)
        x, y = points.x[near], points.y[near]
        across = ((x - np.float32(left)) * np.float32(GRID / (right - left))).astype(np.int32)
        up = ((y - np.float32(low)) * np.float32(GRID / (high - low))).astype(np.int32)
        within = np.flatnonzero(rows[points.at[near]] & (x >= left) & (y >= low) & (across < GRID) & (up < GRID))
        which = within if isinstance(near, slice) else near[within]
        cell = up[within] * GRID + across[within]
    if len(which) <= FEW:
        return Shown(points.at[which], points.x[which], points.y[which])
    counts = np.bincount(cell, minlength=GRID * GRID)
    values = None if colour == "density" else _values(frame, points, which, cell, counts, colour)
    return Tiles(counts.reshape(GRID, GRID), values, len(which))


def _values(frame: Frame, points: Points, which: Array, cell: Array, counts: Array, colour: str) -> Array:
    if colour in frame.numbers:
        number = points.column(colour, frame.numbers[colour])[which]
        unknown = np.isnan(number)
        known = counts
        if unknown.any():
            number[unknown] = 0
            known = counts - np.bincount(cell[unknown], minlength=len(counts))
        with np.errstate(invalid="ignore"):
            means: Array = np.bincount(cell, number, minlength=len(counts)) / known
        return means.reshape(GRID, GRID)
    width = len(frame.values[colour])
    code = points.column(colour, frame.codes[colour])[which]
    each = np.bincount(cell * width + code, minlength=len(counts) * width).reshape(-1, width)
    return np.where(counts > 0, each.argmax(axis=1), -1).reshape(GRID, GRID)


_held: list[tuple[weakref.ref[Array], Points]] = []
"""With the keys of the frame that each is of: frames of the same questions share them."""
_HELD = 3
_lock = threading.Lock()


def of(frame: Frame, chart: Map) -> Points:
    """The map's points in this frame; remembered until the map has more or there are other questions."""
    with _lock:
        for keys, points in _held:
            if keys() is frame.q and (points.version, points.size) == (chart.meta.version, chart.meta.count):
                return points
        points = Points(frame, chart)
        _held[:] = [(weakref.ref(frame.q), points), *((k, p) for k, p in _held if k() is not None)][:_HELD]
    return points


def fails(source: Source, frame: Frame, area: Area) -> Array:
    """Which rows of the frame an area keeps out: what is not on the map, too. InputError as ``maps.on``."""
    chart = files.on(source, area)
    points = of(frame, chart)
    with points.lock:
        found = points.fails.get(area)
        if found is None:
            found = np.ones(frame.size, bool)
            within = points.rows[area.holds(chart.places)]
            found[within[within >= 0]] = False
            while len(points.fails) >= _REMEMBERED:
                del points.fails[next(iter(points.fails))]
            points.fails[area] = found
    return found
