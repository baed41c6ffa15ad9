"""The questions nearest to a question by the cosine of the map's vectors.

Reads every vector, in blocks that fit the processor's cache; without an index.
"""

from dataclasses import dataclass

import numpy as np

from store.database import ids
from store.database.sources import Source
from store.errors import InputError
from store.frame.cache import read_cursor
from store.frame.frame import Array, Frame
from store.map.files import SCALE, Map
from store.map.tiles import map_points

LIMIT = 10
_BLOCK = 2_048


@dataclass(frozen=True, slots=True)
class Neighbour:
    """``position`` in the frame; ``similarity`` from -1 to 1."""

    position: int
    similarity: float


def nearest(source: Source, frame: Frame, map_: Map, question_id: str, limit: int = LIMIT) -> list[Neighbour] | None:
    """The nearest other questions of the frame, nearest first, ties in embedding order. None where the question is not
    on the map. InputError for an unknown question."""
    with read_cursor(source) as cursor:
        key = ids.find(cursor, question_id)
    if key is None:
        raise InputError("question", question_id, "is not in this workspace", "check the id")
    own = np.flatnonzero(map_.keys == key)
    if not len(own):
        return None
    similarity = similarities(map_, map_.vectors[own[0]])
    positions = map_points(frame, map_).rows
    similarity[positions < 0] = -np.inf
    similarity[own[0]] = -np.inf
    limit = min(limit, len(similarity))
    best = np.argpartition(-similarity, limit - 1)[:limit]
    best = best[np.lexsort((best, -similarity[best]))]
    return [Neighbour(int(positions[i]), float(similarity[i])) for i in best if np.isfinite(similarity[i])]


def similarities(map_: Map, vector: Array) -> Array:
    """The cosine of this vector (whole numbers, as stored) with each row's."""
    scaled = vector.astype(np.float32) / (SCALE * SCALE)
    products = np.empty(len(map_.vectors), np.float32)
    buffer = np.empty((_BLOCK, map_.meta.dimensions), np.float32)
    for first in range(0, len(products), _BLOCK):
        stored = map_.vectors[first : first + _BLOCK]
        block = buffer[: len(stored)]
        np.copyto(block, stored)
        np.dot(block, scaled, out=products[first : first + _BLOCK])
    return products
