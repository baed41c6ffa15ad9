"""A workspace: a folder with one database, owned by one process at a time. Opening, closing, and its runs.

Read by cursors, one per request or thread (a shared cursor returns other threads' rows); write by ``writer``. A run's
config is plain JSON here.
"""

from __future__ import annotations

import atexit
import json
import threading
import time
import weakref
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from store.database import duckdb_errors, schema
from store.database.arrow import as_json
from store.database.writer import Writer
from store.errors import InputError, StoreError
from store.records import Run, RunKind, RunStatus, now
from store.times import from_db, to_db

DATABASE = "explorer.duckdb"
FOLDERS = ("models", "exports", "logs")
MEMORY = "1GB"
"""DuckDB's memory limit; larger queries spill to disk. By default DuckDB takes most of the machine's memory, which
the models need."""
PATIENCE = 10.0
"""Seconds that closing waits for readers to stop."""

_open_here: set[Path] = set()
_open_lock = threading.Lock()
# DuckDB's lock keeps other processes out, but would share one database within this process: two writers.


class Workspace:
    """Open with ``Workspace.open``; use as a context manager."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.path = path
        self._connection = connection
        self._cursors: weakref.WeakSet[duckdb.DuckDBPyConnection] = weakref.WeakSet()
        self._cursors_lock = threading.Lock()
        self._reader_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
        self._closed = False
        self.writer = Writer(connection.cursor(), path)
        atexit.register(self._at_exit)

    @classmethod
    def open(cls, path: str | Path, *, create: bool = True) -> Workspace:
        """Open the workspace at ``path`` and take its lock; with ``create``, make it where it does not exist.

        Runs that a killed process left as ``running`` become ``interrupted``. InputError: not a folder, cannot be
        created, missing with ``create=False``. StoreError: locked, from a newer version, damaged, not a workspace.
        """
        folder = Path(path).expanduser().resolve()
        _prepare(folder, create)
        with _open_lock:
            if folder in _open_here:
                raise StoreError(
                    f"workspace '{folder}' is already open in this process; use that one, or close it first."
                )
            _open_here.add(folder)
        connection = None
        try:
            connection = connect(folder)
            duckdb_errors.write_owner(folder)
            return cls(folder, connection)
        except BaseException as error:
            if connection is not None:
                connection.close()
            _open_here.discard(folder)
            if isinstance(error, OSError) and not isinstance(error, StoreError):
                raise duckdb_errors.cannot_open(folder, error) from error
            raise

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A new cursor: one for each request or thread, closed by its user (or left to the garbage collector)."""
        with self._cursors_lock:
            if self._closed:
                raise StoreError(f"workspace '{self.path}' is closed; open it again.")
            cursor = self._connection.cursor()
            self._cursors.add(cursor)
        return cursor

    def start_reader_thread(self, work: Callable[[], None]) -> threading.Thread:
        """Start a thread that reads. Closing interrupts its queries and waits for it: a query that still runs when the
        program ends would abort the process.
        """
        thread = threading.Thread(target=work, daemon=True)
        with self._cursors_lock:
            self._reader_threads.add(thread)
        thread.start()
        return thread

    def close(self) -> None:
        """Write queued records, stop readers, release the lock. StoreError if a queued record could not be written."""
        with self._cursors_lock:
            if self._closed:
                return
            self._closed = True
            readers = list(self._cursors)
        atexit.unregister(self._at_exit)
        try:
            self.writer.close()
        finally:
            _stop(readers)
            for thread in list(self._reader_threads):
                thread.join(PATIENCE)
            (self.path / duckdb_errors.OWNER).unlink(missing_ok=True)
            try:
                self._connection.close()
            finally:
                _open_here.discard(self.path)

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except StoreError:
            if error is None:  # else the first error is the one to report
                raise

    def _at_exit(self) -> None:
        try:
            self.close()
        except (StoreError, duckdb.Error) as error:
            print(error)

    def create_run(self, run: Run) -> None:
        """Store a run, before its first question. InputError if its id is taken."""

        def write(cursor: duckdb.DuckDBPyConnection) -> None:
            if cursor.execute("SELECT 1 FROM runs WHERE run_id = ?", [run.run_id]).fetchone():
                raise InputError("run", run.run_id, "is already in this workspace", "choose another id, or resume it")
            times = [to_db(run.created_at), to_db(run.ended_at)]
            values = [run.run_id, run.name, run.kind, as_json(run.config), run.config_hash, run.seed, run.status]
            cursor.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [*values, *times, run.error])
            self.writer.new_run(run.run_id)

        self.writer.call(write)

    def update_run(
        self,
        run_id: str,
        *,
        status: RunStatus,
        error: str | None = None,
        ended_at: datetime | None = None,
        config: dict[str, Any] | None = None,
    ) -> None:
        """Set a run's status, after everything put before. ``ended_at`` is set to now if the status is final.
        ``config``: replaces the run's, for what does not change what the run asks for."""
        if ended_at is None and status not in ("running", "paused"):
            ended_at = now()

        def write(cursor: duckdb.DuckDBPyConnection) -> None:
            values = [status, error, to_db(ended_at), run_id]
            cursor.execute("UPDATE runs SET status = ?, error = ?, ended_at = ? WHERE run_id = ?", values)
            if config is not None:
                cursor.execute("UPDATE runs SET config = ? WHERE run_id = ?", [as_json(config), run_id])

        self.run(run_id)
        self.writer.call(write)

    def run(self, run_id: str) -> Run:
        """The run of this id; InputError if there is none."""
        with self.cursor() as cursor:
            return read_run(cursor, run_id)

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        with self.cursor() as cursor:
            return read_runs(cursor)

    def delete_run(self, run_id: str) -> None:
        """Delete a run and all its rows in one transaction. InputError if it is unknown or running."""
        if self.run(run_id).status == "running":
            raise InputError("run", run_id, "is running", "cancel or pause it first")

        def write(cursor: duckdb.DuckDBPyConnection) -> None:
            for table in schema.OF_RUNS:
                cursor.execute(f"DELETE FROM {table} WHERE run_id = ?", [run_id])
            cursor.execute("DELETE FROM meta WHERE starts_with(key, 'check:' || ? || ':')", [run_id])
            self.writer.forget_run(run_id)

        self.writer.call(write)


