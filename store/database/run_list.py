"""What a list of runs tells of each: how much it has made, what failed, and what deleting it would take away.

Counts come from the narrow tables by ``run_id`` alone, so that a page may ask while a run is under way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from store.records import ErrorRow
from store.times import from_db


@dataclass(frozen=True, slots=True)
class Counts:
    """``pairs``: questions that passed every stage, as the funnel counts them; ``errors``: failed attempts."""

    questions: int = 0
    pairs: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes when a run is deleted."""

    questions: int
    pairs: int
    decisions: int
    preferences: int


def counts(cursor: duckdb.DuckDBPyConnection, run_ids: Sequence[str]) -> dict[str, Counts]:
    """By run; a run without rows, or an unknown one, has none of anything."""
    query = """
        SELECT run_id, sum(questions)::BIGINT, sum(pairs)::BIGINT, sum(failed)::BIGINT FROM (
            SELECT run_id, 1 AS questions, 0 AS pairs, 0 AS failed FROM question_rows
            UNION ALL SELECT run_id, 0, 1, 0 FROM verdict_rows WHERE stage = 'pair' AND kept
            UNION ALL SELECT run_id, 0, 0, 1 FROM errors)
        WHERE run_id IN (SELECT unnest($runs)) GROUP BY run_id"""
    found = {row[0]: Counts(*row[1:]) for row in cursor.execute(query, {"runs": list(run_ids)}).fetchall()}
    return {run_id: found.get(run_id, Counts()) for run_id in run_ids}


def contents(cursor: duckdb.DuckDBPyConnection, run_id: str) -> Contents:
    """How many rows of each kind that a person would miss."""
    query = """
        SELECT (SELECT count(*) FROM question_rows WHERE run_id = $run),
            (SELECT count(*) FROM pairs WHERE run_id = $run),
            (SELECT count(*) FROM decision_rows WHERE run_id = $run),
            (SELECT count(*) FROM preference_rows WHERE run_id = $run)"""
    return Contents(*cursor.execute(query, {"run": run_id}).fetchall()[0])


def failures(cursor: duckdb.DuckDBPyConnection, run_id: str, first: int = 0, most: int = 20) -> list[ErrorRow]:
    """The run's failed attempts in the order in which they were recorded, ``most`` of them from number ``first`` on."""
    return _errors(cursor, f"ORDER BY rowid LIMIT {most:d} OFFSET {first:d}", run_id)


def latest_failures(cursor: duckdb.DuckDBPyConnection, run_id: str, most: int = 20) -> list[ErrorRow]:
    """The run's last failed attempts, newest first."""
    return _errors(cursor, f"ORDER BY rowid DESC LIMIT {most:d}", run_id)


def _errors(cursor: duckdb.DuckDBPyConnection, order: str, run_id: str) -> list[ErrorRow]:
    query = f"SELECT run_id, idx, stage, message, raw, attempt, created_at FROM errors WHERE run_id = ? {order}"
    rows = cursor.execute(query, [run_id]).fetchall()
    return [
        ErrorRow(run, idx, stage, said, raw, attempt, from_db(when))
        for run, idx, stage, said, raw, attempt, when in rows
    ]
