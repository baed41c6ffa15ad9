"""The key of a question in the physical tables: one whole number, its run's number and its idx in it.

DuckDB prunes what it reads by the smallest and largest value of each block, of texts by their first eight bytes, which
all questions of a run share: by ``question_id`` a row is found by reading the whole column, by ``q`` by reading one
block. A run has its number from its first row on, and none is used twice.
"""

from __future__ import annotations

import duckdb

IDX_BITS = 32
"""Of a key; the rest is the run's number."""
_SPAN = 200_000
"""Questions that are read at once."""


def key(number: int, idx: int) -> int:
    """``q`` of the question with this idx in the run of this number."""
    return number << IDX_BITS | idx


def number_of(cursor: duckdb.DuckDBPyConnection, run_id: str) -> int | None:
    """The run's number; None for a run without rows."""
    rows = cursor.execute("SELECT number FROM run_numbers WHERE run_id = ?", [run_id]).fetchall()
    return int(rows[0][0]) if rows else None


def numbered(cursor: duckdb.DuckDBPyConnection, run_id: str) -> int:
    """The run's number, given now where it has none: on the writer's thread, within the transaction of its rows."""
    known = number_of(cursor, run_id)
    if known is None:
        given = "INSERT INTO run_numbers SELECT coalesce(max(number), 0) + 1, ? FROM run_numbers RETURNING number"
        known = int(cursor.execute(given, [run_id]).fetchall()[0][0])
    return known


def find(cursor: duckdb.DuckDBPyConnection, question_id: str) -> int | None:
    """``q`` of a question_id; None where no question of that run can have it. Whether there is one, it does not say."""
    run_id, _, digits = question_id.rpartition("-")
    if not (digits.isascii() and digits.isdigit()) or int(digits) >> IDX_BITS:
        return None
    number = number_of(cursor, run_id)
    return None if number is None else key(number, int(digits))


def spans(cursor: duckdb.DuckDBPyConnection) -> list[dict[str, int]]:
    """Ranges of keys that hold all questions, of about _SPAN each: what reading one takes is bounded."""
    query = "SELECT q // 65536 AS block, max(q), count(*) FROM question_rows GROUP BY block ORDER BY block"
    spans, low, held = [], 0, 0
    for _, high, count in cursor.execute(query).fetchall():
        held += count
        if held >= _SPAN:
            spans.append({"low": low, "high": high})
            low, held = high + 1, 0
    return [*spans, {"low": low, "high": 2**63 - 1}]
