"""The preference pairs of a workspace, and what reviewers' decisions say about which question is better.

Knows the tables; knows nothing of how pairs are made or used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from store.database.views import narrowed
from store.database.workspace import Workspace
from store.records import Preference


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


def of_reviews(cursor: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str]]:
    """(chosen, rejected) by pair_id of the pairs that reviews of this workspace's questions made."""
    query = """
        SELECT pair_id, chosen, rejected FROM preference_rows
        WHERE source = 'reviewer' AND question_id IN (SELECT question_id FROM decision_rows)"""
    return {pair_id: (chosen, rejected) for pair_id, chosen, rejected in cursor.execute(query).fetchall()}


def replace(workspace: Workspace, gone: Sequence[str], made: Sequence[Preference]) -> None:
    """Take pairs away and put others in their place; on the disk when this returns."""
    if gone:
        query = "DELETE FROM preference_rows WHERE pair_id IN (SELECT unnest($gone))"
        workspace.writer.call(lambda cursor: cursor.execute(query, {"gone": list(gone)}))
    workspace.writer.put(made)
    workspace.writer.flush()


_DECIDED = "{}.q IN (SELECT q FROM decision_rows WHERE action IN ('edit', 'accept', 'reject'))"


def reviews(cursor: duckdb.DuckDBPyConnection) -> list[Review]:
    """All questions with an edit, an accept or a reject in force, by question_id. Few of many are read quickly."""
    query = f"""
        SELECT i.question_id, i.generator, q.text, i.query, i.status FROM ({narrowed("items", _DECIDED)}) i
        JOIN question_text q ON q.q = i.q AND {_DECIDED.format("q")}
        WHERE i.edited OR i.status IN ('accepted', 'rejected') ORDER BY i.question_id"""
    return [Review(*row) for row in cursor.execute(query).fetchall()]
