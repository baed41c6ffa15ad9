"""The questions that are nearest to one in meaning, as far as the map's embedder can tell: by the cosine of vectors.

Reads every vector, block by block, so that each block stays in the processor's cache; no index is built.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from store.database import ids
from store.database.sources import Source
from store.errors import InputError
from store.frame.cache import asking
from store.frame.frame import Array, Frame
from store.map import tiles
from store.map.files import SCALE, Map

MOST = 10
_BLOCK = 2_048


@dataclass(frozen=True, slots=True)
class Neighbour:
    """``at``: position in the frame; ``similarity`` from -1 to 1."""

    at: int
    similarity: float


def nearest(source: Source, frame: Frame, chart: Map, question_id: str, most: int = MOST) -> list[Neighbour] | None:
    """The nearest questions of the frame, nearest first, without the question itself; ties go to the one embedded
    first. None where the question is not on the map. InputError for one that no run can have."""
    with asking(source) as cursor:
        key = ids.find(cursor, question_id)
    if key is None:
        raise InputError("question", question_id, "is not in this workspace", "check the id")
    found = np.flatnonzero(chart.keys == key)
    if not len(found):
        return None
    own = int(found[0])
    likeness = similarities(chart, chart.vectors[own])
    rows = tiles.of(frame, chart).rows
    likeness[rows < 0] = -np.inf
    likeness[own] = -np.inf
    most = min(most, len(likeness))
    best = np.argpartition(-likeness, most - 1)[:most]
    best = best[np.lexsort((best, -likeness[best]))]
    return [Neighbour(int(rows[i]), float(likeness[i])) for i in best if np.isfinite(likeness[i])]


def similarities(chart: Map, vector: Array) -> Array:
    """Of this vector (whole numbers, as stored) with every row's."""
    wanted = vector.astype(np.float32) / (SCALE * SCALE)
    found = np.empty(len(chart.vectors), np.float32)
    block = np.empty((_BLOCK, chart.meta.dimensions), np.float32)
    for first in range(0, len(found), _BLOCK):
        rows = chart.vectors[first : first + _BLOCK]
        same = block[: len(rows)]
        np.copyto(same, rows)
        np.dot(same, wanted, out=found[first : first + _BLOCK])
    return found
