"""The full-text index of questions: one SQLite file with an FTS5 table, beside the database or in memory.

It is a cache: a file that is missing, damaged or of another version is made anew. Its documents are numbered from 0 on
in the order of coming; which question each is, ``keys`` tells by ``q`` (``keys.py``). Texts come as ``SPLIT`` makes
them and are not kept: a document cannot be taken out, so those of deleted runs stay until the file is made anew.
Knows neither frames nor what a reviewer edited.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.database.ids import IDX_BITS
from store.errors import StoreError

FILE = "search.sqlite"
VERSION = 1
"""Of the file; another one's is made anew."""
SECONDS = 2.0
"""That asking takes at most: then it fails by an error named SQLITE_INTERRUPT."""
_STEPS = 200_000
"""Of SQLite's machine between two looks at the clock."""
_MAPPED = 1 << 30
"""Bytes of the file that may be read as memory."""

_TABLES = """
    CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='ascii');
    CREATE TABLE chunks (first INTEGER PRIMARY KEY, keys BLOB);
    CREATE TABLE runs (number INTEGER PRIMARY KEY, run_id TEXT, rows INTEGER, chars INTEGER);"""


class Index:
    """Opened at ``path``, or in memory. One thread adds, any may ask. Raises sqlite3.Error; StoreError without FTS5."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._asking = threading.RLock()
        # in memory there is one connection: asking waits for adding
        self._adding = self._asking if path is None else threading.RLock()
        self._keys: list[NDArray[np.int64]] = []
        self.size = 0
        self.made = 0
        """How many times it began anew: documents of before are others."""
        self._connect()
        try:
            self._load()
        except sqlite3.Error:
            self.reset()

    def _connect(self) -> None:
        name = ":memory:" if self._path is None else str(self._path)
        self._write = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
        self._read = self._write
        if self._path is not None:
            self._read = sqlite3.connect(name, isolation_level=None, check_same_thread=False)

    def _load(self) -> None:
        version = self._write.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            if self._write.execute("SELECT 1 FROM sqlite_schema").fetchone():
                raise sqlite3.DatabaseError("of another version")
            self._create()
        if self._path is not None:
            self._write.execute("PRAGMA journal_mode = wal")  # asking does not wait for adding
            self._write.execute("PRAGMA synchronous = normal")
            self._read.execute(f"PRAGMA mmap_size = {_MAPPED}")
        self._keys = [
            np.frombuffer(blob, np.int64) for (blob,) in self._write.execute("SELECT keys FROM chunks ORDER BY first")
        ]
        self.size = sum(map(len, self._keys))
        count, last = self._write.execute("SELECT count(*), coalesce(max(id), -1) FROM words_docsize").fetchone()
        if (count, last) != (self.size, self.size - 1):
            raise sqlite3.DatabaseError("not whole")

    def _create(self) -> None:
        try:
            self._write.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
        except sqlite3.OperationalError as error:
            if "fts5" in str(error):
                raise StoreError(
                    "the SQLite of this Python has no FTS5, which the index is made with: use another Python."
                ) from error
            raise

    def reset(self) -> None:
        """Begin anew, without documents."""
        with self._adding, self._asking:
            self._close()
            if self._path is not None:
                for end in ("", "-wal", "-shm", "-journal"):
                    self._path.with_name(self._path.name + end).unlink(missing_ok=True)
            self._connect()
            self._load()
            self.made += 1

    def keys(self, first: int = 0) -> NDArray[np.int64]:
        """``q`` of each document from this one on."""
        chunks: list[NDArray[np.int64]] = []
        start = 0
        for chunk in list(self._keys):
            if start + len(chunk) > first:
                chunks.append(chunk[max(first - start, 0) :])
            start += len(chunk)
        return np.concatenate(chunks) if chunks else np.zeros(0, np.int64)

    def runs(self) -> dict[int, tuple[str, int, int]]:
        """Of each run, by its number: run_id, and how many documents and characters it has here."""
        with self._adding:
            found = self._write.execute("SELECT number, run_id, rows, chars FROM runs").fetchall()
        return {number: rest for number, *rest in found}

    def add(self, run_id: str, keys: NDArray[np.int64], texts: Sequence[str], chars: int) -> None:
        """Documents of one run, in one transaction. ``chars``: of the texts before they were split."""
        if not len(keys):
            return
        number = int(keys[0]) >> IDX_BITS
        with self._adding:
            self._write.execute("BEGIN")
            try:
                rows = enumerate(texts, self.size)
                self._write.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", rows)
                self._write.execute("INSERT INTO chunks VALUES (?, ?)", [self.size, keys.tobytes()])
                self._write.execute(
                    """
                    INSERT INTO runs VALUES ($number, $run, $rows, $chars) ON CONFLICT (number) DO UPDATE
                    SET rows = rows + $rows, chars = chars + $chars""",
                    {"number": number, "run": run_id, "rows": len(keys), "chars": chars},
                )
                self._write.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._write.execute("ROLLBACK")
                raise
        self._keys.append(keys)
        self.size += len(keys)

    def merge(self) -> None:
        """Make asking faster, after much was added."""
        if self._path is not None:
            with self._adding:
                self._write.execute("INSERT INTO words (words) VALUES ('optimize')")
                self._write.execute("PRAGMA wal_checkpoint(truncate)")

    def find(self, match: str) -> NDArray[np.int64]:
        """The documents that an FTS5 query finds, in any order."""
        # one row with all of them: a row each would cost four times the search itself
        found = self._ask("SELECT group_concat(rowid) FROM words WHERE words MATCH ?", match)[0][0]
        return np.fromstring(found, np.int64, sep=",") if found else np.zeros(0, np.int64)

    def ranked(self, match: str, most: int) -> NDArray[np.int64]:
        """The best of them, best first, by BM25 (Robertson and Zaragoza 2009, with FTS5's k1 = 1.2 and b = 0.75)."""
        query = f"SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words), rowid DESC LIMIT {most:d}"
        return np.array([rowid for (rowid,) in self._ask(query, match)], np.int64)

    def _ask(self, query: str, match: str) -> list[tuple[Any, ...]]:
        with self._asking:
            until = time.monotonic() + SECONDS
            self._read.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
            try:
                return self._read.execute(query, [match]).fetchall()
            finally:
                self._read.set_progress_handler(None, 0)

    def close(self) -> None:
        """Free the file."""
        with self._adding, self._asking:
            self._close()

    def _close(self) -> None:
        for connection in (self._read, self._write):
            with suppress(sqlite3.Error):
                connection.close()
