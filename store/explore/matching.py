"""All rows of a filter, exactly and as they are now: what bulks and queues are made of.

What Explore shows may be a sample, some seconds old, or a search that was stopped; what is written may not rest on it.
"""

from __future__ import annotations

import time

import numpy as np

from store.database.workspace import Workspace
from store.errors import InputError
from store.explore import query
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.frame.frame import Array, Frame
from store.search import search

SECONDS = 60.0
"""That a search of all texts may take."""


def matching(workspace: Workspace, frames: Frames, asked: Filter) -> tuple[Frame, Array]:
    """A frame of all rows that there are now, and the positions in it of those of the filter, oldest first. InputError
    where a search in it takes longer than a minute.
    """
    frame = frames.of(workspace, now=True)
    end = time.monotonic() + SECONDS
    while True:
        chosen = query.select(workspace, frame, asked)
        if not (stopped := search.of(workspace).partial(frame, asked)):
            return frame, np.flatnonzero(chosen.rows)
        if time.monotonic() > end:
            left = stopped[0]
            problem = f"has searched {left.searched:,} of {left.total:,} questions in {SECONDS:.0f} seconds"
            raise InputError(f"filter.{left.name}", getattr(asked, left.name), problem, "search for words instead")
