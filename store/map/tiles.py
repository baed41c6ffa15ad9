"""The map's points as rows of a frame, sorted by place, so that those in view are sliced rather than searched.

Counts the points of a selection in the cells of a grid, or gives them one by one where they are few.
"""

import threading
import weakref
from dataclasses import dataclass

import numpy as np

from store.database.sources import Source
from store.filters.map_area import SIDE, Area
from store.frame.frame import Array, Frame
from store.map.files import Map, map_of_area

GRID = 128
"""Cells of a view, in both directions."""
FEW = 2_000
"""At most so many points in view are given one by one."""
_BASE = 512
"""Cells of the whole map by which points are sorted, in both directions."""
_AREAS_CACHED = 4
"""Areas whose rows are cached, one byte per question each."""
_POINTS_CACHED = 3

View = tuple[float, float, float, float]
"""The left, lower, right and upper end of the visible part, on the map's scale."""


class Points:
    """``positions`` in the frame and places ``x`` and ``y`` of the points, ordered by base cell, row by row. ``rows``:
    the frame position of each of the map's rows, -1 where the frame does not have it."""

    def __init__(self, frame: Frame, map_: Map) -> None:
        self.version, self.size = map_.meta.version, map_.meta.count
        keys = np.asarray(map_.keys)
        near = np.minimum(np.searchsorted(frame.q, keys), max(frame.size - 1, 0))
        in_frame = frame.q[near] == keys if frame.size else np.zeros(len(keys), bool)
        self.rows: Array = np.where(in_frame, near, -1).astype(np.int32)
        places = np.asarray(map_.places)[in_frame]
        cells = np.clip((places * (_BASE / SIDE)).astype(np.int32), 0, _BASE - 1)
        cell = cells[:, 1] * _BASE + cells[:, 0]
        order = np.argsort(cell, kind="stable")
        self.x, self.y = (np.ascontiguousarray(places[order, axis]) for axis in (0, 1))
        self.positions: Array = self.rows[in_frame][order]
        self._starts = np.searchsorted(cell[order], np.arange(_BASE * _BASE + 1))
        column, row = (
            np.minimum((axis * np.float32(GRID / SIDE)).astype(np.int16), GRID - 1) for axis in (self.x, self.y)
        )
        self.overview_cell: Array = row * np.int16(GRID) + column
        """The cell of each point in a view of the whole map."""
        self._columns: dict[str, tuple[Array, Array]] = {}
        self.outside: dict[Area, Array] = {}
        self.lock = threading.Lock()

    def column(self, name: str, column: Array) -> Array:
        """A column of the frame in the points' order, cached."""
        cached = self._columns.get(name)
        if cached is None or cached[0] is not column:
            cached = self._columns[name] = (column, column[self.positions])
        return cached[1]

    def near(self, view: View) -> Array | slice:
        """The points in the base cells that the view touches."""
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
    """``counts`` (GRID, GRID) of points by cell, from the lower left. ``values`` (None for ``density``): the most
    frequent code or the mean of each cell; -1 or NaN where it has none."""

    counts: Array
    values: Array | None
    total: int


@dataclass(frozen=True, slots=True)
class SinglePoints:
    """Positions in the frame, and places."""

    positions: Array
    x: Array
    y: Array


def points_in_view(frame: Frame, points: Points, rows: Array, view: View, colour: str) -> Tiles | SinglePoints:
    """The selected ``rows`` that lie in the view, as tiles where they are many. ``colour``: ``density``, a number of
    the frame (its mean by cell) or a category (the most frequent value by cell)."""
    left, low, right, high = view
    if left <= 0 and low <= 0 and right >= SIDE and high >= SIDE:
        indices = np.flatnonzero(rows[points.positions])
        cell = points.overview_cell[indices].astype(np.intp)
    else:
        near = points.near(view)
        x, y = points.x[near], points.y[near]
        column = ((x - np.float32(left)) * np.float32(GRID / (right - left))).astype(np.int32)
        row = ((y - np.float32(low)) * np.float32(GRID / (high - low))).astype(np.int32)
        inside = (x >= left) & (y >= low) & (column < GRID) & (row < GRID)
        within = np.flatnonzero(rows[points.positions[near]] & inside)
        indices = within if isinstance(near, slice) else near[within]
        cell = row[within] * GRID + column[within]
    if len(indices) <= FEW:
        return SinglePoints(points.positions[indices], points.x[indices], points.y[indices])
    counts = np.bincount(cell, minlength=GRID * GRID)
    values = None if colour == "density" else _cell_values(frame, points, indices, cell, counts, colour)
    return Tiles(counts.reshape(GRID, GRID), values, len(indices))


def _cell_values(frame: Frame, points: Points, indices: Array, cell: Array, counts: Array, colour: str) -> Array:
    if colour in frame.numbers:
        number = points.column(colour, frame.numbers[colour])[indices]
        unknown = np.isnan(number)
        known = counts
        if unknown.any():
            number[unknown] = 0
            known = counts - np.bincount(cell[unknown], minlength=len(counts))
        with np.errstate(invalid="ignore"):
            means: Array = np.bincount(cell, number, minlength=len(counts)) / known
        return means.reshape(GRID, GRID)
    width = len(frame.values[colour])
    code = points.column(colour, frame.codes[colour])[indices]
    by_code = np.bincount(cell * width + code, minlength=len(counts) * width).reshape(-1, width)
    return np.where(counts > 0, by_code.argmax(axis=1), -1).reshape(GRID, GRID)


_cached: list[tuple[weakref.ref[Array], Points]] = []
"""By the keys of their frame: frames of the same questions share them."""
_lock = threading.Lock()


def map_points(frame: Frame, map_: Map) -> Points:
    """The map's points in this frame, cached until either has other rows."""
    with _lock:
        for keys, points in _cached:
            if keys() is frame.q and (points.version, points.size) == (map_.meta.version, map_.meta.count):
                return points
        points = Points(frame, map_)
        alive = ((k, p) for k, p in _cached if k() is not None)
        _cached[:] = [(weakref.ref(frame.q), points), *alive][:_POINTS_CACHED]
    return points


def outside_area(source: Source, frame: Frame, area: Area) -> Array:
    """The rows of the frame that lie outside an area or are not on the map. Errors as ``map_of_area``."""
    map_ = map_of_area(source, area)
    points = map_points(frame, map_)
    with points.lock:
        outside = points.outside.get(area)
        if outside is None:
            outside = np.ones(frame.size, bool)
            within = points.rows[area.holds(map_.places)]
            outside[within[within >= 0]] = False
            while len(points.outside) >= _AREAS_CACHED:
                del points.outside[next(iter(points.outside))]
            points.outside[area] = outside
    return outside
