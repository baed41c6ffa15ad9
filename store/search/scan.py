"""Search results as rows of a frame: the positions of indexed documents, and scans of texts that are not indexed.

``Rows`` holds arrays of a frame, never the frame itself, so that an old frame can be freed.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np

from store.database.sources import Source
from store.database.views import narrowed
from store.filters import search_syntax
from store.filters.filter import IN_SOLUTION
from store.frame.cache import read_cursor
from store.frame.frame import Array, Frame
from store.search.index import Index, batches

SECONDS = 2.0
"""The time limit of one scan."""
_BATCH = 20_000


@dataclass(slots=True)
class Hits:
    """The results of a search so far. ``rest``: the rows that were not searched yet, None where all were. ``best``:
    positions, best first, once they are ranked. ``seconds``: the time of the scans.
    """

    passes: Array
    rest: Array | None
    seconds: float = 0.0
    best: Array | None = None
    fresh: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)


class Rows:
    """A frame's rows as searches need them. ``hits``: by condition and its value. ``before``: the rows of an older
    frame, whose document positions are reused if only decisions were added since.
    """

    def __init__(self, frame: Frame, before: Rows | None = None) -> None:
        self.size, self.keys, self.edited = frame.size, frame.q, frame.edited
        self._lock = threading.Lock()
        self._index: tuple[Index, int] | None = None
        self._positions = np.zeros(0, np.int64)
        self._edits: tuple[Array, list[str]] | None = None
        self._indexed = np.zeros(frame.size, bool)
        self.hits: dict[tuple[str, str], Hits] = {}
        if before is not None and before.keys is frame.q:
            with before._lock:
                self._index, self._positions, self._indexed = before._index, before._positions, before._indexed

    def positions(self, keys: Array) -> Array:
        """The positions of these questions; -1 where one is not among the rows."""
        if not self.size:
            return np.full(len(keys), -1)
        at = np.minimum(np.searchsorted(self.keys, keys), self.size - 1)
        return np.where(self.keys[at] == keys, at, -1)

    def follow(self, index: Index | None) -> tuple[Array, Array]:
        """The position of each document of the index, -1 where it is not among the rows; and which rows are indexed."""
        if index is None:
            return np.zeros(0, np.int64), np.zeros(self.size, bool)
        with self._lock:
            if self._index != (index, index.rebuilds):
                self._index, self._positions = (index, index.rebuilds), np.zeros(0, np.int64)
                self._indexed = np.zeros(self.size, bool)
            if index.size > len(self._positions):
                new = self.positions(index.keys(len(self._positions)))
                self._positions = np.concatenate([self._positions, new])
                indexed = self._indexed.copy()
                indexed[new[new >= 0]] = True
                self._indexed = indexed
            return self._positions, self._indexed

    def edits(self, source: Source, frame: Frame) -> tuple[Array, list[str]]:
        """The positions and the current texts of edited questions."""
        if self._edits is None:
            edited = np.flatnonzero(frame.edited)
            found: list[tuple[str, str]] = []
            if len(edited):
                with read_cursor(source) as cursor:
                    query = f"SELECT question_id, query FROM ({narrowed('items')})"
                    found = cursor.execute(query, {"q": self.keys[edited].tolist()}).fetchall()
            known = [(at, text) for key, text in found if (at := frame.place(key)) is not None]
            self._edits = np.array([at for at, _ in known], np.int64), [text for _, text in known]
        return self._edits


def carry(old: Rows, before: Hits, new: Rows, hits: Hits) -> None:
    """Reuse the results of an older frame: only the texts of edited questions can have changed."""
    searched = ~old.edited if before.rest is None else ~(old.edited | before.rest)
    positions = new.positions(old.keys[searched])
    known = positions[positions >= 0]
    hits.passes[known] = before.passes[searched][positions >= 0]
    if hits.rest is not None:
        hits.rest[known] = False
    hits.seconds = before.seconds


def as_edited(hits: Hits, edits: tuple[Array, list[str]], condition: str, values: list[Any]) -> None:
    """Search edited questions by their current texts."""
    positions, texts = edits
    if len(positions):
        hits.passes[positions] = search_syntax.holds(condition, values, texts)
        if hits.rest is not None:
            hits.rest[positions] = False


def scan(source: Source, rows: Rows, hits: Hits, condition: str, values: list[Any]) -> None:
    """Search the remaining texts in the order in which they are stored, for at most SECONDS."""
    rest = hits.rest
    if rest is None or not rest.any():
        hits.rest = None
        return
    keys = rows.keys[rest]
    started = time.monotonic()
    query = f"""
        SELECT q, {condition} AS found
        FROM (SELECT q, text AS query FROM question_text WHERE q BETWEEN {keys[0]} AND {keys[-1]})"""
    with read_cursor(source) as cursor, suppress(duckdb.InterruptException):
        stop = threading.Timer(SECONDS, _interrupt, [cursor])
        stop.start()
        try:
            for batch in batches(cursor, query, values, _BATCH):
                at = rows.positions(batch.column(0).to_numpy())
                pending = (at >= 0) & rest[at]
                found = batch.column(1).to_numpy(zero_copy_only=False)
                hits.passes[at[pending & found]] = True
                rest[at[pending]] = False
                if time.monotonic() > started + SECONDS:
                    break
            else:
                hits.rest = None  # the remaining rows were deleted from the database
        finally:
            stop.cancel()
            hits.seconds += time.monotonic() - started


def scan_solutions(source: Source, rows: Rows, hits: Hits, condition: str, values: list[Any]) -> None:
    """Search the solutions of the remaining questions, some thousand questions at a time, for at most SECONDS."""
    started = time.monotonic()
    query = f"SELECT DISTINCT q FROM solution_text WHERE q BETWEEN ? AND ? AND {IN_SOLUTION}"
    with read_cursor(source) as cursor:
        while hits.rest is not None and time.monotonic() < started + SECONDS:
            some = np.flatnonzero(hits.rest)[:_BATCH]
            if not len(some):
                hits.rest = None
                break
            ends = [int(rows.keys[some[0]]), int(rows.keys[some[-1]])]
            at = rows.positions(np.asarray(cursor.execute(query, [*ends, *values]).fetchnumpy()["q"], np.int64))
            hits.passes[np.intersect1d(at, some)] = True
            hits.rest[some] = False
    hits.seconds += time.monotonic() - started


def _interrupt(cursor: duckdb.DuckDBPyConnection) -> None:
    with suppress(duckdb.Error):  # the query has just ended
        cursor.interrupt()
