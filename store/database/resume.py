"""What a run that resumes needs: the counts of its decided questions, and its undecided ones with all their rows.

Two million decided questions are counted inside DuckDB; only the undecided ones, which are few, become records.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np

from store.database.run_queries import DECIDED, bounds
from store.database.views import narrowed
from store.records import Question, Solution, Verdict, solution_id
from store.times import from_db

CHUNK = 20_000
"""Questions read at a time: bounds memory."""


@dataclass(slots=True)
class Stored:
    """A stored question that is undecided. ``attempts``: its rows in ``errors``."""

    question: Question
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    solutions: list[Solution] = field(default_factory=list)
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Decided:
    """The decided questions of a run. ``kept`` and ``dropped``: their verdicts by stage. ``present``: by idx, whether a
    question is one of them, up to the run's last question.
    """

    kept: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    present: np.ndarray[Any, Any] = field(default_factory=lambda: np.zeros(0, bool))

    @property
    def count(self) -> int:
        return int(self.present.sum())


def decided(cursor: duckdb.DuckDBPyConnection, run_id: str) -> Decided:
    """The run's decided questions: those that a stage dropped or that reached the last one."""
    ends = bounds(cursor, run_id)
    if ends is None:
        return Decided()
    query = f"""
        SELECT r.idx, d.q IS NOT NULL AS decided FROM question_rows r LEFT JOIN ({DECIDED}) d ON d.q = r.q
        WHERE r.q BETWEEN $low AND $high"""
    found = cursor.execute(query, ends).fetchnumpy()
    idx, known = np.asarray(found["idx"]), np.asarray(found["decided"], bool)
    if not len(idx):
        return Decided()
    present = np.zeros(int(idx.max()) + 1, bool)
    present[idx] = known
    query = f"""
        SELECT stage, kept, count(*) FROM verdict_rows v SEMI JOIN ({DECIDED}) d ON d.q = v.q
        WHERE v.q BETWEEN $low AND $high GROUP BY ALL"""
    counts: dict[bool, dict[str, int]] = {True: {}, False: {}}
    for stage, kept, count in cursor.execute(query, ends).fetchall():
        counts[kept][stage] = count
    return Decided(counts[True], counts[False], present)


def undecided(cursor: duckdb.DuckDBPyConnection, run_id: str) -> Iterator[Stored]:
    """Yield the run's undecided questions in idx order, read lazily: use the cursor for nothing else meanwhile."""
    ends = bounds(cursor, run_id)
    if ends is None:
        return
    query = f"""
        SELECT q FROM question_rows r ANTI JOIN ({DECIDED}) d ON d.q = r.q
        WHERE r.q BETWEEN $low AND $high ORDER BY q"""
    keys = cursor.execute(query, ends).fetchnumpy()["q"].tolist()
    for first in range(0, len(keys), CHUNK):
        yield from _stored(cursor, run_id, keys[first : first + CHUNK])


def _stored(cursor: duckdb.DuckDBPyConnection, run_id: str, keys: list[int]) -> Iterator[Stored]:
    """The run's questions with these keys, which are sorted."""
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


_QUESTION = """
    question_id, run_id, idx, text, generator, template_id, params, seed, tokens, finish_reason, seconds,
    reference_answer, extra, created_at"""
_VERDICT = "question_id, stage, judge, kept, score, reason, raw, tokens, seconds, created_at"


def _records(rows: list[tuple[Any, ...]]) -> dict[str, Stored]:
    """The questions of rows of ``_QUESTION``, by question_id."""
    return {r[0]: Stored(Question(*_values(r, objects=(6, 12)))) for r in rows}


def _values(row: tuple[Any, ...], objects: tuple[int, ...] = ()) -> list[Any]:
    """A record's fields from its row, whose last column is ``created_at``; ``objects``: positions of JSON."""
    values = [*row[:-1], from_db(row[-1])]
    for position in objects:
        values[position] = json.loads(values[position])
    return values
