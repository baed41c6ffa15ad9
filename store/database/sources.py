"""The source that the page reads: the workspace, or the bundled demo while the workspace has no run.

The demo is a folder of Parquet files, one per physical table, and a map; ``pack`` makes it from a workspace. Its rows
are read into memory and nothing can be written to it.
"""

import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import duckdb

from store.database import schema
from store.database.views import sql_text
from store.database.workspace import Workspace, read_run, read_runs
from store.errors import InputError
from store.records import Run


class Source(Protocol):
    """A workspace or the demo, for reading."""

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A new cursor, closed by its user."""

    def runs(self) -> list[Run]:
        """All runs, oldest first."""

    def run(self, run_id: str) -> Run:
        """The run of this id; InputError if there is none."""

    def start_reader_thread(self, work: Callable[[], None]) -> threading.Thread:
        """Start a thread that reads this source."""


class Demo:
    """The bundled rows in memory, with the tables and views of a workspace. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self.map = folder / "map"
        self._connection = duckdb.connect(":memory:")
        schema.migrate(self._connection, 0)
        for name, table in [*((table, table) for table in schema.TABLES), *schema.RENAMED.items()]:
            if (file := folder / f"{name}.parquet").exists():
                self._connection.execute(f"INSERT INTO {table} BY NAME FROM read_parquet(?)", [str(file)])
        # No later statement can read a file or change these settings.
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def cursor(self) -> duckdb.DuckDBPyConnection:
        return self._connection.cursor()

    def runs(self) -> list[Run]:
        with self.cursor() as cursor:
            return read_runs(cursor)

    def run(self, run_id: str) -> Run:
        with self.cursor() as cursor:
            return read_run(cursor, run_id)

    def start_reader_thread(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread


class SourceSelector:
    """Chooses between the workspace and the demo in ``folder``, which may have no Parquet files."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.workspace = workspace
        self._folder = folder
        self._demo: Demo | None = None
        self._lock = threading.Lock()

    @property
    def shows_demo(self) -> bool:
        return not self.workspace.runs() and (self._folder / "runs.parquet").exists()

    def current(self) -> Source:
        """The source to read now; call it for each request, because the first run ends the demo."""
        if not self.shows_demo:
            return self.workspace
        with self._lock:
            if self._demo is None:
                self._demo = Demo(self._folder)
        return self._demo


def pack(workspace: Workspace, folder: Path) -> int:
    """Write the workspace's rows as a demo; returns its size in bytes. InputError if the workspace has no run."""
    if not workspace.runs():
        raise InputError("workspace", str(workspace.path), "has no run", "make one with `scalequest run` first")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.parquet"):
        old.unlink()
    with workspace.cursor() as cursor:
        for table in schema.TABLES:
            if cursor.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():
                file = sql_text(folder / f"{table}.parquet")
                how = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 19"
                cursor.execute(f"COPY (FROM {table} ORDER BY ALL) TO {file} ({how})")
    pack_map(workspace.path, folder)
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def pack_map(workspace: Path, folder: Path) -> None:
    """Copy the workspace's map, if it has one, without its trained embedder: a demo's map is never extended."""
    shutil.rmtree(folder / "map", ignore_errors=True)
    for file in [*(workspace / "map").glob("*.json"), *(workspace / "map").glob("*/*.bin")]:
        target = folder / file.relative_to(workspace)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


if __name__ == "__main__":  # python -m store.database.sources WORKSPACE FOLDER
    with Workspace.open(sys.argv[1], create=False) as opened:
        print(f"{pack(opened, Path(sys.argv[2])):,} bytes in {sys.argv[2]}")
