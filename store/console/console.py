"""Typed SQL: one SELECT on a snapshot of the workspace, in a child process with limits of time and memory.

The snapshot is made at first use, in a temporary folder of the workspace. A statement can reach neither the workspace's
database nor this process. ``store.console.child`` checks the statement and sets the limits.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from store.console import child
from store.console.snapshot import copy, prepared
from store.database import duckdb_errors, schema
from store.database.arrow import registered
from store.database.sources import Source
from store.database.workspace import Workspace
from store.errors import InputError, ScaleQuestError, StoreError
from store.records import now

AT_ONCE = 2
"""Statements that may run at the same time."""
LONGEST = 10_000
"""Characters of a statement; they fit into a pipe, so that writing them never waits."""
_START = 20.0
"""Seconds in which a child must be ready; it takes a tenth of a second on an idle machine."""
_FOLDER = "console-"
_VIEWS = (
    "items", "pairs", "prompts", "funnel", "runs", "questions", "verdicts", "solutions", "rewards", "rates", "labels",
    "errors", "decisions", "preferences", "spend",
)  # fmt: skip

EXAMPLES = {
    "Pairs by topic": """SELECT topic, count(*) AS pairs,
    round(avg(difficulty), 3) AS mean_difficulty, round(avg(reward), 3) AS mean_reward
FROM pairs
GROUP BY topic
ORDER BY pairs DESC""",
    "Why questions were dropped": """SELECT drop_stage, drop_reason, count(*) AS questions, any_value(query) AS example
FROM items
WHERE drop_stage IS NOT NULL
GROUP BY ALL
ORDER BY questions DESC""",
    "Wrong against the gold answer": """SELECT question_id, query, answer, reference_answer, reward, finish_reason
FROM pairs
WHERE correct = 'different'
ORDER BY reward DESC NULLS LAST""",
    "Where reward and majority disagree": """SELECT question_id, query, answer, majority_answer, agreement, reward
FROM pairs
WHERE answer <> majority_answer
ORDER BY agreement""",
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A consistent copy of the rows of ``source`` at the time ``at``; ``seconds``: how long copying took."""

    source: Source
    file: Path
    at: datetime
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of texts as DuckDB formats the values, None for NULL. ``more``: there are further rows; ``cut``: the number
    of texts that were cut.
    """

    columns: list[str]
    types: list[str]
    rows: list[list[str | None]]
    more: bool
    cut: int
    seconds: float


class Console:
    """Statements over one snapshot that all its users share. Safe from any thread; ``folder`` is the workspace's."""

    def __init__(self, folder: Path) -> None:
        self._home = folder
        self._folder: Path | None = None
        self._making = threading.Lock()
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._cancelled: set[str] = set()
        self.snapshot: Snapshot | None = None
        for left in folder.glob(f"{_FOLDER}*"):  # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)

    def refresh(self, source: Source) -> Snapshot:
        """Make a new snapshot; running statements keep theirs. StoreError where it cannot be made."""
        with self._making:
            return self._make(source)

    def run(self, source: Source, statement: str, name: str) -> Answer:
        """The answer to one SELECT on this source's snapshot, which is made if there is none. ``name``: for ``cancel``.

        ScaleQuestError: the statement was refused, failed, was stopped or cancelled, or too many run already.
        """
        if len(statement) > LONGEST:
            raise InputError("SQL", f"{len(statement):,} characters", "is too long", f"use at most {LONGEST:,}")
        if not self._free.acquire(blocking=False):
            raise ScaleQuestError(f"{AT_ONCE} statements are running already; run yours again in a moment.")
        try:
            with self._making:
                have = self.snapshot
                snapshot = have if have is not None and have.source is source else self._make(source)
            return self._answer(snapshot, statement, name)
        finally:
            self._free.release()

    def cancel(self, name: str) -> None:
        """Kill the statement of this name, if it runs."""
        if (running := self._running.get(name)) is not None:
            self._cancelled.add(name)
            running.kill()

    def _make(self, source: Source) -> Snapshot:
        at, begun = now(), time.perf_counter()
        try:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=self._home))
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)  # at exit too
            file, new = self._folder / "snapshot.duckdb", self._folder / "new.duckdb"
            new.unlink(missing_ok=True)
            if isinstance(source, Workspace):
                copy(source, new)
            else:
                _copy(source, new)
            prepared(new)
            size = new.stat().st_size
            new.replace(file)  # a child that has the old one open keeps it
        except StoreError:
            raise
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StoreError(f"the snapshot could not be made ({reason}).") from error
        self.snapshot = Snapshot(source, file, at, time.perf_counter() - begun, size)
        return self.snapshot

    def _answer(self, snapshot: Snapshot, statement: str, name: str) -> Answer:
        with _child(snapshot.file) as process:
            self._running[name] = process
            try:
                output = _ask(process, statement)
            finally:
                del self._running[name]
                cancelled = name in self._cancelled
                self._cancelled.discard(name)
        if cancelled:
            raise ScaleQuestError("Cancelled.")
        if "error" in output:
            raise ScaleQuestError(output["error"].replace(f"{snapshot.file.parent}{os.sep}", ""))
        return Answer(**output)


