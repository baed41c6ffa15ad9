"""Searching questions: words by the index, everything else by scans of two seconds at most; and scanning solutions.

The index of a source (``search.sqlite`` in a workspace, in memory for the demo) is kept up to date by a thread that
ends when all questions are indexed. Texts, regular expressions, and words in questions that are not indexed yet are
scanned by ``Filter.to_sql``; a scan that hits its time limit reports its progress, and the next request continues it.
Edited questions are searched by their current texts.
"""

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import duckdb
import numpy as np

from store.database.sources import Source
from store.errors import StoreError
from store.filters import search_syntax
from store.filters.filter import SEARCHED, Filter
from store.frame.frame import Array, Frame
from store.search.index import FILE, Index, build
from store.search.scan import Hits, Rows, as_edited, carry, scan, scan_solutions

RANKED = 1_000
"""Results are ranked only if there are at most this many."""
_REMEMBERED = 24
"""Searches whose results are cached, one byte per question each."""


@dataclass(frozen=True, slots=True)
class Partial:
    """An unfinished search by condition ``name``: ``searched`` of ``total`` questions in ``seconds``."""

    name: str
    searched: int
    total: int
    seconds: float


@dataclass(frozen=True, slots=True)
class State:
    """How many of a frame's questions are indexed; ``problem``: a sentence where the index cannot be built."""

    indexed: int
    total: int
    problem: str | None


