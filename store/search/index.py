"""The full-text index of questions: an SQLite file with an FTS5 table next to the database, or in memory for the demo.

The index is a cache: a file that is missing, damaged or of another version is rebuilt. Documents are numbered from 0 in
the order of insertion; ``keys`` maps them to questions (``q``, see ``ids.py``). FTS5 does not keep the texts, so a
document cannot be removed: the documents of deleted runs stay until the next rebuild.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from store.database.ids import IDX_BITS
from store.errors import StoreError
from store.filters.search_syntax import SPLIT

FILE = "search.sqlite"
VERSION = 1
"""The format of the file; a file with another version is rebuilt."""
SECONDS = 2.0
"""A longer query fails with SQLITE_INTERRUPT."""
_STEPS = 200_000
"""Instructions of SQLite's virtual machine between two checks of the time."""
_MAPPED = 1 << 30
"""Bytes of the file that SQLite may map into memory."""
_BATCH = 10_000
"""Questions in a transaction."""
_MERGE = 100_000
"""After adding this many questions, merging FTS5's segments is worth its seconds."""

Array = NDArray[Any]

_TABLES = """
    CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='ascii');
    CREATE TABLE chunks (first INTEGER PRIMARY KEY, keys BLOB);
    CREATE TABLE runs (number INTEGER PRIMARY KEY, run_id TEXT, rows INTEGER, chars INTEGER);"""


class Index:
    """The index at ``path``, or (None) in memory. One thread may add, all may query. Its methods raise sqlite3.Error.

    StoreError where this Python's SQLite has no FTS5.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read_lock = threading.RLock()
        # in memory there is one connection: queries wait for additions
        self._write_lock = self._read_lock if path is None else threading.RLock()
        self._keys: list[NDArray[np.int64]] = []
        self.size = 0
        self.rebuilds = 0
        """How often the index was reset: each reset renumbers the documents."""
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
                raise sqlite3.DatabaseError("the index has another version")
            self._create()
        if self._path is not None:
            self._write.execute("PRAGMA journal_mode = wal")  # queries do not wait for additions
            self._write.execute("PRAGMA synchronous = normal")
            self._read.execute(f"PRAGMA mmap_size = {_MAPPED}")
        self._keys = [
            np.frombuffer(blob, np.int64) for (blob,) in self._write.execute("SELECT keys FROM chunks ORDER BY first")
        ]
        self.size = sum(map(len, self._keys))
        count, last = self._write.execute("SELECT count(*), coalesce(max(id), -1) FROM words_docsize").fetchone()
        if (count, last) != (self.size, self.size - 1):
            raise sqlite3.DatabaseError("the index is incomplete")

    def _create(self) -> None:
        try:
            self._write.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
        except sqlite3.OperationalError as error:
            if "fts5" in str(error):
                raise StoreError(
                    "the SQLite library of this Python lacks FTS5, which the search index needs; use another Python."
                ) from error
            raise

    def reset(self) -> None:
        """Delete all documents."""
        with self._write_lock, self._read_lock:
            self._close()
            if self._path is not None:
                for end in ("", "-wal", "-shm", "-journal"):
                    self._path.with_name(self._path.name + end).unlink(missing_ok=True)
            self._connect()
            self._load()
            self.rebuilds += 1

    def keys(self, first: int = 0) -> NDArray[np.int64]:
        """``q`` of each document, beginning with document ``first``."""
        chunks: list[NDArray[np.int64]] = []
        start = 0
        for chunk in list(self._keys):
            if start + len(chunk) > first:
                chunks.append(chunk[max(first - start, 0) :])
            start += len(chunk)
        return np.concatenate(chunks) if chunks else np.zeros(0, np.int64)

    def runs(self) -> dict[int, tuple[str, int, int]]:
        """By the run's number: its run_id, and the numbers of its indexed documents and characters."""
        with self._write_lock:
            found = self._write.execute("SELECT number, run_id, rows, chars FROM runs").fetchall()
        return {number: rest for number, *rest in found}

    def add(self, run_id: str, keys: NDArray[np.int64], texts: Sequence[str], chars: int) -> None:
        """Add documents of one run in one transaction. ``chars``: the length of the texts before ``SPLIT``."""
        if not len(keys):
            return
        number = int(keys[0]) >> IDX_BITS
        with self._write_lock:
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
        """Merge FTS5's segments, which makes queries faster."""
        if self._path is not None:
            with self._write_lock:
                self._write.execute("INSERT INTO words (words) VALUES ('optimize')")
                self._write.execute("PRAGMA wal_checkpoint(truncate)")

    def find(self, match: str) -> NDArray[np.int64]:
        """The documents that match an FTS5 query, in any order."""
        # as one row: a row for each would cost four times the search itself
        found = self._query("SELECT group_concat(rowid) FROM words WHERE words MATCH ?", match)[0][0]
        return np.fromstring(found, np.int64, sep=",") if found else np.zeros(0, np.int64)

    def ranked(self, match: str, most: int) -> NDArray[np.int64]:
        """The best matches, best first, by BM25 (Robertson and Zaragoza 2009, with FTS5's k1 = 1.2 and b = 0.75)."""
        query = f"SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words), rowid DESC LIMIT {most:d}"
        return np.array([rowid for (rowid,) in self._query(query, match)], np.int64)

    def _query(self, query: str, match: str) -> list[tuple[Any, ...]]:
        with self._read_lock:
            deadline = time.monotonic() + SECONDS
            self._read.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
            try:
                return self._read.execute(query, [match]).fetchall()
            finally:
                self._read.set_progress_handler(None, 0)

    def close(self) -> None:
        """Close the file."""
        with self._write_lock, self._read_lock:
            self._close()

    def _close(self) -> None:
        for connection in (self._read, self._write):
            with suppress(sqlite3.Error):
                connection.close()


