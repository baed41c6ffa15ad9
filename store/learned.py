"""The pairs that a student learns from: those of a filter, a part of the keys at a time. Knows no training."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from store.filters import Filter
from store.views import narrowed

_PART = 100_000
"""Questions read at once: a join of millions in one piece takes more memory than the database may have."""


def pairs(cursor: duckdb.DuckDBPyConnection, asked: Filter) -> Iterator[tuple[str, str]]:
    """(query, response) of the filter's pairs in the order of the questions, as edited; those that a reviewer rejected
    are left out unless the filter asks for a status."""
    condition, values = asked.where("pairs")
    if not asked.status:
        condition = f"({condition}) AND status <> 'rejected'"
    for low, high in _parts(cursor):
        part = narrowed("pairs", f"{{}}.q BETWEEN {low} AND {high}")
        cursor.execute(f"SELECT query, response FROM ({part}) WHERE {condition} ORDER BY q", values)
        while rows := cursor.fetchmany(4096):
            yield from rows


def _parts(cursor: duckdb.DuckDBPyConnection) -> list[tuple[int, int]]:
    """Ranges of keys (lowest, highest) that hold all questions."""
    query = """
        SELECT min(q), max(q) FROM (SELECT q, (row_number() OVER (ORDER BY q) - 1) // ? AS part FROM question_rows)
        GROUP BY part ORDER BY part"""
    return [(int(low), int(high)) for low, high in cursor.execute(query, [_PART]).fetchall()]
