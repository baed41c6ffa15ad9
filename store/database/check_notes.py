"""The note of each check of a run: what was checked, how far it came, what it counted."""

import json
from typing import Any

import duckdb

from store.errors import InputError


def notes(cursor: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, dict[str, Any]]:
    """The notes of the run's checks, by name: a stage, or ``pass-rate:MODEL``."""
    query = "SELECT key, value FROM meta WHERE starts_with(key, ?)"
    rows = cursor.execute(query, [_key(run_id, "")]).fetchall()
    return {key.removeprefix(_key(run_id, "")): json.loads(value) for key, value in rows}


def write(cursor: duckdb.DuckDBPyConnection, run_id: str, name: str, note: dict[str, Any]) -> None:
    """Replace the check's note. Call on the writer's thread."""
    delete(cursor, run_id, name)
    cursor.execute("INSERT INTO meta VALUES (?, ?)", [_key(run_id, name), json.dumps(note, ensure_ascii=False)])


def delete(cursor: duckdb.DuckDBPyConnection, run_id: str, name: str) -> None:
    """Let the check start over. Call on the writer's thread."""
    cursor.execute("DELETE FROM meta WHERE key = ?", [_key(run_id, name)])


def require_run(cursor: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """InputError if the run was deleted meanwhile."""
    if not cursor.execute("SELECT 1 FROM runs WHERE run_id = ?", [run_id]).fetchone():
        raise InputError("run", run_id, "was deleted while it was checked", "choose another run")


def _key(run_id: str, name: str) -> str:
    return f"check:{run_id}:{name}"
