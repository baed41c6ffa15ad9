"""The only writer: a thread that stores records in batches and reports when they are durable.

``put`` only appends to a queue, so no model waits for the disk. The thread commits after 250 ms or 500 rows, whichever
comes first, all records of one ``put`` in one transaction and in order. A row that is already stored is left as it is
(the first write wins), so a resumed run may safely put it again.
"""

import concurrent.futures.thread  # noqa: F401  pyarrow's first use asks for it, which fails once the program is ending
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from store.database import arrow, duckdb_errors, ids
from store.database.stored_keys import MANY_VALUED, StoredKeys
from store.errors import StoreError
from store.records import Decision, Label, Preference, Record, Reward

T = TypeVar("T")

INTERVAL = 0.25
"""A row waits at most this many seconds before its batch is written."""
ROWS = 500
"""A batch of this many rows is written without waiting."""
MOST_ROWS = 20_000
"""The most rows in one transaction (one put is never split): bounds memory when the disk is slow."""

_REFUSED = (duckdb.DataError, duckdb.ProgrammingError, duckdb.NotSupportedError, duckdb.IntegrityError)
"""Errors of a statement or its values that leave the database unchanged."""
_OWN_IDS: dict[type[Record], tuple[str, str]] = {
    Decision: ("decision_rows", "event_id"),
    Preference: ("preference_rows", "pair_id"),
}


class _Call:
    """A function to run between two transactions, and the future of its result."""

    def __init__(self, function: Callable[[duckdb.DuckDBPyConnection], Any], transaction: bool) -> None:
        self.function, self.transaction, self.future = function, transaction, Future[Any]()


