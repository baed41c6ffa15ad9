"""What is stored of runs: their funnels, costs, counts and failures, and the state from which one resumes.

Every query runs on the caller's cursor. Keys come first, texts by key: no scan decodes text.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from store.database import ids
from store.database.outcomes import FunnelRow
from store.database.views import narrowed
from store.records import STAGES, ErrorRow, Question, Solution, Verdict, solution_id
from store.times import from_db

CHUNK = 20_000
"""Questions read at a time when a run is resumed: bounds memory; each chunk costs one scan of the keys."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a stage: model calls, tokens, and wall seconds summed over calls, which may have run in parallel."""

    stage: str
    calls: int
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class JudgeReplies:
    """How many questions a judge that writes has judged, and on how many of them it came to no conclusion."""

    judge: str
    judged: int
    without: int


@dataclass(frozen=True, slots=True)
class Counts:
    """``pairs``: questions that passed every stage, as the funnel counts them; ``errors``: failed attempts."""

    questions: int = 0
    pairs: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Contents:
    """What is deleted with a run."""

    questions: int
    pairs: int
    decisions: int
    preferences: int


@dataclass(slots=True)
class Stored:
    """A stored question. ``solutions`` only while it is undecided; ``attempts``: its rows in ``errors``."""

    question: Question
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    solutions: list[Solution] = field(default_factory=list)
    attempts: int = 0

    @property
    def decided(self) -> bool:
        return "pair" in self.verdicts or not all(verdict.kept for verdict in self.verdicts.values())


def funnel(cursor: duckdb.DuckDBPyConnection, *runs: str) -> list[FunnelRow]:
    """The stages of all these runs together, in order, ``generated`` first; empty if no run is known."""
    query = """
        SELECT stage, sum(entered)::BIGINT, sum(kept)::BIGINT, sum(dropped)::BIGINT, sum(pending)::BIGINT FROM funnel
        WHERE run_id IN (SELECT unnest(?)) GROUP BY stage"""
    rows = {row[0]: FunnelRow(*row) for row in cursor.execute(query, [list(runs)]).fetchall()}
    return [rows[stage] for stage in ("generated", *STAGES) if stage in rows]


def costs(cursor: duckdb.DuckDBPyConnection, run_id: str) -> list[Cost]:
    """The cost of each stage of the run, in order, ``generated`` first, including stages that cost nothing."""
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


def judge_replies(cursor: duckdb.DuckDBPyConnection, run_id: str) -> list[JudgeReplies]:
    """What the judges that write said of the run's questions, by judge."""
    query = """
        SELECT judge, count(*), count(*) FILTER (reason = 'no_verdict') FROM verdict_rows
        WHERE run_id = ? AND stage = 'solvability' AND raw IS NOT NULL GROUP BY judge ORDER BY judge"""
    return [JudgeReplies(*row) for row in cursor.execute(query, [run_id]).fetchall()]


def pair_topics(cursor: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, int]:
    """The number of pairs of the run by topic."""
    query = "SELECT topic, count(*) FROM pairs WHERE run_id = ? AND topic IS NOT NULL GROUP BY topic"
    return dict(cursor.execute(query, [run_id]).fetchall())


def error_count(cursor: duckdb.DuckDBPyConnection, run_id: str) -> int:
    """The number of the run's failed attempts."""
    row = cursor.execute("SELECT count(*) FROM errors WHERE run_id = ?", [run_id]).fetchone()
    return int(row[0]) if row else 0


def counts(cursor: duckdb.DuckDBPyConnection, run_ids: Sequence[str]) -> dict[str, Counts]:
    """By run, from the narrow tables alone, so that it is fast while a run is writing. Unknown runs have zeros."""
    query = """
        SELECT run_id, sum(questions)::BIGINT, sum(pairs)::BIGINT, sum(failed)::BIGINT FROM (
            SELECT run_id, 1 AS questions, 0 AS pairs, 0 AS failed FROM question_rows
            UNION ALL SELECT run_id, 0, 1, 0 FROM verdict_rows WHERE stage = 'pair' AND kept
            UNION ALL SELECT run_id, 0, 0, 1 FROM errors)
        WHERE run_id IN (SELECT unnest($runs)) GROUP BY run_id"""
    found = {row[0]: Counts(*row[1:]) for row in cursor.execute(query, {"runs": list(run_ids)}).fetchall()}
    return {run_id: found.get(run_id, Counts()) for run_id in run_ids}


def contents(cursor: duckdb.DuckDBPyConnection, run_id: str) -> Contents:
    """The rows that deleting the run would delete."""
    query = """
        SELECT (SELECT count(*) FROM question_rows WHERE run_id = $run),
            (SELECT count(*) FROM pairs WHERE run_id = $run),
            (SELECT count(*) FROM decision_rows WHERE run_id = $run),
            (SELECT count(*) FROM preference_rows WHERE run_id = $run)"""
    return Contents(*cursor.execute(query, {"run": run_id}).fetchall()[0])