class Search:
    """Searches of one source. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._index: Index | None = None
        self._damaged = False
        self._problem: str | None = None
        self._thread: threading.Thread | None = None
        self._caught_up: Any = None
        self._previous: Rows | None = None
        self._latest: Rows | None = None
        self._rows: weakref.WeakKeyDictionary[Frame, Rows] = weakref.WeakKeyDictionary()

    def wake(self, source: Source, frame: Frame) -> None:
        """Start a thread that indexes this frame's rows, unless one is running or they are indexed already."""
        with self._lock:
            busy = self._thread is not None and self._thread.is_alive()
            if busy or self._problem is not None or self._caught_up == frame.version.rows:
                return
            self._thread = source.start_reader_thread(partial(self._build, source, frame.version.rows))

    def wait(self, source: Source, frame: Frame) -> State:
        """Wait until this frame's rows are indexed, or cannot be."""
        for _ in range(2):  # the running thread may index an older frame
            self.wake(source, frame)
            if self._thread is not None:
                self._thread.join()
        return self.state(frame)

    def _build(self, source: Source, version: Any) -> None:
        for again in (True, False):
            try:
                if self._index is None:
                    path = getattr(source, "path", None)
                    self._index = Index(None if path is None else path / FILE)
                elif self._damaged:
                    self._index.reset()
                self._damaged = False
                build(self._index, source.cursor)
                self._caught_up = version
            except duckdb.Error:
                pass  # the workspace is being closed, or the next request tries again
            except (sqlite3.Error, OSError) as error:
                if isinstance(error, StoreError):
                    with suppress(StoreError):
                        source.runs()  # fails if the workspace was closed
                        self._problem = f"Searches scan every text: {error}"
                elif again:
                    self._damaged = True
                    continue
                else:
                    self._problem = f"Searches scan every text: the search index cannot be written ({error})."
            return

    def state(self, frame: Frame) -> State:
        """The progress of the index."""
        rows = self._rows_of(frame)
        indexed = int(np.count_nonzero(rows.follow(self._index)[1]))
        if indexed and frame.size < frame.total:  # a sample represents all
            indexed = indexed * frame.total // frame.size
        return State(indexed, frame.total, self._problem)

    def find(self, source: Source, frame: Frame, name: str, value: str, *, more: bool = True) -> Hits:
        """The rows that meet a condition of SEARCHED; ``more``: continue an unfinished search."""
        self.wake(source, frame)
        rows = self._rows_of(frame)
        with self._lock:
            hits = rows.hits.get((name, value))
            if hits is None:
                while len(rows.hits) >= _REMEMBERED:
                    del rows.hits[next(iter(rows.hits))]
                hits = rows.hits[name, value] = Hits(np.zeros(frame.size, bool), np.ones(frame.size, bool))
        if not hits.fresh and (hits.rest is None or not more):
            return hits  # without waiting for a scan by another request
        with hits.lock:
            if hits.rest is not None:
                condition, values = Filter.from_json({name: value}).to_sql()
                if hits.fresh:
                    if name == "words":
                        self._look_up(rows, hits, search_syntax.words(value))
                    elif (old := self._previous) is not None and (before := old.hits.get((name, value))) is not None:
                        carry(old, before, rows, hits)
                    if name != "solution_text":
                        as_edited(hits, rows.edits(source, frame), condition, values)
                look = scan_solutions if name == "solution_text" else scan
                look(source, rows, hits, condition, values)
                hits.fresh = False
        return hits

    def partial(self, frame: Frame, filter_: Filter) -> list[Partial]:
        """The filter's unfinished searches."""
        rows, found = self._rows_of(frame), []
        for name in SEARCHED:
            hits = rows.hits.get((name, getattr(filter_, name)))
            if hits is not None and (rest := hits.rest) is not None:
                searched = frame.size - int(np.count_nonzero(rest))
                found.append(Partial(name, searched, frame.size, hits.seconds))
        return found

    def best(self, source: Source, frame: Frame, value: str) -> Array | None:
        """The positions of all results of a search for words, best first; None where they are too many to rank."""
        hits, words = self.find(source, frame, "words", value, more=False), search_syntax.words(value)
        if hits.rest is not None or not words.wanted or np.count_nonzero(hits.passes) > RANKED:
            return None
        with hits.lock:
            if hits.best is None:
                ranked = np.zeros(0, np.int64)
                with self._usable_index() as index:
                    if index is not None:
                        rebuilds, (positions, _) = index.rebuilds, self._rows_of(frame).follow(index)
                        found = _known(positions, index.ranked(search_syntax.match(words), 2 * RANKED))
                        ranked = found[hits.passes[found]] if index.rebuilds == rebuilds else ranked
                # the index has the original text of an edited question
                others = np.setdiff1d(np.flatnonzero(hits.passes), ranked)
                hits.best = np.concatenate([ranked, others[::-1]])
            return hits.best

    def _look_up(self, rows: Rows, hits: Hits, words: search_syntax.Words) -> None:
        with self._usable_index() as index:
            if index is None:
                return
            rebuilds, (positions, indexed) = index.rebuilds, rows.follow(index)
            found = _known(positions, index.find(search_syntax.match(words)))
            if index.rebuilds != rebuilds:  # it was reset meanwhile
                return
            if not words.wanted:  # all rows except the ones found
                hits.passes |= indexed
            hits.passes[found] = bool(words.wanted)
            hits.rest = ~indexed

    @contextmanager
    def _usable_index(self) -> Iterator[Index | None]:
        """The index, None while it is damaged. Suppresses its errors, after which texts are scanned: a query that took
        too long, or damage, which the next ``wake`` repairs.
        """
        try:
            yield None if self._damaged else self._index
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", None) != "SQLITE_INTERRUPT":
                self._damaged, self._caught_up = True, None

    def _rows_of(self, frame: Frame) -> Rows:
        with self._lock:
            found = self._rows.get(frame)
            if found is None:
                found = self._rows[frame] = Rows(frame, self._latest)
                self._previous, self._latest = self._latest, found
        return found

    def close(self) -> None:
        """Close the index."""
        if self._index is not None:
            self._index.close()


def _known(positions: Array, documents: Array) -> Array:
    """The positions of the documents that are among the rows."""
    found = positions[documents[documents < len(positions)]]
    return found[found >= 0]


_all: weakref.WeakKeyDictionary[Source, Search] = weakref.WeakKeyDictionary()
_all_lock = threading.Lock()


def of(source: Source) -> Search:
    """The search of this source, created at first use."""
    with _all_lock:
        found = _all.get(source)
        if found is None:
            found = _all[source] = Search()
            weakref.finalize(source, found.close)
        return found
