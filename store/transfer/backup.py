"""Snapshots, backups, restoring, and checking a workspace's database.

The database file must never be opened by ordinary file calls in a process that has it open: closing that handle would
free DuckDB's lock (POSIX locks belong to the process). The backup therefore copies in a child process.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb

from store.database import duckdb_errors, schema
from store.database.file_copy import copy_bytes
from store.database.views import sql_text
from store.database.workspace import DATABASE, Workspace
from store.errors import InputError, StoreError
from store.records import now

PORTABLE = "v1.5.0"
"""The file format of snapshots: what any DuckDB from 1.5 on can open."""
RECEIPT = "backup.json"
"""Written last: a folder without it is not a backup."""
EXTRA_FILES = ("queues", "tags.json", "views.json")
"""Files outside the database that a backup includes. Maps can be computed again; models and logs are left out."""


def snapshot(workspace: Workspace, out: str | Path) -> None:
    """Write one consistent copy of the database to ``out`` (a file), while writes go on. Other processes may open it.

    InputError where ``out`` exists or cannot be written, StoreError where the copy fails: nothing is left at ``out``.
    """
    target = _free(out)
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    with workspace.cursor() as cursor:
        source = cursor.execute("SELECT current_database()").fetchone()
        assert source is not None
        try:
            cursor.execute(f"ATTACH {sql_text(part)} AS copy_of_it (STORAGE_VERSION '{PORTABLE}')")
            try:
                cursor.execute(f'COPY FROM DATABASE "{source[0]}" TO copy_of_it')  # one statement: one moment's state
            finally:
                cursor.execute("DETACH copy_of_it")
        except duckdb.Error as error:
            part.unlink(missing_ok=True)
            raise StoreError(
                f"the snapshot '{target}' could not be written ({duckdb_errors.first_line(error)})."
            ) from error
    part.replace(target)


def backup(workspace: Workspace, out: str | Path) -> None:
    """Copy the database, byte for byte, and ``EXTRA_FILES`` into the new folder ``out``; writes wait meanwhile.
    The copy of the database is read in full.

    InputError where ``out`` exists or cannot be written, StoreError where the copy fails or is not sound.
    """
    target = _free(out)
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()

    def copy(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute("FORCE CHECKPOINT")
        copy_bytes(workspace.path / DATABASE, part / DATABASE)

    try:
        workspace.writer.call(copy, transaction=False)  # a checkpoint cannot run inside one
        findings = check(part)
        if findings:
            raise StoreError(f"the backup '{target}' is not sound: {findings[0]}")
        (part / duckdb_errors.OWNER).unlink(missing_ok=True)
        _copy_extra_files(workspace.path, part)
        receipt = {"created_at": now().isoformat(timespec="seconds"), "sha256": _sha256(part / DATABASE)}
        (part / RECEIPT).write_text(json.dumps(receipt), encoding="utf-8")
        part.replace(target)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"'{target}' could not be written ({(error.strerror or str(error)).lower()}).") from error
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def restore(source: str | Path, path: str | Path) -> None:
    """Make a workspace at ``path`` from a backup; ``path`` must not hold a database. InputError, StoreError."""
    origin, folder = Path(source).expanduser().resolve(), Path(path).expanduser().resolve()
    if not (origin / RECEIPT).is_file() or not (origin / DATABASE).is_file():
        raise InputError("backup", str(origin), "is not a complete backup", "name a folder that `backup` made")
    if (folder / DATABASE).exists():
        raise InputError(
            "workspace", str(folder), "has a database already", "name a new folder, or move that file away"
        )
    if json.loads((origin / RECEIPT).read_text(encoding="utf-8")).get("sha256") != _sha256(origin / DATABASE):
        raise StoreError(f"backup '{origin}' has changed since it was made; use another one.")
    part = folder / (DATABASE + ".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin / DATABASE, part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        _copy_extra_files(origin, folder)
        part.replace(folder / DATABASE)
    except OSError as error:
        part.unlink(missing_ok=True)
        problem = f"cannot be written ({(error.strerror or str(error)).lower()})"
        raise InputError("workspace", str(folder), problem, "choose a folder that you may write to") from error
    Workspace.open(folder, create=False).close()


def _copy_extra_files(source: Path, target: Path) -> None:
    for name in EXTRA_FILES:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        elif (source / name).is_file():
            shutil.copyfile(source / name, target / name)


def check(path: str | Path) -> list[str]:
    """What is wrong with the workspace at ``path``, a sentence each; empty when sound. Reads every block."""
    folder = Path(path).expanduser().resolve()
    if not (folder / DATABASE).is_file():
        return [f"workspace '{folder}' is not there (no {DATABASE} in it)."]
    try:
        connection = duckdb.connect(str(folder / DATABASE), read_only=True)
    except duckdb.Error as error:
        return [str(duckdb_errors.cannot_open(folder, error))]
    with connection:
        try:
            have = schema.version(connection)
        except duckdb.Error as error:
            return [str(duckdb_errors.damaged(folder, error))]
        if have is None or have == 0:
            return [f"workspace '{folder}' holds a database that is not a workspace's."]
        if have > schema.VERSION:
            return [str(duckdb_errors.newer(f"workspace '{folder}'", have, schema.VERSION))]
        if have < schema.VERSION:  # opening migrates it; here it is read unchanged
            there = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
            return _unreadable(connection, folder, [str(name) for (name,) in there])
        return _unreadable(connection, folder, (*schema.TABLES, "meta")) or _twice(connection)


_KEYS = {
    "runs": "run_id",
    "run_numbers": "number",
    "question_rows": "q",
    "question_text": "q",
    "verdict_rows": "(q, stage)",
    "solution_rows": "(q, sample)",
    "solution_text": "(q, sample)",
    "reward_rows": "(q, sample, reward_model)",
    "signature_rows": "q",
    "decision_rows": "event_id",
    "preference_rows": "pair_id",
}


def _unreadable(connection: duckdb.DuckDBPyConnection, folder: Path, tables: Sequence[str]) -> list[str]:
    findings = []
    for table in tables:
        try:
            connection.execute(f"SELECT bit_xor(hash(everything)) FROM {table} AS everything").fetchall()
        except duckdb.Error as error:
            reason = duckdb_errors.first_line(error)
            findings.append(
                f"workspace '{folder}': table {table} cannot be read in full ({reason}); restore a backup, "
                "or export what can be read."
            )
    return findings


def _twice(connection: duckdb.DuckDBPyConnection) -> list[str]:
    findings = []
    for table, key in _KEYS.items():
        row = connection.execute(f"SELECT count(*) - count(DISTINCT {key}) FROM {table}").fetchone()
        if row and row[0]:
            findings.append(f"table {table} has {row[0]} rows with a repeated {key}; restore a backup.")
    return findings


def _free(out: str | Path) -> Path:
    """A path that does not exist, in a folder that does."""
    target = Path(out).expanduser().resolve()
    if target.exists():
        raise InputError("out", str(target), "exists already", "choose another name")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot be written ({(error.strerror or str(error)).lower()})"
        raise InputError("out", str(target), problem, "choose a folder that you may write to") from error
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
