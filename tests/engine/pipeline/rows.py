"""What a workspace holds, as the tests compare it: without times, and scores to 1e-4."""

from __future__ import annotations

from typing import Any

import duckdb

KEYS = {
    "questions": "question_id",
    "verdicts": "question_id, stage",
    "solutions": "solution_id",
    "rewards": "solution_id, reward_model",
    "labels": "question_id, key, value",
}
_SAME = {
    "questions": "question_id, text, generator, seed, tokens, finish_reason",
    "verdicts": "question_id, stage, judge, kept, reason, raw, round(score, 3)",
    "solutions": "solution_id, text, answer, seed, tokens, finish_reason",
    "rewards": "solution_id, reward_model, round(reward, 3)",
    "labels": "question_id, key, value, model",
    "pairs": "question_id, query, response, answer, topic, agreement, majority_answer, n_solutions",
    "funnel": "stage, entered, kept, dropped, pending",
}


def content(cursor: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that the same seed must give again."""
    return {
        table: cursor.execute(f"SELECT {columns} FROM {table} ORDER BY ALL").fetchall()
        for table, columns in _SAME.items()
    }


def doubled(cursor: duckdb.DuckDBPyConnection) -> list[Any]:
    """Keys that occur more than once."""
    return [
        row
        for table, key in KEYS.items()
        for row in cursor.execute(f"SELECT {key}, count(*) FROM {table} GROUP BY ALL HAVING count(*) > 1").fetchall()
    ]


def done_calls(cursor: duckdb.DuckDBPyConnection) -> set[str]:
    """The ids of the model calls whose result is stored."""
    rows = cursor.execute(
        """SELECT question_id || '/question/0' FROM questions
        UNION ALL SELECT question_id || '/' || stage FROM verdicts WHERE stage IN ('solvability', 'difficulty', 'pair')
        UNION ALL SELECT question_id || '/solution/' || sample FROM solutions"""
    ).fetchall()
    return {row[0] for row in rows}
