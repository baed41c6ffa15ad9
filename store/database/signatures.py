"""The stored signatures of questions, read as Arrow tables, and the texts of questions that have none yet.

A question counts as kept unless the language or the duplicate stage has dropped it: imports may have no verdicts there.
"""

from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from store.database import arrow, ids
from store.database.workspace import Workspace
from store.records import QuestionSignature

CHUNK = 100_000
"""Questions read at a time."""
_JUDGED = """
    EXISTS (SELECT 1 FROM verdict_rows v WHERE v.q = r.q AND v.q BETWEEN $low AND $high AND v.kept
        AND v.stage = 'duplicate')"""
_KEPT = """
    NOT EXISTS (SELECT 1 FROM verdict_rows v WHERE v.q = r.q AND v.q BETWEEN $low AND $high AND NOT v.kept
        AND v.stage IN ('language', 'duplicate'))"""


def kept(cursor: duckdb.DuckDBPyConnection, run_id: str, method: str, *, judged: bool) -> Iterator[pa.Table]:
    """Signatures of the run's kept questions in the order in which they were judged, about CHUNK at a time: idx, exact,
    content, mask, size, bands, words, place. ``judged``: only those that the duplicate stage has kept. Those of another
    method are left out. Use the cursor for nothing else meanwhile.
    """
    number = ids.number_of(cursor, run_id)
    if number is None:
        return
    base = ids.key(number, 0)
    late, last = _late(cursor, base)
    query = f"""
        SELECT q - $base AS idx, exact, content, mask, size, bands, words, coalesce(place, q - $base) AS place
        FROM signature_rows r WHERE q BETWEEN $low AND $high AND method = $method AND {_JUDGED if judged else _KEPT}
        ORDER BY q"""
    waiting: pa.Table = None
    for low in range(base, base + last + 1, CHUNK):
        values = {"base": base, "low": low, "high": low + CHUNK - 1, "method": method}
        rows: pa.Table = cursor.sql(query, params=values).to_arrow_table()
        if len(late):
            rows, waiting = _in_order(rows, waiting, late)
        if rows.num_rows:
            yield rows
    if waiting is not None and waiting.num_rows:
        yield waiting.sort_by("place")


def _late(cursor: duckdb.DuckDBPyConnection, base: int) -> tuple[np.ndarray[Any, Any], int]:
    """The idx of the questions that were judged after one of higher idx, and the run's last idx (-1 without any)."""
    query = """
        SELECT q - $base AS idx, coalesce(place, q - $base) AS place FROM signature_rows
        WHERE q BETWEEN $base AND $base + $most ORDER BY q"""
    found = cursor.execute(query, {"base": base, "most": (1 << ids.IDX_BITS) - 1}).fetchnumpy()
    idx, place = np.asarray(found["idx"]), np.asarray(found["place"])
    if not len(idx):
        return idx, -1
    following = np.minimum.accumulate(place[::-1])[::-1]
    return idx[place > following], int(idx[-1])


def _in_order(rows: pa.Table, waiting: pa.Table, late: np.ndarray[Any, Any]) -> tuple[pa.Table, pa.Table | None]:
    """(the rows that can be given now, in the order of judging; those that were judged after some of later chunks)."""
    is_late = np.isin(rows["idx"].to_numpy(), late)
    in_time = rows.filter(pa.array(~is_late))
    if waiting is not None:
        rows = pa.concat_tables([rows, waiting])
    reached = int(in_time["place"][-1].as_py()) if in_time.num_rows else -1
    ready = pa.array(rows["place"].to_numpy() <= reached)
    return rows.filter(ready).sort_by("place"), rows.filter(pc.invert(ready))


def next_place(cursor: duckdb.DuckDBPyConnection, run_id: str) -> int:
    """The ``place`` of the next question that the run judges: above all that are stored."""
    number = ids.number_of(cursor, run_id)
    if number is None:
        return 0
    query = "SELECT max(greatest(coalesce(place, 0), q - $low)) FROM signature_rows WHERE q BETWEEN $low AND $high"
    low, high = ids.key(number, 0), ids.key(number + 1, 0) - 1
    last = cursor.execute(query, {"low": low, "high": high}).fetchall()[0][0]
    return 0 if last is None else int(last) + 1


def without(
    cursor: duckdb.DuckDBPyConnection, run_id: str, method: str, *, judged: bool
) -> Iterator[list[tuple[int, str]]]:
    """``(idx, text)`` of the run's kept questions that have no signature of this method, in idx order, CHUNK at a time.
    ``judged``: as for ``kept``. Use the cursor for nothing else meanwhile."""
    number = ids.number_of(cursor, run_id)
    if number is None:
        return
    low, high = ids.key(number, 0), ids.key(number + 1, 0) - 1
    query = f"""
        SELECT r.q FROM question_rows r
        WHERE r.q BETWEEN $low AND $high AND {_JUDGED if judged else _KEPT} AND NOT EXISTS (
            SELECT 1 FROM signature_rows s
            WHERE s.q = r.q AND s.q BETWEEN $low AND $high AND s.method = $method)
        ORDER BY r.q"""
    missing = cursor.execute(query, {"low": low, "high": high, "method": method}).fetchnumpy()["q"]
    texts = """
        SELECT q, text FROM question_text
        WHERE q BETWEEN $low AND $high AND q IN (SELECT unnest($q)) ORDER BY q"""
    for first in range(0, len(missing), CHUNK):
        some = missing[first : first + CHUNK].tolist()
        found = cursor.execute(texts, {"low": some[0], "high": some[-1], "q": some}).fetchall()
        yield [(q - low, text) for q, text in found]


def replace(workspace: Workspace, run_id: str, signatures: list[tuple[int, QuestionSignature]]) -> None:
    """Store signatures of stored questions by idx, in the place of older ones of theirs, in one transaction."""

    def write(cursor: duckdb.DuckDBPyConnection) -> None:
        number = ids.number_of(cursor, run_id)
        there = cursor.execute("SELECT 1 FROM runs WHERE run_id = ?", [run_id]).fetchone()
        if number is None or there is None or not signatures:  # a deleted run keeps its number
            return
        rows = [arrow.Keyed(made, made.question_id, run_id, 0, False, ids.key(number, idx)) for idx, made in signatures]
        ends = {"low": rows[0].q, "high": rows[-1].q, "q": [row.q for row in rows]}
        cursor.execute("DELETE FROM signature_rows WHERE q BETWEEN $low AND $high AND q IN (SELECT unnest($q))", ends)
        arrow.insert(cursor, {QuestionSignature: rows})
        workspace.writer.forget_run(run_id)

    workspace.writer.call(write)