def open_here(folder: Path) -> bool:
    """Whether this process has the workspace of this resolved folder open."""
    return folder in _open_here


def _stop(cursors: list[duckdb.DuckDBPyConnection]) -> None:
    """Interrupt queries and close cursors: a query that still runs when the database closes aborts the process."""
    deadline = time.monotonic() + PATIENCE
    while cursors and time.monotonic() < deadline:
        busy = []
        for cursor in cursors:
            try:
                cursor.interrupt()
                cursor.close()
            except duckdb.ConnectionException:
                continue  # closed already
            except duckdb.Error:
                busy.append(cursor)  # not interrupted yet
        cursors = busy
        if cursors:
            time.sleep(0.01)


def read_runs(cursor: duckdb.DuckDBPyConnection, run_id: str | None = None) -> list[Run]:
    """All runs, oldest first, or the one of this id (an empty list if there is none)."""
    fields = "run_id, name, kind, config, config_hash, seed, status, created_at, ended_at, error"
    query = f"SELECT {fields} FROM runs WHERE coalesce(run_id = $run, true) ORDER BY created_at, run_id"
    return [_run(*row) for row in cursor.execute(query, {"run": run_id}).fetchall()]


def read_run(cursor: duckdb.DuckDBPyConnection, run_id: str) -> Run:
    """The run of this id; InputError if there is none."""
    found = read_runs(cursor, run_id)
    if not found:
        known = ", ".join(f"'{run.run_id}'" for run in read_runs(cursor)[-5:]) or "none yet"
        raise InputError("run", run_id, "is not in this workspace", f"its latest runs are: {known}")
    return found[0]


def _run(run_id: str, name: str, kind: RunKind, config: str, *rest: Any) -> Run:
    config_hash, seed, status, created_at, ended_at, error = rest
    times = from_db(created_at), from_db(ended_at)
    return Run(run_id, name, kind, json.loads(config), config_hash, seed, status, *times, error)


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """The database of ``folder``, opened for writing and migrated forward. StoreError as in ``Workspace.open``."""
    try:
        connection = duckdb.connect(str(folder / DATABASE))
    except duckdb.Error as error:
        raise duckdb_errors.cannot_open(folder, error) from error
    try:
        have = schema.version(connection)
        if have is None:
            raise StoreError(f"workspace '{folder}' holds a database that is not a workspace's; name another folder.")
        if have > schema.VERSION:
            raise duckdb_errors.newer(f"workspace '{folder}'", have, schema.VERSION)
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        schema.migrate(connection, have)
        connection.execute("UPDATE runs SET status = 'interrupted' WHERE status = 'running'")
    except duckdb.Error as error:
        connection.close()
        raise duckdb_errors.cannot_open(folder, error) from error
    except StoreError:
        connection.close()
        raise
    return connection


def _prepare(folder: Path, create: bool) -> None:
    """Check that the folder exists, or create it."""
    if folder.exists() and not folder.is_dir():
        raise InputError("workspace", str(folder), "is a file, not a folder", "name a folder")
    if not create and not (folder / DATABASE).exists():
        raise InputError("workspace", str(folder), "is not a workspace (no explorer.duckdb in it)", "check the path")
    try:
        for part in (folder, *(folder / name for name in FOLDERS)):
            part.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(
            "workspace", str(folder), f"cannot be created ({reason})", "choose a folder that you may write to"
        ) from error
