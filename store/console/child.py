"""Runs one typed SELECT on a snapshot, in a process of its own that may be killed at any time.

Started by ``console`` as a script: it imports DuckDB and nothing of ours, so that it starts at once. It takes the
file as its argument and the statement on stdin; on stdout it says a line when it is ready, then the answer as JSON.
What keeps a statement in bounds, each enough by itself for what it is about:

- the database is opened read-only, without files, network or extensions, and its settings are locked;
- the statement must be one SELECT without a statement that changes data inside (which reading only would refuse too),
  and take its rows from tables, views and a few harmless functions;
- the system's limits on this process: memory, processor time, and no byte written to any file.

The limit on time is the parent's: it kills.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import suppress
from typing import Any

import duckdb

SECONDS = 2.0
"""Of wall time from being ready; then the parent kills. An alarm, and a limit on processor time, stand in for a parent
that died.
"""
MEMORY = 512
"""MB that DuckDB may use. Its interrupts and its own limit do not stop every single value from growing, hence:"""
ADDRESSES = 2 << 30
"""Bytes of address space of the whole process; about 0.8 GB are taken before a statement begins."""
THREADS = 2
ROWS, COLUMNS = 1000, 100
BYTES = 1 << 20
"""Of all cells of an answer."""
TEXT = 2000
"""Characters of a cell."""
READY = b"ready\n"

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": THREADS,
    "memory_limit": f"{MEMORY}MB",
    "temp_directory": "",  # what does not fit into memory fails; nothing is written beside the snapshot
    "secret_directory": "none",
    "extension_directory": "none",
    "allow_persistent_secrets": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
}
_QUERIES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
"""What a query may be made of. In DuckDB 2 a WITH may hold DELETE_QUERY_NODE and the like, and is a SELECT by type."""
_TABLES = {
    "range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "histogram",
    "duckdb_tables", "duckdb_columns", "duckdb_views", "duckdb_functions", "duckdb_types",
}  # fmt: skip
"""What a FROM may call. Others reach for files, run a text that would have to be judged like this one, or take
addresses of Python's objects (``pandas_scan`` of DuckDB 1), which a statement given as JSON could name freely.
"""
_ONLY = "Only a SELECT may run here"


class Refused(Exception):
    """The statement may not run; the text is a sentence."""


def answer(connection: duckdb.DuckDBPyConnection, statement: str) -> dict[str, Any]:
    """Columns, their types, rows as DuckDB writes them (None is NULL), whether there are more, how many texts were cut.

    Refused where the statement may not run, duckdb.Error where it fails.
    """
    only_a_select(connection, statement)
    begun = time.perf_counter()
    found = connection.sql(statement)
    columns, types = found.columns, [str(type_) for type_ in found.types]
    if len(columns) > COLUMNS:
        raise Refused(f"The result has {len(columns):,} columns; ask for {COLUMNS} or fewer.")
    # DuckDB writes and cuts the values: Python then holds none of any size, and needs no package for any type.
    cells = ", ".join(f"left(#{place}::VARCHAR, {TEXT + 1})" for place in range(1, len(columns) + 1))
    fetched = found.limit(ROWS + 1).project(cells).fetchall()
    seconds = time.perf_counter() - begun
    rows, cut, size = [], 0, 0
    for row in fetched[:ROWS]:
        size += sum(len(cell.encode()) for cell in row if cell is not None)
        if size > BYTES:
            break
        cut += sum(cell is not None and len(cell) > TEXT for cell in row)
        rows.append([cell[:TEXT] + "…" if cell is not None and len(cell) > TEXT else cell for cell in row])
    more = len(fetched) > len(rows)
    return {"columns": columns, "types": types, "rows": rows, "more": more, "cut": cut, "seconds": seconds}


def only_a_select(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Refused unless the text is exactly one query that only reads."""
    try:
        found = connection.extract_statements(statement)
    except duckdb.Error as error:
        raise Refused(sentence(error)) from error
    if not found:
        raise Refused("There is no statement: write one SELECT.")
    if len(found) > 1:
        raise Refused(f"{_ONLY}, one at a time; this is {len(found)} statements.")
    if found[0].type != duckdb.StatementType.SELECT:
        raise Refused(f"{_ONLY}; this is {str(found[0].type).rpartition('.')[2]}.")
    tree = json.loads(connection.execute("SELECT json_serialize_sql(?)", [statement]).fetchall()[0][0])
    if tree["error"]:  # DuckDB 1 calls a PRAGMA a SELECT, but cannot write it as one
        raise Refused(f"{_ONLY}; DuckDB does not take this for one.")
    todo: list[Any] = [tree]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            kind = part.get("type")
            if isinstance(kind, str) and kind.endswith("_NODE") and kind not in _QUERIES:
                raise Refused(f"{_ONLY}, and this one holds {kind.removesuffix('_NODE').removesuffix('_QUERY')}.")
            if kind == "TABLE_FUNCTION" and (name := part["function"].get("function_name")) not in _TABLES:
                raise Refused(f"The function {name} may not be used here; ask the views.")
            todo.extend(part.values())
        elif isinstance(part, list):
            todo.extend(part)


def sentence(error: BaseException) -> str:
    """What DuckDB says, on one line, without its picture of the statement."""
    if isinstance(error, (duckdb.OutOfMemoryException, MemoryError)):
        return f"The statement needs more memory than the {MEMORY} MB that it may use."
    if isinstance(error, RecursionError):
        return "The statement is nested too deeply."
    said = str(error).partition("\n\nLINE ")[0].partition("\nLINE ")[0]
    said = " ".join(said.split()) or type(error).__name__
    return said if len(said) <= 400 else said[:400] + "…"


def _open(file: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(file, read_only=True, config=_SETTINGS)
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _limit() -> None:
    import resource  # not on Windows, where the console cannot run

    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    processor = int(used + SECONDS * THREADS) + 2
    limits = {"AS": ADDRESSES, "CPU": processor, "FSIZE": 0, "CORE": 0}
    for name, limit in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
    os.nice(5)  # the app goes first
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # where memory runs out, this process is the one to end


def _main(file: str) -> dict[str, Any]:
    try:
        _limit()
        connection = _open(file)
        sys.stdout.buffer.write(READY)
        sys.stdout.buffer.flush()
        signal.alarm(int(SECONDS) + 3)
        return answer(connection, sys.stdin.buffer.read().decode("utf-8", "replace"))
    except Refused as refusal:
        return {"error": str(refusal)}
    except Exception as error:  # noqa: BLE001 (whatever it is, its text is all that a reader can use)
        return {"error": sentence(error)}


if __name__ == "__main__":
    said = json.dumps(_main(sys.argv[1]))
    sys.stdout.buffer.write(said.encode())
    sys.stdout.buffer.flush()
    os._exit(0)  # nothing is left to be put in order
