"""Runs one typed SELECT on a snapshot, as a process that may be killed at any time.

``console`` starts this file as a script; it imports only DuckDB, so that it starts quickly. The argument is the
snapshot's file, stdin is the statement; stdout gets a line when the process is ready, then the answer as JSON.
A statement is restricted by:

- the connection: read-only, without files, network or extensions, and with locked settings;
- the check of the statement: one SELECT that holds no statement which changes data, and whose rows come from tables,
  views and a few harmless functions;
- the system's limits on this process: memory, processor time, and no byte written to any file.

The parent enforces the time limit by killing this process.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from typing import Any

import duckdb

SECONDS = 2.0
"""The limit of wall time once ready, after which the parent kills this process. An alarm and a limit of processor time
replace a parent that died.
"""
MEMORY = 512
"""MB that DuckDB may use. Its own limit does not stop a single value from growing, so ADDRESSES is limited too."""
ADDRESSES = 2 << 30
"""Bytes of address space of the whole process; about 0.8 GB are taken before a statement begins."""
THREADS = 2
ROWS, COLUMNS = 1000, 100
BYTES = 1 << 20
"""The most bytes of all cells of an answer."""
TEXT = 2000
"""The most characters of a cell."""
READY = b"ready\n"

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": THREADS,
    "memory_limit": f"{MEMORY}MB",
    "temp_directory": "",  # no spilling to disk: a query that does not fit into memory fails
    "secret_directory": "none",
    "extension_directory": "none",
    "allow_persistent_secrets": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
}
_QUERIES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
"""The permitted nodes of a query. In DuckDB 2 a SELECT may have a WITH that holds DELETE_QUERY_NODE and the like."""
_TABLES = {
    "range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "histogram",
    "duckdb_tables", "duckdb_columns", "duckdb_views", "duckdb_functions", "duckdb_types",
}  # fmt: skip
"""The permitted table functions. Others read files, run a text as SQL, or take addresses of Python objects
(``pandas_scan`` of DuckDB 1), which a statement could choose freely.
"""
_ONLY = "Only a SELECT may run here"


class Refused(Exception):
    """The statement is not permitted; the text is a sentence."""


def answer(connection: duckdb.DuckDBPyConnection, statement: str) -> dict[str, Any]:
    """The fields of ``console.Answer``. Refused for a statement that is not permitted, duckdb.Error where it fails."""
    only_a_select(connection, statement)
    begun = time.perf_counter()
    found = connection.sql(statement)
    columns, types = found.columns, [str(type_) for type_ in found.types]
    if len(columns) > COLUMNS:
        raise Refused(f"The result has {len(columns):,} columns; ask for {COLUMNS} or fewer.")
    # DuckDB formats and cuts the values, so Python holds no large value and needs no package for any type.
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
        raise Refused("The statement is empty; write one SELECT.")
    if len(found) > 1:
        raise Refused(f"{_ONLY}, one at a time; these are {len(found)} statements.")
    if found[0].type != duckdb.StatementType.SELECT:
        raise Refused(f"{_ONLY}; this is {str(found[0].type).rpartition('.')[2]}.")
    tree = json.loads(connection.execute("SELECT json_serialize_sql(?)", [statement]).fetchall()[0][0])
    if tree["error"]:  # DuckDB 1 types a PRAGMA as SELECT, but cannot serialize it
        raise Refused(f"{_ONLY}; this is another statement.")
    todo: list[Any] = [tree]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            kind = part.get("type")
            if isinstance(kind, str) and kind.endswith("_NODE") and kind not in _QUERIES:
                raise Refused(f"{_ONLY}, and this one contains {kind.removesuffix('_NODE').removesuffix('_QUERY')}.")
            if kind == "TABLE_FUNCTION" and (name := part["function"].get("function_name")) not in _TABLES:
                raise Refused(f"The function {name} may not be used here; query the views instead.")
            todo.extend(part.values())
        elif isinstance(part, list):
            todo.extend(part)


def sentence(error: BaseException) -> str:
    """The error's message on one line, without the excerpt of the statement."""
    if isinstance(error, (duckdb.OutOfMemoryException, MemoryError)):
        return f"The statement needs more memory than its limit of {MEMORY} MB."
    if isinstance(error, RecursionError):
        return "The statement is nested too deeply."
    text = str(error).partition("\n\nLINE ")[0].partition("\nLINE ")[0]
    text = " ".join(text.split()) or type(error).__name__
    return text if len(text) <= 400 else text[:400] + "…"


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
    os.nice(5)  # the app has priority
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # if the system runs out of memory, it ends this process first


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
    except Exception as error:  # noqa: BLE001 (the process's edge: every error becomes a sentence)
        return {"error": sentence(error)}


if __name__ == "__main__":
    output = json.dumps(_main(sys.argv[1]))
    sys.stdout.buffer.write(output.encode())
    sys.stdout.buffer.flush()
    os._exit(0)  # nothing is left to clean up