def failures(
    cursor: duckdb.DuckDBPyConnection, run_id: str, first: int = 0, most: int = 20, *, newest_first: bool = False
) -> list[ErrorRow]:
    """The run's failed attempts in the order of recording, or reversed: ``most`` of them from number ``first`` on."""
    query = f"""
        SELECT run_id, idx, stage, message, raw, attempt, created_at FROM errors WHERE run_id = ?
        ORDER BY rowid {"DESC" if newest_first else ""} LIMIT {most:d} OFFSET {first:d}"""
    return [ErrorRow(*_values(row)) for row in cursor.execute(query, [run_id]).fetchall()]


def resume_state(cursor: duckdb.DuckDBPyConnection, run_id: str) -> Iterator[Stored]:
    """Yield the run's questions in idx order, read lazily: use the cursor for nothing else meanwhile."""
    failed = cursor.execute("SELECT idx, count(*) FROM errors WHERE run_id = ? GROUP BY idx", [run_id]).fetchall()
    attempts: dict[int, int] = dict(failed)
    row = cursor.execute("SELECT max(idx) FROM question_rows WHERE run_id = ?", [run_id]).fetchone()
    last = -1 if row is None or row[0] is None else int(row[0])
    number = ids.number_of(cursor, run_id) or 0
    for low in range(0, last + 1, CHUNK):
        ends = {"low": ids.key(number, low), "high": ids.key(number, low + CHUNK - 1)}
        found = _questions(cursor, run_id, low)
        for verdict in _verdicts(cursor, ends):
            if verdict.question_id in found:
                found[verdict.question_id].verdicts[verdict.stage] = verdict
        undecided = [ids.key(number, s.question.idx) for s in found.values() if not s.decided]
        for solution in solutions(cursor, undecided):
            found[solution.question_id].solutions.append(solution)
        for stored in found.values():
            stored.attempts = attempts.get(stored.question.idx, 0)
            yield stored


def stored(cursor: duckdb.DuckDBPyConnection, run_id: str, keys: list[int]) -> Iterator[Stored]:
    """The run's questions with these keys, which are sorted, as ``resume_state`` yields them."""
    ends = {"low": keys[0], "high": keys[-1]}
    where = "{0}.q BETWEEN $low AND $high AND {0}.q IN (SELECT unnest($q))"
    query = f"SELECT {_QUESTION} FROM ({narrowed('questions', where)}) ORDER BY idx"
    found = _records(cursor.execute(query, {**ends, "q": keys}).fetchall())
    query = f"SELECT {_VERDICT} FROM verdict_rows WHERE q BETWEEN $low AND $high AND q IN (SELECT unnest($q))"
    for row in cursor.execute(query, {**ends, "q": keys}).fetchall():
        verdict = Verdict(*_values(row))
        found[verdict.question_id].verdicts[verdict.stage] = verdict
    for solution in solutions(cursor, keys):
        found[solution.question_id].solutions.append(solution)
    by_idx = {one.question.idx: one for one in found.values()}
    query = "SELECT idx, count(*) FROM errors WHERE run_id = ? AND idx IN (SELECT unnest(?)) GROUP BY idx"
    for idx, attempts in cursor.execute(query, [run_id, list(by_idx)]).fetchall():
        by_idx[idx].attempts = attempts
    yield from found.values()


def _questions(cursor: duckdb.DuckDBPyConnection, run_id: str, low: int) -> dict[str, Stored]:
    query = f"SELECT {_QUESTION} FROM questions WHERE run_id = ? AND idx BETWEEN ? AND ? ORDER BY idx"
    return _records(cursor.execute(query, [run_id, low, low + CHUNK - 1]).fetchall())


_QUESTION = """
    question_id, run_id, idx, text, generator, template_id, params, seed, tokens, finish_reason, seconds,
    reference_answer, extra, created_at"""
_VERDICT = "question_id, stage, judge, kept, score, reason, raw, tokens, seconds, created_at"


def _records(rows: list[tuple[Any, ...]]) -> dict[str, Stored]:
    """The questions of rows of ``_QUESTION``, by question_id."""
    return {r[0]: Stored(Question(*_values(r, objects=(6, 12)))) for r in rows}


def _verdicts(cursor: duckdb.DuckDBPyConnection, ends: dict[str, int]) -> list[Verdict]:
    query = f"SELECT {_VERDICT} FROM verdict_rows WHERE q BETWEEN $low AND $high"
    return [Verdict(*_values(r)) for r in cursor.execute(query, ends).fetchall()]


def solutions(cursor: duckdb.DuckDBPyConnection, keys: list[int]) -> list[Solution]:
    """The solutions of the questions with these keys, by question and sample."""
    if not keys:
        return []
    query = f"""
        SELECT reasoning, reasoning_tokens, correct,
            question_id, sample, text, answer, solver, seed, tokens, seconds, finish_reason, created_at
        FROM ({narrowed("solutions")}) ORDER BY question_id, sample"""
    rows = cursor.execute(query, {"q": keys}).fetchall()
    return [
        Solution(*_values((solution_id(row[0], row[1]), *row)), *more) for *more, row in ((*r[:3], r[3:]) for r in rows)
    ]


def _values(row: tuple[Any, ...], objects: tuple[int, ...] = ()) -> list[Any]:
    """A record's fields from its row, whose last column is ``created_at``; ``objects``: positions of JSON."""
    values = [*row[:-1], from_db(row[-1])]
    for position in objects:
        values[position] = json.loads(values[position])
    return values
