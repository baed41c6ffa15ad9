"""Which questions a search finds: by the index where it is, and by reading the others' texts, for two seconds at most.

The index of a source (``search.sqlite`` in a workspace, memory for the demo) is built and kept up to date by a thread
that ends when there is nothing to do. Words are looked up in it; a text, a regular expression and words in what is not
indexed yet are searched by ``Filter.to_sql`` in a scan, which says how far it came and goes on when it is asked again.
What a reviewer edited is searched as edited. Searches read questions, not solutions.
"""

from __future__ import annotations

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
from store.search.build import build
from store.search.index import FILE, Index
from store.search.scan import Hits, Rows, as_edited, carry, scan

RANKED = 1_000
"""Questions that are ranked by how well they match; more are not."""
_REMEMBERED = 24
"""Searches whose rows are kept: a byte a question each."""


@dataclass(frozen=True, slots=True)
class Partial:
    """A search that was stopped: its condition, and how many of all questions were searched in how many seconds."""

    name: str
    searched: int
    total: int
    seconds: float


@dataclass(frozen=True, slots=True)
class State:
    """Of the index: how many of a frame's questions are in it; ``problem``: a sentence where there can be none."""

    indexed: int
    total: int
    problem: str | None


class Search:
    """Searches of one source, whose frames come and go. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._index: Index | None = None
        self._damaged = False
        self._problem: str | None = None
        self._thread: threading.Thread | None = None
        self._caught_up: Any = None
        self._before: Rows | None = None
        self._now: Rows | None = None
        self._rows: weakref.WeakKeyDictionary[Frame, Rows] = weakref.WeakKeyDictionary()

    def wake(self, source: Source, frame: Frame) -> None:
        """Have a thread bring the index to this frame's rows, if there is none at it and it is not there yet."""
        with self._lock:
            busy = self._thread is not None and self._thread.is_alive()
            if busy or self._problem is not None or self._caught_up == frame.version.rows:
                return
            self._thread = source.start_reader_thread(partial(self._build, source, frame.version.rows))

    def wait(self, source: Source, frame: Frame) -> State:
        """Until the index has this frame's rows, or cannot have them."""
        for _ in range(2):  # it may have been at work for an older frame
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
                pass  # the workspace is being closed; or a later look tries again
            except (sqlite3.Error, OSError) as error:
                if isinstance(error, StoreError):
                    with suppress(StoreError):
                        source.runs()  # it is not just closed
                        self._problem = f"Searches read every text: {error}"
                elif again:
                    self._damaged = True
                    continue
                else:
                    self._problem = f"Searches read every text: the search index cannot be kept ({error})."
            return

    def state(self, frame: Frame) -> State:
        """How far the index is."""
        rows = self._of(frame)
        indexed = int(np.count_nonzero(rows.follow(self._index)[1]))
        if indexed and frame.size < frame.total:  # a sample stands for all
            indexed = indexed * frame.total // frame.size
        return State(indexed, frame.total, self._problem)

    def find(self, source: Source, frame: Frame, name: str, value: str, *, more: bool = True) -> Hits:
        """The rows that a condition of SEARCHED lets through; ``more``: go on where it was stopped before."""
        self.wake(source, frame)
        rows = self._of(frame)
        with self._lock:
            hits = rows.hits.get((name, value))
            if hits is None:
                while len(rows.hits) >= _REMEMBERED:
                    del rows.hits[next(iter(rows.hits))]
                hits = rows.hits[name, value] = Hits(np.zeros(frame.size, bool), np.ones(frame.size, bool))
        if not hits.fresh and (hits.rest is None or not more):
            return hits  # without waiting for who may be at it
        with hits.lock:
            if hits.rest is not None:
                condition, values = Filter.from_json({name: value}).to_sql()
                if hits.fresh:
                    if name == "words":
                        self._look_up(rows, hits, search_syntax.words(value))
                    elif (old := self._before) is not None and (before := old.hits.get((name, value))) is not None:
                        carry(old, before, rows, hits)
                    as_edited(hits, rows.edits(source, frame), condition, values)
                scan(source, rows, hits, condition, values)
                hits.fresh = False
        return hits

    def partial(self, frame: Frame, asked: Filter) -> list[Partial]:
        """The filter's searches that were stopped."""
        rows, found = self._of(frame), []
        for name in SEARCHED:
            hits = rows.hits.get((name, getattr(asked, name)))
            if hits is not None and (rest := hits.rest) is not None:
                searched = frame.size - int(np.count_nonzero(rest))
                found.append(Partial(name, searched, frame.size, hits.seconds))
        return found

    def best(self, source: Source, frame: Frame, value: str) -> Array | None:
        """The positions of all that a search for words finds, best first; None where they are too many to rank."""
        hits, asked = self.find(source, frame, "words", value, more=False), search_syntax.words(value)
        if hits.rest is not None or not asked.wanted or np.count_nonzero(hits.passes) > RANKED:
            return None
        with hits.lock:
            if hits.best is None:
                ranked = np.zeros(0, np.int64)
                with self._asking() as index:
                    if index is not None:
                        made, (places, _) = index.made, self._of(frame).follow(index)
                        found = _known(places, index.ranked(search_syntax.match(asked), 2 * RANKED))
                        ranked = found[hits.passes[found]] if index.made == made else ranked
                # an edited text is not in the index as it is now
                others = np.setdiff1d(np.flatnonzero(hits.passes), ranked)
                hits.best = np.concatenate([ranked, others[::-1]])
            return hits.best

    def _look_up(self, rows: Rows, hits: Hits, asked: search_syntax.Words) -> None:
        with self._asking() as index:
            if index is None:
                return
            made, (places, indexed) = index.made, rows.follow(index)
            found = _known(places, index.find(search_syntax.match(asked)))
            if index.made != made:  # it began anew meanwhile
                return
            if not asked.wanted:  # what was found is unwanted
                hits.passes |= indexed
            hits.passes[found] = bool(asked.wanted)
            hits.rest = ~indexed

    @contextmanager
    def _asking(self) -> Iterator[Index | None]:
        """The index; where it takes too long, or turns out to be damaged and is made anew, texts are read instead."""
        try:
            yield None if self._damaged else self._index
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", None) != "SQLITE_INTERRUPT":
                self._damaged, self._caught_up = True, None

    def _of(self, frame: Frame) -> Rows:
        with self._lock:
            found = self._rows.get(frame)
            if found is None:
                found = self._rows[frame] = Rows(frame, self._now)
                self._before, self._now = self._now, found
        return found

    def close(self) -> None:
        """Free the file."""
        if self._index is not None:
            self._index.close()


def _known(places: Array, documents: Array) -> Array:
    """The positions of documents that were there and are among the rows."""
    found = places[documents[documents < len(places)]]
    return found[found >= 0]


_all: weakref.WeakKeyDictionary[Source, Search] = weakref.WeakKeyDictionary()
_all_lock = threading.Lock()


def of(source: Source) -> Search:
    """The one of this source."""
    with _all_lock:
        found = _all.get(source)
        if found is None:
            found = _all[source] = Search()
            weakref.finalize(source, found.close)
        return found
