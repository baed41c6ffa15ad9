"""The frame of each source, read again when its rows have changed: every request looks, few of them read.

A frame of many questions takes seconds to read: that is done beside the requests, which have what there is, at first a
sample.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import duckdb

from store import problems
from store.errors import StoreError
from store.frame import Frame
from store.frame_rows import read
from store.shelf import Source

MANY = 100_000
"""From so many questions on, a frame is read in the background, and a sample comes first."""
_LOOK_AGAIN = 0.5
"""Seconds that a frame counts as new without a look at the database."""
_READ_AGAIN = 2.0
_TIMES = 5.0
"""Between two readings lie at least so many seconds, and so many times what the last one took: a run may be writing."""
_CHANGING = ("question_rows", "verdict_rows", "solution_rows", "reward_rows", "label_rows", "decision_rows")


class Frames:
    """The frame of each source, read again when its rows have changed. Safe from any thread."""

    def __init__(self) -> None:
        self._held: weakref.WeakKeyDictionary[Source, _Held] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, source: Source, *, now: bool = False) -> Frame:
        """At most half a second behind the rows of a few questions, a few seconds behind many; of many the first call
        gives a sample (``size`` below ``total``). The first call waits for a reading, later ones for small ones only.

        ``now``: of all the rows that there are now, however long reading them takes.
        """
        with self._lock:
            held = self._held.setdefault(source, _Held())
        # who comes while another reads is served what there is
        if held.lock.acquire(blocking=now or held.frame is None):
            try:
                held.refresh(source, now)
            finally:
                held.lock.release()
        if held.frame is None:
            raise StoreError("the questions could not be read; try again.")
        return held.frame


class _Held:
    """A source's frame, and when it was last looked at and read."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.frame: Frame | None = None
        self._looked = self._read = float("-inf")
        self._took = 0.0
        self._reading: threading.Thread | None = None

    def refresh(self, source: Source, at_once: bool) -> None:
        started = time.monotonic()
        reading = self._reading is not None and self._reading.is_alive()
        if at_once and reading and self._reading is not None:
            self._reading.join()
        elif reading or (not at_once and self._early(started)):
            return
        with asking(source) as cursor:
            runs = [run.run_id for run in source.runs()]
            now = version(cursor, runs)
            self._looked = time.monotonic()
            if self.frame is not None and self.frame.version == now:
                return
            if at_once or now[0] < MANY:
                self._take(read(cursor, runs, now), started)
                return
            if self.frame is None:
                self.frame = read(cursor, runs, ("a sample of", *now), sampled=True)
        self._reading = source.beside(partial(self._read_beside, source, runs, now))

    def _early(self, started: float) -> bool:
        """Whether it is too soon to look again; a sample is followed by all as soon as can be."""
        if started < self._looked + _LOOK_AGAIN:
            return True
        sampled = self.frame is not None and self.frame.size < self.frame.total
        return not sampled and started < self._read + max(_READ_AGAIN, _TIMES * self._took)

    def _read_beside(self, source: Source, runs: list[str], now: tuple[Any, ...]) -> None:
        started = time.monotonic()
        # closed meanwhile, or unreadable: the next request tries again, and hears of it
        with suppress(StoreError), asking(source) as cursor:
            self._take(read(cursor, runs, now), started)

    def _take(self, frame: Frame, started: float) -> None:
        self.frame = frame
        self._read = time.monotonic()
        self._took = self._read - started


def version(cursor: duckdb.DuckDBPyConnection, runs: Sequence[str]) -> tuple[Any, ...]:
    """How many questions there are, and what changes when rows come, go or are replaced: the counts of the tables,
    which DuckDB knows without a scan, and the time of the newest verdict."""
    asked = [f"(SELECT count(*) FROM {table})" for table in _CHANGING] + ["(SELECT max(created_at) FROM verdict_rows)"]
    return (*cursor.execute(f"SELECT {', '.join(asked)}").fetchall()[0], *runs)


@contextmanager
def asking(source: Source) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor of the source; what the database cannot answer is one sentence."""
    with source.cursor() as cursor:
        try:
            yield cursor
        except duckdb.Error as error:
            raise StoreError(f"the questions cannot be read ({problems.first_line(error)}); try again.") from error
