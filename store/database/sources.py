"""The source that the page reads: the workspace, or the bundled demo while the workspace has no run.

The demo is a folder of Parquet files, one per physical table, and a map; ``pack`` makes it from a workspace. Its rows
are read into memory. What would change them copies them into the workspace first (``SourceSelector.keep_demo``), where
they are runs like any other; no workspace gets them unasked, so that exports have only what its user made or wanted.
"""

import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import duckdb

from store.database import ids, schema
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
        for table, file in _files(folder):
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
        return self._read_demo() if self.shows_demo else self.workspace

    def demo_runs(self) -> list[Run]:
        """The demo's runs, in the workspace or in the bundled files; empty without a demo."""
        return self._read_demo().runs() if (self._folder / "runs.parquet").exists() else []

    @property
    def has_demo(self) -> bool:
        """Whether the demo is part of the workspace."""
        return bool({run.run_id for run in self.demo_runs()} & {run.run_id for run in self.workspace.runs()})

    def keep_demo(self) -> None:
        """Copy the demo's runs into the workspace, as runs like any other: what it has of them stays as it is."""
        runs = [run.run_id for run in self.demo_runs()]
        writer = self.workspace.writer

        def write(cursor: duckdb.DuckDBPyConnection) -> list[int]:
            known = {run.run_id for run in read_runs(cursor)}
            wanted = [run for run in runs if run not in known]
            for run in wanted:
                writer.forget_run(run)
            return [_copy_run(cursor, self._folder, run) for run in wanted]

        moved = writer.call(write)
        if moved and not any(moved) and not (self.workspace.path / "map").exists():
            pack_map(self._folder, self.workspace.path)

    def keep_shown(self) -> None:
        """Keep the demo if it is what the page shows: called before anything is written about its rows."""
        if self.shows_demo:
            self.keep_demo()

    def _read_demo(self) -> Demo:
        with self._lock:
            if self._demo is None:
                self._demo = Demo(self._folder)
            return self._demo


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The tables of a demo, each with its file."""
    for name, table in [*((table, table) for table in schema.TABLES), *schema.RENAMED.items()]:
        if (file := folder / f"{name}.parquet").exists():
            yield table, file


def _copy_run(cursor: duckdb.DuckDBPyConnection, folder: Path, run_id: str) -> int:
    """Copy a run of the demo; returns by how much the keys of its questions differ from the demo's."""
    files = dict(_files(folder))
    query = "SELECT number FROM read_parquet(?) WHERE run_id = ?"
    (given,) = cursor.execute(query, [str(files.pop("run_numbers")), run_id]).fetchall()[0]
    shift = ids.key(ids.numbered(cursor, run_id), 0) - ids.key(given, 0)
    for table, file in files.items():
        columns = {name for name, *_ in cursor.execute(f"DESCRIBE {table}").fetchall()}
        moved = " REPLACE (q + $shift AS q)" if "q" in columns else ""
        rows = f"SELECT *{moved} FROM read_parquet($file) WHERE run_id = $run"
        values = {"file": str(file), "run": run_id} | ({"shift": shift} if moved else {})
        cursor.execute(f"INSERT INTO {table} BY NAME {rows}", values)
    return shift


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
