"""The key ``q`` of a question in the physical tables: its run's number and its idx, as one integer.

DuckDB skips blocks by their smallest and largest value, of texts by the first eight bytes, which all questions of a run
share: finding a ``question_id`` reads the whole column, finding a ``q`` reads one block. A run gets its number with its
first row, and no number is used twice.
"""

import duckdb

IDX_BITS = 32
"""The bits of a key that hold the idx; the higher ones hold the run's number."""
_RANGE = 200_000
"""Questions that are read at a time."""


def key(number: int, idx: int) -> int:
    """``q`` of the question with this idx in the run of this number."""
    return number << IDX_BITS | idx


def number_of(cursor: duckdb.DuckDBPyConnection, run_id: str) -> int | None:
    """The run's number; None for a run without rows."""
    rows = cursor.execute("SELECT number FROM run_numbers WHERE run_id = ?", [run_id]).fetchall()
    return int(rows[0][0]) if rows else None


def numbered(cursor: duckdb.DuckDBPyConnection, run_id: str) -> int:
    """The run's number, assigned if it has none; call on the writer's thread, in the transaction of the run's rows."""
    known = number_of(cursor, run_id)
    if known is None:
        given = "INSERT INTO run_numbers SELECT coalesce(max(number), 0) + 1, ? FROM run_numbers RETURNING number"
        known = int(cursor.execute(given, [run_id]).fetchall()[0][0])
    return known


def find(cursor: duckdb.DuckDBPyConnection, question_id: str) -> int | None:
    """``q`` of a question_id, whether or not the question exists; None if no question can have this id."""
    run_id, _, digits = question_id.rpartition("-")
    if not (digits.isascii() and digits.isdigit()) or int(digits) >> IDX_BITS:
        return None
    number = number_of(cursor, run_id)
    return None if number is None else key(number, int(digits))


def key_ranges(cursor: duckdb.DuckDBPyConnection) -> list[dict[str, int]]:
    """Ranges of keys (``low``, ``high``, both included) of about _RANGE questions each, which cover all questions."""
    query = "SELECT q // 65536 AS block, max(q), count(*) FROM question_rows GROUP BY block ORDER BY block"
    ranges, low, held = [], 0, 0
    for _, high, count in cursor.execute(query).fetchall():
        held += count
        if held >= _RANGE:
            ranges.append({"low": low, "high": high})
            low, held = high + 1, 0
    return [*ranges, {"low": low, "high": 2**63 - 1}]
