"""The file that typed SQL asks: a copy of the database with the views people ask most, made once.

The bytes are copied, which takes a tenth of the time of copying rows; writes wait meanwhile. ``items``, ``pairs`` and
``funnel`` are tables in the copy: as views they join millions of rows for every statement, more than a statement may
take. Both is done by processes of their own: what a process that has the database open may not do (``file_copy``),
and memory that the app need not have. Knows no statement.
"""

from __future__ import annotations

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
    """The database, byte for byte, with what its log holds. StoreError where that fails."""
    log = file.with_name(file.name + ".wal")

    def write(_cursor: duckdb.DuckDBPyConnection) -> None:
        for part in (file, log):
            part.unlink(missing_ok=True)
            source = workspace.path / part.name.replace(file.name, DATABASE, 1)
            copy_bytes(source, part, missing_ok=part is log)

    workspace.writer.call(write, transaction=False)


def prepared(file: Path) -> None:
    """``prepare`` in a process of its own. StoreError where it fails."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(_ROOT), os.environ.get("PYTHONPATH", "")))}
    done = subprocess.run(
        [sys.executable, "-c", _PREPARE, str(file)], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise StoreError(f"the snapshot could not be made ({reason}).")


def prepare(file: str) -> None:
    """Make tables of the views in this copy. Every statement is a transaction: a copy that is not done is not used."""
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
