"""The questions that the rest of the program asks of a workspace, each answered on the asker's own cursor.

Knows the tables; decides nothing. Keys first, texts by key: no scan decodes text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb

from store.database import ids
from store.database.views import narrowed
from store.records import STAGES, Question, Solution, Verdict, solution_id
from store.times import from_db

CHUNK = 20_000
"""Questions read at once when a run is resumed: bounds memory, and each chunk costs one scan of the keys."""


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """One stage of a run: ``entered`` = ``kept`` + ``dropped``; ``pending``: kept before, without a verdict here."""

    stage: str
    entered: int
    kept: int
    dropped: int
    pending: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stage has cost: model calls, tokens, and wall seconds summed over calls that ran side by side."""

    stage: str
    calls: int
    tokens: int
    seconds: float


@dataclass(slots=True)
class Stored:
    """What is stored of a question. ``solutions`` only while its fate is open; ``attempts``: its rows in ``errors``."""

    question: Question
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    solutions: list[Solution] = field(default_factory=list)
    attempts: int = 0

    @property
    def decided(self) -> bool:
        return "pair" in self.verdicts or not all(verdict.kept for verdict in self.verdicts.values())


def funnel(cursor: duckdb.DuckDBPyConnection, *runs: str) -> list[FunnelRow]:
    """The stages of the runs, taken together, in order, ``generated`` first; empty where all are unknown."""
    query = """
        SELECT stage, sum(entered)::BIGINT, sum(kept)::BIGINT, sum(dropped)::BIGINT, sum(pending)::BIGINT FROM funnel
        WHERE run_id IN (SELECT unnest(?)) GROUP BY stage"""
    rows = {row[0]: FunnelRow(*row) for row in cursor.execute(query, [list(runs)]).fetchall()}
    return [rows[stage] for stage in ("generated", *STAGES) if stage in rows]


def costs(cursor: duckdb.DuckDBPyConnection, run_id: str) -> list[Cost]:
    """What each stage of the run has cost, in order, ``generated`` first; stages that cost nothing included."""
    query = """
        SELECT stage, sum(calls)::BIGINT, coalesce(sum(tokens), 0)::BIGINT, coalesce(sum(seconds), 0.0)::DOUBLE FROM (
            SELECT 'generated' AS stage, count(*) AS calls, sum(tokens) AS tokens, sum(seconds) AS seconds
                FROM question_rows WHERE run_id = $run
            UNION ALL SELECT stage, count(*) FILTER (tokens > 0 OR seconds > 0), sum(tokens), sum(seconds)
                FROM verdict_rows WHERE run_id = $run GROUP BY stage
            UNION ALL SELECT 'solution', count(*), sum(tokens), sum(seconds) FROM solution_rows WHERE run_id = $run
            UNION ALL SELECT 'pair', count(*), 0, sum(seconds) FROM reward_rows WHERE run_id = $run)
        GROUP BY stage"""
    found = {row[0]: Cost(*row) for row in cursor.execute(query, {"run": run_id}).fetchall()}
    return [found.get(stage, Cost(stage, 0, 0, 0.0)) for stage in ("generated", *STAGES)]


def pair_topics(cursor: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, int]:
    """How many pairs of the run have each topic."""
    query = "SELECT topic, count(*) FROM pairs WHERE run_id = ? AND topic IS NOT NULL GROUP BY topic"
    return dict(cursor.execute(query, [run_id]).fetchall())


def error_count(cursor: duckdb.DuckDBPyConnection, run_id: str) -> int:
    """How many failed attempts the run has recorded."""
    row = cursor.execute("SELECT count(*) FROM errors WHERE run_id = ?", [run_id]).fetchone()
    return int(row[0]) if row else 0


def resume_state(cursor: duckdb.DuckDBPyConnection, run_id: str) -> Iterator[Stored]:
    """What is stored of each question of the run, in idx order, read as it is consumed: keep the cursor to it alone."""
    failed = cursor.execute("SELECT idx, count(*) FROM errors WHERE run_id = ? GROUP BY idx", [run_id]).fetchall()
    attempts: dict[int, int] = dict(failed)
    row = cursor.execute("SELECT max(idx) FROM question_rows WHERE run_id = ?", [run_id]).fetchone()
    last = -1 if row is None or row[0] is None else int(row[0])
    number = ids.number_of(cursor, run_id) or 0
    for low in range(0, last + 1, CHUNK):
        span = {"low": ids.key(number, low), "high": ids.key(number, low + CHUNK - 1)}
        found = _questions(cursor, run_id, low)
        for verdict in _verdicts(cursor, span):
            if verdict.question_id in found:
                found[verdict.question_id].verdicts[verdict.stage] = verdict
        undecided = [ids.key(number, s.question.idx) for s in found.values() if not s.decided]
        for solution in _solutions(cursor, undecided):
            found[solution.question_id].solutions.append(solution)
        for stored in found.values():
            stored.attempts = attempts.get(stored.question.idx, 0)
            yield stored


def _questions(cursor: duckdb.DuckDBPyConnection, run_id: str, low: int) -> dict[str, Stored]:
    query = """
        SELECT question_id, run_id, idx, text, generator, template_id, params, seed, tokens, finish_reason, seconds,
            reference_answer, extra, created_at
        FROM questions WHERE run_id = ? AND idx BETWEEN ? AND ? ORDER BY idx"""
    rows = cursor.execute(query, [run_id, low, low + CHUNK - 1]).fetchall()
    return {r[0]: Stored(Question(*_values(r, objects=(6, 12)))) for r in rows}


def _verdicts(cursor: duckdb.DuckDBPyConnection, span: dict[str, int]) -> list[Verdict]:
    query = """
        SELECT question_id, stage, judge, kept, score, reason, raw, tokens, seconds, created_at FROM verdict_rows
        WHERE q BETWEEN $low AND $high"""
    return [Verdict(*_values(r)) for r in cursor.execute(query, span).fetchall()]


def _solutions(cursor: duckdb.DuckDBPyConnection, wanted: list[int]) -> list[Solution]:
    if not wanted:
        return []
    query = f"""
        SELECT question_id, sample, text, answer, solver, seed, tokens, seconds, finish_reason, created_at
        FROM ({narrowed("solutions")}) ORDER BY question_id, sample"""
    rows = cursor.execute(query, {"q": wanted}).fetchall()
    return [Solution(*_values((solution_id(r[0], r[1]), *r))) for r in rows]


def _values(row: tuple[Any, ...], objects: tuple[int, ...] = ()) -> list[Any]:
    """A record's fields from its row, whose last column is ``created_at``; ``objects``: positions of JSON."""
    values = [*row[:-1], from_db(row[-1])]
    for position in objects:
        values[position] = json.loads(values[position])
    return values