def views(source: Source) -> dict[str, list[str]]:
    """The views with their columns, in the order in which the page lists them."""
    with source.cursor() as cursor:
        found = cursor.execute(
            "SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() GROUP BY table_name"
        ).fetchall()
    have = dict(found)
    return {name: have[name] for name in _VIEWS if name in have}


def _copy(source: Source, file: Path) -> None:
    """Write the rows of the demo, which cannot write files itself, as a database with the same tables and views."""
    try:
        with duckdb.connect(str(file)) as to, source.cursor() as cursor:
            schema.migrate(to, 0)
            for table in schema.TABLES:
                with registered(to, source_rows=cursor.sql(f"FROM {table}").to_arrow_table()):
                    to.execute(f"INSERT INTO {table} BY NAME FROM source_rows")
    except duckdb.Error as error:
        file.unlink(missing_ok=True)
        raise StoreError(f"the snapshot could not be written ({duckdb_errors.first_line(error)}).") from error


def _child(file: Path) -> subprocess.Popen[bytes]:
    """Start the child, isolated from this process's environment and from a Ctrl-C in its terminal."""
    environment = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-I", child.__file__, str(file)]
    return subprocess.Popen(command, cwd=file.parent, env=environment, start_new_session=True, **pipes)


def _ask(process: subprocess.Popen[bytes], statement: str) -> dict[str, Any]:
    """The child's answer, or ``{"error": sentence}``. The child has ended when this returns."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        first = _within(_START, process, process.stdout.readline)
        if first != child.READY:
            return _read(first) or {"error": "The process for the statement did not start; try again."}
        begun = time.monotonic()
        with suppress(BrokenPipeError):
            process.stdin.write(statement.encode("utf-8", "replace"))
            process.stdin.close()
        # The child limits the bytes of cells; their JSON is at most six times as long.
        output = _within(child.SECONDS, process, lambda: process.stdout.read(8 * child.BYTES))
        if answer := _read(output):
            return answer
        if time.monotonic() - begun >= child.SECONDS:
            error = f"Stopped after {child.SECONDS:g} s, the time limit of a statement; select less."
        else:
            error = f"The statement's process ended, probably out of memory (the limit is {child.MEMORY} MB)."
        return {"error": error}
    finally:
        process.kill()
        process.wait()


def _within(seconds: float, process: subprocess.Popen[bytes], read: Any) -> bytes:
    """The result of ``read``. After ``seconds`` the process is killed, which ends the reading."""
    watch = threading.Timer(seconds, process.kill)
    watch.daemon = True
    watch.start()
    try:
        got: bytes = read()
        return got
    finally:
        watch.cancel()


def _read(output: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(output)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
