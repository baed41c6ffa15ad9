"""Reading a frame's rows: from the views that bind, so that what is counted in memory is what ``Filter.to_sql`` counts.

In parts, so that a million questions with their verdicts and solutions are joined in little memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from store.database.arrow import dictionary_encoded
from store.database.ids import spans
from store.database.views import narrowed
from store.frame.frame import Frame, Version
from store.records import STAGES

SAMPLE = 50
"""A sample has one question of so many."""

_WAY = f"""
    SELECT q, bit_or(1 << position) AS seen, bit_or(CASE WHEN kept THEN 1 << position ELSE 0 END) AS kept
    FROM verdict_rows JOIN (VALUES {", ".join(f"({i}, '{s}')" for i, s in enumerate(STAGES))}) AS s(position, name)
        ON stage = name
    WHERE {{where}} GROUP BY q"""

_LEVEL = "SELECT q, max(value) AS level FROM label_rows WHERE key = 'level' AND {where} GROUP BY q"


def _query(where: str) -> str:
    """What a frame reads of the questions whose keys meet a condition."""
    return f"""
        SELECT i.q, i.run_id, i.generator, i.topic, v.level, i.status, i.drop_reason,
            CAST(to_json(i.tags) AS VARCHAR) AS tags, i.edited, i.difficulty, i.best_reward, i.agreement,
            i.n_solutions, i.near_duplicates, i.query_chars, i.response_tokens, p.q IS NOT NULL AS pair,
            coalesce(w.kept, 0) AS kept, coalesce(w.seen, 0) AS seen
        FROM ({narrowed("items", where)}) i
        LEFT JOIN ({_WAY.format(where=where.format("verdict_rows"))}) w ON i.q = w.q
        LEFT JOIN ({_LEVEL.format(where=where.format("label_rows"))}) v ON i.q = v.q
        LEFT JOIN (SELECT q FROM ({narrowed("pairs", where)})) p ON i.q = p.q"""


def read(cursor: duckdb.DuckDBPyConnection, runs: Sequence[str], version: Version, *, sampled: bool = False) -> Frame:
    """A new reading; ``runs``: their ids, oldest first. ``sampled``: of one question of SAMPLE, which is quick."""
    cursor.execute("BEGIN")  # all parts at one moment
    try:
        total = int(cursor.execute("SELECT count(*) FROM question_rows").fetchall()[0][0])
        if sampled:
            found = [part(cursor, f"{{}}.q % {SAMPLE} = 0", {})]
        else:
            found = [part(cursor, "{}.q BETWEEN $low AND $high", span) for span in spans(cursor)]
    finally:
        cursor.execute("ROLLBACK")
    return Frame(pa.concat_tables(found).unify_dictionaries(), runs, version, total)


def part(cursor: duckdb.DuckDBPyConnection, where: str, values: dict[str, Any]) -> pa.Table:
    """The rows of some questions (a condition on keys, as ``narrowed`` takes), texts dictionary-encoded."""
    return dictionary_encoded(cursor.sql(_query(where), params=values).to_arrow_table())