class Writer:
    """Takes records from any thread. One per workspace; nothing else uses its cursor."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.ignored = 0
        """Rows not written because a row with the same key was stored already."""
        self._cursor, self._folder = cursor, folder
        self._seen: dict[str, StoredKeys] = {}
        self._numbers: dict[str, int] = {}
        self._queue: deque[list[Record] | _Call] = deque()
        self._rows, self._calls, self._oldest = 0, 0, 0.0
        self._closing = False
        self._failure: StoreError | None = None
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def put(self, records: Iterable[Record]) -> None:
        """Queue records without waiting. StoreError once writing has failed or the workspace is closed."""
        batch = list(records)
        if not batch:
            return
        with self._wake:
            self._check()
            if not self._rows:
                self._oldest = time.monotonic()
            self._queue.append(batch)
            before, self._rows = self._rows, self._rows + len(batch)
            if not before or before < ROWS <= self._rows:
                self._wake.notify()

    def flush(self) -> None:
        """Wait until everything put before is on disk; StoreError if it could not be written."""
        self.call(lambda _: None)

    def call(self, function: Callable[[duckdb.DuckDBPyConnection], T], *, transaction: bool = True) -> T:
        """Run ``function(cursor)`` after everything put before; returns its result, raises its error.

        A DuckDB error becomes a StoreError. The writer continues if only the statement or its values were at fault.
        """
        item = _Call(function, transaction)
        with self._wake:
            self._check()
            self._queue.append(item)
            self._calls += 1
            self._wake.notify()
        result: T = item.future.result()
        return result

    def new_run(self, run_id: str) -> None:
        """Note that the run has no rows yet, so its keys need not be read. Call on the writer's thread."""
        self._seen[run_id] = StoredKeys()

    def forget_run(self, run_id: str) -> None:
        """Read the run's keys again at its next write. Call on the writer's thread."""
        self._seen.pop(run_id, None)

    def close(self) -> None:
        """Write what is queued and stop; StoreError if something put could not be written."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._cursor.close()
        if self._failure:
            raise self._failure

    def _check(self) -> None:
        if self._failure:
            raise StoreError(str(self._failure))
        if self._closing:
            raise StoreError(f"workspace '{self._folder}' is closed; open it again.")

    def _run(self) -> None:
        while (item := self._next()) is not None:
            try:
                if isinstance(item, _Call):
                    self._answer(item)
                else:
                    self._transaction(partial(self._write, item))
            except Exception as error:  # noqa: BLE001  the thread's edge: every waiting caller must get the error
                self._fail(duckdb_errors.cannot_write(self._folder, error))
                return

    def _next(self) -> list[Record] | _Call | None:
        """The next piece of work in order: all puts up to the next call, or that call; None when closed and drained."""
        with self._wake:
            while not (self._calls or self._closing or self._rows >= ROWS):
                wait = self._oldest + INTERVAL - time.monotonic() if self._rows else None
                if wait is not None and wait <= 0:
                    break
                self._wake.wait(wait)
            if not self._queue:
                return None
            first = self._queue.popleft()
            if isinstance(first, _Call):
                self._calls -= 1
                return first
            batch = first
            while self._queue and len(batch) < MOST_ROWS and not isinstance(self._queue[0], _Call):
                batch += self._queue.popleft()  # type: ignore[arg-type]
            self._rows -= len(batch)
            self._oldest = time.monotonic()
            return batch

    def _answer(self, item: _Call) -> None:
        try:
            result = self._transaction(item.function) if item.transaction else item.function(self._cursor)
        except _REFUSED as error:  # a damaged database fails at the next BEGIN
            problem = f"was refused ({duckdb_errors.first_line(error)}); what was stored before is safe."
            item.future.set_exception(StoreError(f"writing to workspace '{self._folder}' {problem}"))
        except duckdb.Error as error:
            failure = duckdb_errors.cannot_write(self._folder, error)
            item.future.set_exception(failure)
            raise failure from error
        except Exception as error:  # noqa: BLE001  the caller's own error is returned to the caller; the writer continues
            item.future.set_exception(error)
        else:
            item.future.set_result(result)

    def _transaction(self, function: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        self._cursor.execute("BEGIN")
        try:
            result = function(self._cursor)
            self._cursor.execute("COMMIT")
        except Exception:
            with suppress(duckdb.Error):  # DuckDB may have rolled back by itself; the first error is what counts
                self._cursor.execute("ROLLBACK")
            raise
        return result

    def _fail(self, failure: StoreError) -> None:
        with self._wake:
            self._failure = failure
            waiting = [item for item in self._queue if isinstance(item, _Call)]
            self._queue.clear()
            self._rows = self._calls = 0
        for item in waiting:
            item.future.set_exception(StoreError(str(failure)))

    def _write(self, batch: list[Record], cursor: duckdb.DuckDBPyConnection) -> None:
        kinds: dict[type[Record], list[arrow.Keyed]] = {}
        places: dict[str, tuple[str, int]] = {}
        uncertain: list[arrow.Keyed] = []
        for record in batch:
            question, run_id, idx, sample = arrow.row_key(record, places)
            if (seen := self._seen.get(run_id)) is None:
                seen = self._seen[run_id] = StoredKeys.load(cursor, run_id)
            if (number := self._numbers.get(run_id)) is None:
                number = self._numbers[run_id] = ids.numbered(cursor, run_id) if run_id else 0
            if seen.add(record, idx, sample):
                first = isinstance(record, Reward) and seen.is_first_reward(idx, sample)
                keyed = arrow.Keyed(record, question, run_id or None, sample, first, ids.key(number, idx))
                if isinstance(record, Label) and record.key == MANY_VALUED and seen.has_earlier_values(idx):
                    uncertain.append(keyed)
                else:
                    kinds.setdefault(record.__class__, []).append(keyed)
            else:
                self.ignored += 1
        for seen in self._seen.values():
            seen.end_batch()
        if uncertain:
            kinds.setdefault(Label, []).extend(self._unstored_labels(uncertain))
        for kind in kinds.keys() & _OWN_IDS.keys():
            kinds[kind] = self._unstored(kinds[kind], *_OWN_IDS[kind])
        arrow.insert(cursor, kinds)

    def _unstored_labels(self, rows: list[arrow.Keyed]) -> list[arrow.Keyed]:
        """The labels ``MANY_VALUED`` whose value the question does not have yet, each once."""
        by_value = {(row.q, row.record.value): row for row in reversed(rows)}
        query = "SELECT q, value FROM label_rows WHERE key = $key AND q IN (SELECT unnest($q))"
        values = {"key": MANY_VALUED, "q": [row.q for row in rows]}
        for stored in self._cursor.execute(query, values).fetchall():
            by_value.pop(stored, None)
        self.ignored += len(rows) - len(by_value)
        return list(reversed(by_value.values()))

    def _unstored(self, rows: list[arrow.Keyed], table: str, key: str) -> list[arrow.Keyed]:
        """The rows whose own id is not stored yet, each id once."""
        by_id = {getattr(row[0], key): row for row in reversed(rows)}
        query = f"SELECT {key} FROM {table} WHERE {key} IN (SELECT unnest($ids))"
        for (stored,) in self._cursor.execute(query, {"ids": list(by_id)}).fetchall():
            del by_id[stored]
        self.ignored += len(rows) - len(by_id)
        return list(reversed(by_id.values()))
