"""Counts for a first look at a run, on the asker's own cursor."""

from __future__ import annotations

import duckdb


def difficulty_counts(cursor: duckdb.DuckDBPyConnection, run_id: str, bins: int) -> list[int]:
    """Questions of the run by predicted fail rate, in equal bins over [0, 1]; those without a score are left out."""
    query = """
        SELECT least(floor(score * ?), ? - 1)::INTEGER AS bin, count(*) FROM verdict_rows
        WHERE run_id = ? AND stage = 'difficulty' AND score IS NOT NULL GROUP BY bin"""
    found = dict(cursor.execute(query, [bins, bins, run_id]).fetchall())
    return [int(found.get(i, 0)) for i in range(bins)]
