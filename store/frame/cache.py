"""The frame of each source, read again when its rows have changed.

Every request checks for changes; few of them read. A frame of many questions takes seconds to read, so that is done in
the background while requests use the previous frame, or at first a sample.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

import duckdb

from store.database import duckdb_errors
from store.database.sources import Source
from store.errors import StoreError
from store.frame.frame import Frame, Version
from store.frame.load import read
from store.frame.update import patched

MANY = 100_000
"""From this many questions on, a frame is read in the background, after a sample."""
_LOOK_AGAIN = 0.5
"""Seconds for which a frame is used without checking the database."""
_READ_AGAIN = 2.0
_TIMES = 5.0
"""The least seconds between two readings, and the least multiple of the last reading's time: a run may be writing."""
_CHANGING = ("question_rows", "verdict_rows", "solution_rows", "reward_rows", "label_rows", "rate_rows")


class Frames:
    """The frame of each source, read again when its rows have changed. Safe from any thread."""

    def __init__(self) -> None:
        self._held: weakref.WeakKeyDictionary[Source, _Held] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, source: Source, *, now: bool = False) -> Frame:
        """A frame at most half a second old for few questions, a few seconds for many. With many questions the first
        call returns a sample (``size`` below ``total``). Only the first call and small readings block.

        ``now``: wait for a frame of all current rows, however long that takes.
        """
        with self._lock:
            held = self._held.setdefault(source, _Held())
        # while another request reads, the previous frame is used
        if held.lock.acquire(blocking=now or held.frame is None):
            try:
                held.refresh(source, now)
            finally:
                held.lock.release()
        if held.frame is None:
            raise StoreError("the questions could not be read; try again.")
        return held.frame


class _Held:
    """A source's frame, and when it was last checked and read."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.frame: Frame | None = None
        self._looked = self._read = float("-inf")
        self._took = self._patching = 0.0
        self._reading: threading.Thread | None = None

    def refresh(self, source: Source, at_once: bool) -> None:
        started = time.monotonic()
        reading = self._reading is not None and self._reading.is_alive()
        if at_once and reading and self._reading is not None:
            self._reading.join()
        elif reading or (not at_once and started < self._looked + _LOOK_AGAIN):
            return
        with read_cursor(source) as cursor:
            runs = [run.run_id for run in source.runs()]
            now = version(cursor, runs)
            self._looked = time.monotonic()
            if self.frame is not None and self.frame.version == now:
                return
            if not at_once and self._early(started, now):
                return
            if at_once or now.rows[0] < MANY:
                self._renew(cursor, runs, now)
                return
            if self.frame is None:
                sample = now._replace(rows=("a sample of", *now.rows))
                self.frame = read(cursor, runs, sample, sampled=True)
        self._reading = source.start_reader_thread(partial(self._read_in_background, source, runs, now))

    def _early(self, started: float, now: Version) -> bool:
        """Whether it is too soon to read again; after a sample it never is."""
        if self.frame is None or self._sampled:
            return False
        wait = _TIMES * self._patching if self._decided(now) else max(_READ_AGAIN, _TIMES * self._took)
        return started < self._read + wait

    @property
    def _sampled(self) -> bool:
        return self.frame is not None and self.frame.size < self.frame.total

    def _decided(self, now: Version) -> bool:
        """Whether only decisions were added since the frame was read."""
        return self.frame is not None and not self._sampled and self.frame.version.rows == now.rows

    def _read_in_background(self, source: Source, runs: list[str], now: Version) -> None:
        # closed meanwhile, or unreadable: the next request tries again and reports the error
        with suppress(StoreError), read_cursor(source) as cursor:
            self._renew(cursor, runs, now)

    def _renew(self, cursor: duckdb.DuckDBPyConnection, runs: list[str], now: Version) -> None:
        started = time.monotonic()
        if self.frame is not None and self._decided(now) and (frame := patched(cursor, self.frame, now)) is not None:
            self._patching = time.monotonic() - started
        else:
            frame = read(cursor, runs, now)
            self._took = time.monotonic() - started
        self.frame, self._read = frame, time.monotonic()


def version(cursor: duckdb.DuckDBPyConnection, runs: Sequence[str]) -> Version:
    """Identify the current rows by the tables' counts, which DuckDB knows without a scan, and the times of the
    newest verdict and rate. Decisions are counted separately, because they change few rows of a frame.
    """
    columns = [f"(SELECT count(*) FROM {table})" for table in _CHANGING] + [
        f"(SELECT max(created_at) FROM {table})" for table in ("verdict_rows", "rate_rows")
    ]
    decisions, *found = cursor.execute(f"SELECT (SELECT count(*) FROM decision_rows), {', '.join(columns)}").fetchall()[
        0
    ]
    return Version((*found, *runs), decisions)


@contextmanager
def read_cursor(source: Source) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor of the source; DuckDB errors become a StoreError."""
    with source.cursor() as cursor:
        try:
            yield cursor
        except duckdb.Error as error:
            raise StoreError(f"the questions cannot be read ({duckdb_errors.first_line(error)}); try again.") from error