def build(index: Index, cursor: Callable[[], duckdb.DuckDBPyConnection]) -> None:
    """Add all questions that are not indexed yet. An index of other rows (after a restored database) is reset first."""
    added = 0
    while True:
        with cursor() as open_cursor:
            names = dict(open_cursor.execute("SELECT number, run_id FROM run_numbers").fetchall())
            stored = open_cursor.sql("SELECT q, chars FROM question_rows ORDER BY q").to_arrow_table()
        keys, chars = stored["q"].to_numpy(), stored["chars"].to_numpy()
        indexed = index.keys()
        if index.size and (_foreign(index, names, keys, chars) or _stale(indexed, keys)):
            index.reset()
            indexed = index.keys()
        missing = ~np.isin(keys, indexed)
        if not missing.any():
            break
        keys, chars = keys[missing], chars[missing]
        for number in np.unique(keys >> IDX_BITS).tolist():
            of_run = keys >> IDX_BITS == number
            with cursor() as open_cursor:
                _add(index, open_cursor, names[number], keys[of_run], chars[of_run])
        added += len(keys)
    if added >= _MERGE:
        index.merge()


def _add(index: Index, cursor: duckdb.DuckDBPyConnection, run_id: str, keys: Array, chars: Array) -> None:
    """Add questions of one run; ``keys`` ascend."""
    query = f"SELECT q, {SPLIT} AS words FROM question_text WHERE q BETWEEN ? AND ?"
    for batch in batches(cursor, query, [int(keys[0]), int(keys[-1])], _BATCH):
        found = batch.column(0).to_numpy()
        at = np.minimum(np.searchsorted(keys, found), len(keys) - 1)
        wanted = keys[at] == found
        if wanted.any():
            texts = batch.column(1).to_pylist()
            if not wanted.all():
                texts = [text for text, wants in zip(texts, wanted, strict=True) if wants]
            index.add(run_id, found[wanted], texts, int(chars[at[wanted]].sum()))


def batches(cursor: duckdb.DuckDBPyConnection, query: str, values: list[Any], rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of a query, read lazily, so that they are never all in memory. Raises duckdb.Error only."""
    try:
        yield from cursor.sql(query, params=values).to_arrow_reader(rows)
    except OSError as error:  # Arrow wraps DuckDB's error
        raise duckdb.InterruptException(str(error)) from error


def _foreign(index: Index, names: dict[int, str], keys: Array, chars: Array) -> bool:
    """Whether the index has other runs, texts of other lengths, or questions that a stored run no longer has."""
    indexed = np.isin(keys, index.keys())
    stored = np.unique(keys >> IDX_BITS).tolist()
    numbers, code = np.unique(keys[indexed] >> IDX_BITS, return_inverse=True)
    sums = zip(np.bincount(code).tolist(), np.bincount(code, weights=chars[indexed]).tolist(), strict=True)
    found = dict(zip(numbers.tolist(), sums, strict=True))
    return any(
        names.get(number) != run_id or (number in stored and found.get(number) != (rows, total))
        for number, (run_id, rows, total) in index.runs().items()
    )


def _stale(indexed: Array, keys: Array) -> bool:
    """Whether most of the indexed questions were deleted."""
    return int(np.count_nonzero(np.isin(indexed, keys))) * 2 < len(indexed)
