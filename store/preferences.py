"""The preference pairs of a workspace, and what reviewers' decisions say about which question is better.

Knows the tables; knows nothing of how pairs are made or used.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb


@dataclass(frozen=True, slots=True)
class Review:
    """A question that a reviewer edited, accepted or rejected: its text as generated and as it stands now."""

    question_id: str
    generator: str
    text: str
    query: str
    status: str


def pairs(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """(pair_id, chosen, rejected) of all pairs, by pair_id."""
    return cursor.execute("SELECT pair_id, chosen, rejected FROM preference_rows ORDER BY pair_id").fetchall()


def reviews(cursor: duckdb.DuckDBPyConnection) -> list[Review]:
    """All questions with an edit, an accept or a reject in force, by question_id."""
    query = """
        SELECT i.question_id, i.generator, q.text, i.query, i.status FROM items i
        JOIN question_text q ON q.question_id = i.question_id
        WHERE i.edited OR i.status IN ('accepted', 'rejected') ORDER BY i.question_id"""
    return [Review(*row) for row in cursor.execute(query).fetchall()]
