"""The preference pairs of a workspace, and the reviewed questions that pairs are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from store.database.views import narrowed
from store.database.workspace import Workspace
from store.records import Preference


@dataclass(frozen=True, slots=True)
class ReviewedQuestion:
    """A question that was edited, accepted or rejected: its ``text`` as generated, its ``query`` as edited."""

    question_id: str
    generator: str
    text: str
    query: str
    status: str


def pairs(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """(pair_id, chosen, rejected) of all pairs, by pair_id."""
    return cursor.execute("SELECT pair_id, chosen, rejected FROM preference_rows ORDER BY pair_id").fetchall()


def reviewed_generators(cursor: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str]]:
    """(name of the generator, its run's config as JSON) by pair_id, of pairs that name a question."""
    query = """
        SELECT p.pair_id, q.generator, r.config FROM preference_rows p
        JOIN questions q ON q.question_id = p.question_id JOIN runs r ON r.run_id = q.run_id"""
    return {pair_id: (name, str(config)) for pair_id, name, config in cursor.execute(query).fetchall()}


def reviewer_pairs(cursor: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str]]:
    """(chosen, rejected) by pair_id of the pairs made from reviews of this workspace's questions."""
    query = """
        SELECT pair_id, chosen, rejected FROM preference_rows
        WHERE source = 'reviewer' AND question_id IN (SELECT question_id FROM decision_rows)"""
    return {pair_id: (chosen, rejected) for pair_id, chosen, rejected in cursor.execute(query).fetchall()}


def replace(workspace: Workspace, removed: Sequence[str], added: Sequence[Preference]) -> None:
    """Delete and add pairs; durable when this returns."""
    if removed:
        query = "DELETE FROM preference_rows WHERE pair_id IN (SELECT unnest($removed))"
        workspace.writer.call(lambda cursor: cursor.execute(query, {"removed": list(removed)}))
    workspace.writer.put(added)
    workspace.writer.flush()


_DECIDED = "{}.q IN (SELECT q FROM decision_rows WHERE action IN ('edit', 'accept', 'reject'))"


def reviewed_questions(cursor: duckdb.DuckDBPyConnection) -> list[ReviewedQuestion]:
    """All questions with an edit, accept or reject in force, by question_id."""
    query = f"""
        SELECT i.question_id, i.generator, q.text, i.query, i.status FROM ({narrowed("items", _DECIDED)}) i
        JOIN question_text q ON q.q = i.q AND {_DECIDED.format("q")}
        WHERE i.edited OR i.status IN ('accepted', 'rejected') ORDER BY i.question_id"""
    return [ReviewedQuestion(*row) for row in cursor.execute(query).fetchall()]
