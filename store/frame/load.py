"""Reading a frame's rows by the queries of the views, so that memory and ``Filter.to_sql`` count the same.

Rows are read in parts, so that joining a million questions with their verdicts and solutions takes little memory.
"""

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from store.database.arrow import dictionary_encoded
from store.database.ids import key_ranges
from store.database.views import items_with_outcome
from store.frame.frame import Frame, Version

SAMPLE = 50
"""A sample has one question in this many."""
_SAMPLED = f"{{}}.q % {SAMPLE} = 0"

_LEVEL = "SELECT q, max(value) AS level FROM label_rows WHERE key = 'level' AND {where} GROUP BY q"

_RATES = """
    SELECT q, model, arg_max(pass_rate, rowid) AS rate FROM rate_rows r WHERE {where} GROUP BY q, model
    HAVING rate IS NOT NULL ORDER BY q"""


def _query(where: str) -> str:
    """The columns of a frame, of the questions whose keys meet a condition."""
    return f"""
        SELECT i.q, i.run_id, i.generator, i.topic, v.level, i.status, i.drop_reason,
            CAST(to_json(i.tags) AS VARCHAR) AS tags, i.edited, i.difficulty, i.best_reward, i.agreement,
            i.n_solutions, i.near_duplicates, i.query_chars, i.response_tokens, i.pair, i.kept, i.seen,
            i.correct, i.checkability, i.finish_reason, i.pass_rate, i.reasoning_tokens, i.response_chars, i.repetition,
            i.majority, i.novelty
        FROM ({items_with_outcome(where)}) i
        LEFT JOIN ({_LEVEL.format(where=where.format("label_rows"))}) v ON i.q = v.q"""


def read(cursor: duckdb.DuckDBPyConnection, runs: Sequence[str], version: Version, *, sampled: bool = False) -> Frame:
    """Read a frame; ``runs``: their ids, oldest first. ``sampled``: only one question in SAMPLE, which is quick."""
    cursor.execute("BEGIN")  # all parts see the same state
    try:
        total = int(cursor.execute("SELECT count(*) FROM question_rows").fetchall()[0][0])
        rates = cursor.sql(_RATES.format(where=_SAMPLED.format("r") if sampled else "true")).to_arrow_table()
        if sampled:
            found = [part(cursor, _SAMPLED, {})]
        else:
            found = [part(cursor, "{}.q BETWEEN $low AND $high", ends) for ends in key_ranges(cursor)]
    finally:
        cursor.execute("ROLLBACK")
    return Frame(pa.concat_tables(found).unify_dictionaries(), runs, version, total, rates)


def part(cursor: duckdb.DuckDBPyConnection, where: str, values: dict[str, Any]) -> pa.Table:
    """The rows of some questions (a condition on keys, as ``narrowed`` takes), texts dictionary-encoded."""
    return dictionary_encoded(cursor.sql(_query(where), params=values).to_arrow_table())
