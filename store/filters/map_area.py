"""Areas that a person draws on the map: a polygon, and the test of which points lie in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.errors import InputError

SIDE = 100.0
"""The map spans 0 to this number in both directions."""
_CORNERS = (3, 100)
_DECIMALS = 3
_FAR = 1000.0
_SHOWN = 80
_VERSION = re.compile(r"[0-9a-f]{12}")
_EXAMPLE = '"area": {"map": "<version>", "points": [[10, 10], [20, 10], [15, 20]]}'


@dataclass(frozen=True, slots=True)
class Area:
    """A polygon on one version of the map, filled by the even-odd rule: a region that it encloses twice is outside."""

    map: str
    points: tuple[tuple[float, float], ...]

    @classmethod
    def read(cls, name: str, value: Any) -> Area:
        """Read ``{"map": version, "points": [[x, y], ...]}``; points are rounded to three decimals. InputError names
        the wrong field.
        """
        name = f"filter.{name}"
        if not isinstance(value, dict) or set(value) != {"map", "points"}:
            raise InputError(name, _short(value), "is not an area", f"write e.g. {_EXAMPLE}")
        version, points = value["map"], value["points"]
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            raise InputError(f"{name}.map", _short(version), "is not the version of a map", "draw the area on the map")
        least, most = _CORNERS
        if not isinstance(points, (list, tuple)) or not least <= len(points) <= most:
            raise InputError(
                f"{name}.points",
                _short(points),
                "are not the corners of a polygon",
                f"give {least} to {most} pairs [x, y]",
            )
        return cls(version, tuple(_corner(f"{name}.points", point) for point in points))

    def to_dict(self) -> dict[str, Any]:
        return {"map": self.map, "points": [list(point) for point in self.points]}

    def holds(self, places: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of these places, (n, 2), lie inside: a ray from an inner point to the right crosses the border an odd
        number of times.
        """
        corners = np.array(self.points)
        found = np.zeros(len(places), bool)
        low, high = corners.min(axis=0), corners.max(axis=0)
        x, y = places[:, 0], places[:, 1]
        near = np.flatnonzero((x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1]))
        x, y = x[near].astype(np.float64), y[near].astype(np.float64)
        inside = np.zeros(len(near), bool)
        for (x1, y1), (x2, y2) in zip(self.points, (*self.points[1:], self.points[0]), strict=True):
            if y1 != y2:
                inside ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) / (y2 - y1) * (y - y1) + x1)
        found[near] = inside
        return found


def _corner(name: str, point: Any) -> tuple[float, float]:
    if not isinstance(point, (list, tuple)) or len(point) != 2:
        raise InputError(name, _short(point), "is not a pair of numbers", "write each corner as [x, y]")
    for end in point:
        number = isinstance(end, (int, float)) and not isinstance(end, bool)
        if not number or not abs(end) <= _FAR:
            raise InputError(name, _short(point), "is not a place on the map", f"use numbers from 0 to {SIDE:g}")
    x, y = (round(float(end), _DECIMALS) + 0.0 for end in point)
    return x, y


def _short(value: Any) -> str:
    shown = value if isinstance(value, str) else repr(value)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."
