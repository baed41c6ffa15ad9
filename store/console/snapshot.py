"""The snapshot that typed SQL queries: a copy of the database in which the views used most are tables.

Copying bytes takes a tenth of the time of copying rows; writes wait meanwhile. ``items``, ``pairs`` and ``funnel``
become tables, because as views they join millions of rows for every statement, which exceeds the time limit. Child
processes do both: one may not open a database file that it has open already (``file_copy``), and the app should not
hold the memory.
"""

import os
import subprocess
import sys
from pathlib import Path

import duckdb

from store.database import duckdb_errors
from store.database.file_copy import copy_bytes
from store.database.ids import key_ranges
from store.database.views import narrowed
from store.database.workspace import DATABASE, MEMORY, Workspace
from store.errors import StoreError

_MADE = ("items", "pairs")
_ROOT = Path(__file__).resolve().parents[2]
_PREPARE = "import os, sys; from store.console.snapshot import prepare; os.nice(5); prepare(sys.argv[1])"


def copy(workspace: Workspace, file: Path) -> None:
    """Copy the database and its log byte for byte. StoreError where that fails."""
    log = file.with_name(file.name + ".wal")

    def write(_cursor: duckdb.DuckDBPyConnection) -> None:
        for part in (file, log):
            part.unlink(missing_ok=True)
            source = workspace.path / part.name.replace(file.name, DATABASE, 1)
            copy_bytes(source, part, missing_ok=part is log)

    workspace.writer.call(write, transaction=False)


def prepared(file: Path) -> None:
    """Run ``prepare`` in a child process. StoreError where it fails."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(_ROOT), os.environ.get("PYTHONPATH", "")))}
    done = subprocess.run(
        [sys.executable, "-c", _PREPARE, str(file)], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise StoreError(f"the snapshot could not be made ({reason}).")


def prepare(file: str) -> None:
    """Replace views by tables in this copy. Not one transaction: an unfinished copy is never used."""
    try:
        with duckdb.connect(file) as connection:
            connection.execute(f"SET memory_limit = '{MEMORY}'")
            connection.execute("CREATE TABLE funnel_rows AS FROM funnel")
            connection.execute("DROP VIEW funnel")
            connection.execute("ALTER TABLE funnel_rows RENAME TO funnel")
            for place, span in enumerate(key_ranges(connection)):
                for name in _MADE:
                    rows = f"SELECT * EXCLUDE (q) FROM ({narrowed(name, '{}.q BETWEEN $low AND $high')}) ORDER BY q"
                    if not place:
                        connection.execute(f"DROP VIEW {name}")
                    connection.execute(f"{f'INSERT INTO {name}' if place else f'CREATE TABLE {name} AS'} {rows}", span)
    except duckdb.Error as error:
        sys.exit(duckdb_errors.first_line(error))
