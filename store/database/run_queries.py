"""What is stored of runs: their funnels, costs, counts and failures. Every query runs on the caller's cursor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from store.database import ids
from store.database.outcomes import FunnelRow
from store.records import STAGES, ErrorRow
from store.times import from_db

DECIDED = "SELECT DISTINCT q FROM verdict_rows WHERE q BETWEEN $low AND $high AND (stage = 'pair' OR NOT kept)"
"""The keys of the decided questions: those that a stage dropped or that reached the last one."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a stage: model calls, tokens, and wall seconds summed over calls, which may have run in parallel."""

    stage: str
    calls: int
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class StageSpend:
    """What the models with a price have cost at a stage; failed requests are counted, and their tokens where the server
    counted them."""

    stage: str
    requests: int
    tokens_in: int
    tokens_out: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class JudgeReplies:
    """How many questions a judge that writes has judged, and on how many of them it came to no conclusion."""

    judge: str
    judged: int
    without: int


@dataclass(frozen=True, slots=True)
class Counts:
    """``pairs``: questions that passed every stage, as the funnel counts them; ``errors``: failed attempts;
    ``cost_usd``: of paid models, None where there were none."""

    questions: int = 0
    pairs: int = 0
    errors: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """``samples`` and their ``tokens`` of these ``questions``; ``fixed_samples`` and ``fixed_tokens``: with as many for
    each question, as long as its own on average."""

    questions: int
    samples: int
    tokens: int
    fixed_samples: int
    fixed_tokens: int


@dataclass(frozen=True, slots=True)
class DroppedExample:
    """A question that a stage dropped."""

    stage: str
    reason: str | None
    question_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What is deleted with a run."""

    questions: int
    pairs: int
    decisions: int
    preferences: int


def funnel(cursor: duckdb.DuckDBPyConnection, *runs: str) -> list[FunnelRow]:
    """The stages of all these runs together, in order, ``generated`` first; empty if no run is known."""
    query = """
        SELECT stage, sum(entered)::BIGINT, sum(kept)::BIGINT, sum(dropped)::BIGINT, sum(pending)::BIGINT FROM funnel
        WHERE run_id IN (SELECT unnest(?)) GROUP BY stage"""
    rows = {row[0]: FunnelRow(*row) for row in cursor.execute(query, [list(runs)]).fetchall()}
    return [rows[stage] for stage in ("generated", *STAGES) if stage in rows]


def accepted(cursor: duckdb.DuckDBPyConnection, *runs: str) -> list[str]:
    """The questions of these runs that a reviewer has accepted."""
    query = "SELECT question_id FROM items WHERE run_id IN (SELECT unnest(?)) AND status = 'accepted'"
    return [str(key) for (key,) in cursor.execute(query, [list(runs)]).fetchall()]


def stages_not_run(cursor: duckdb.DuckDBPyConnection, *runs: str) -> set[str]:
    """The stages that nobody ran on these runs together: an import keeps every question there, without a score."""
    query = """
        SELECT stage FROM verdict_rows WHERE run_id IN (SELECT unnest(?)) AND stage <> 'pair'
        GROUP BY stage HAVING bool_and(judge = 'import' AND kept AND score IS NULL)"""
    return {stage for (stage,) in cursor.execute(query, [list(runs)]).fetchall()}


def dropped_examples(cursor: duckdb.DuckDBPyConnection, run_id: str, most: int) -> list[DroppedExample]:
    """The first questions that each stage of the run dropped, ``most`` of each, in the order of the stages."""
    query = """
        SELECT stage, reason, question_id, q FROM verdict_rows WHERE run_id = $run AND NOT kept
        QUALIFY row_number() OVER (PARTITION BY stage ORDER BY q) <= $most ORDER BY q"""
    rows = cursor.execute(query, {"run": run_id, "most": most}).fetchall()
    query = "SELECT q, text FROM question_text WHERE q IN (SELECT unnest($q))"
    texts = dict(cursor.execute(query, {"q": [q for *_, q in rows]}).fetchall())
    found = [DroppedExample(stage, reason, key, texts.get(q, "")) for stage, reason, key, q in rows]
    return sorted(found, key=lambda one: STAGES.index(one.stage))


def costs(cursor: duckdb.DuckDBPyConnection, run_id: str) -> list[Cost]:
    """The cost of each stage of the run, in order, ``generated`` first, including stages that cost nothing."""
    query = """
        SELECT stage, sum(calls)::BIGINT, coalesce(sum(tokens), 0)::BIGINT, coalesce(sum(seconds), 0.0)::DOUBLE FROM (
            SELECT 'generated' AS stage, count(*) FILTER (tokens > 0 OR seconds > 0) AS calls, sum(tokens) AS tokens,
                sum(seconds) AS seconds
                FROM question_rows WHERE run_id = $run
            UNION ALL SELECT stage, count(*) FILTER (tokens > 0 OR seconds > 0), sum(tokens), sum(seconds)
                FROM verdict_rows WHERE run_id = $run GROUP BY stage
            UNION ALL SELECT 'solution', count(*) FILTER (tokens > 0 OR seconds > 0), sum(tokens), sum(seconds)
                FROM solution_rows WHERE run_id = $run
            UNION ALL SELECT 'pair', count(*) FILTER (seconds > 0), 0, sum(seconds)
                FROM reward_rows WHERE run_id = $run)
        GROUP BY stage"""
    found = {row[0]: Cost(*row) for row in cursor.execute(query, {"run": run_id}).fetchall()}
    return [found.get(stage, Cost(stage, 0, 0, 0.0)) for stage in ("generated", *STAGES)]


def spend(cursor: duckdb.DuckDBPyConnection, *runs: str) -> list[StageSpend]:
    """What each stage of these runs together has cost, in order, ``generated`` first; empty where no model had a
    price."""
    query = """
        SELECT stage, sum(requests)::BIGINT, sum(tokens_in)::BIGINT, sum(tokens_out)::BIGINT, sum(cost_usd) FROM spend
        WHERE run_id IN (SELECT unnest(?)) GROUP BY stage"""
    found = {row[0]: StageSpend(*row) for row in cursor.execute(query, [list(runs)]).fetchall()}
    return [found[stage] for stage in ("generated", *STAGES) if stage in found]


def sampling(cursor: duckdb.DuckDBPyConnection, run_id: str, n: int) -> Sampling:
    """The solutions of the run's questions that the solution stage has judged, and what ``n`` of each would be."""
    query = """
        SELECT count(*), coalesce(sum(samples), 0)::BIGINT, coalesce(sum(tokens), 0)::BIGINT,
            coalesce(sum(tokens / samples), 0.0) * $n
        FROM (SELECT q, count(*) AS samples, sum(tokens) AS tokens FROM solution_rows
            SEMI JOIN (SELECT q FROM verdict_rows WHERE run_id = $run AND stage = 'solution') USING (q)
            WHERE run_id = $run GROUP BY q)"""
    questions, samples, tokens, fixed = cursor.execute(query, {"run": run_id, "n": n}).fetchall()[0]
    return Sampling(questions, samples, tokens, n * questions, round(fixed))


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
        SELECT run_id, sum(questions)::BIGINT, sum(pairs)::BIGINT, sum(failed)::BIGINT, sum(cost) FROM (
            SELECT run_id, 1 AS questions, 0 AS pairs, 0 AS failed, NULL::DOUBLE AS cost FROM question_rows
            UNION ALL SELECT run_id, 0, 1, 0, NULL FROM verdict_rows WHERE stage = 'pair' AND kept
            UNION ALL SELECT run_id, 0, 0, 1, NULL FROM errors
            UNION ALL SELECT run_id, 0, 0, 0, cost_usd FROM spend)
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
    return [ErrorRow(*[*row[:-1], from_db(row[-1])]) for row in cursor.execute(query, [run_id]).fetchall()]


def kept_texts(cursor: duckdb.DuckDBPyConnection, run_id: str, stage: str) -> list[str]:
    """The texts of the run's decided questions that this stage kept."""
    query = f"""
        SELECT text FROM question_text SEMI JOIN ({DECIDED}) USING (q)
        SEMI JOIN (SELECT q FROM verdict_rows WHERE q BETWEEN $low AND $high AND stage = $stage AND kept) USING (q)
        WHERE q BETWEEN $low AND $high"""
    return _column(cursor, query, run_id, stage)


def scores(cursor: duckdb.DuckDBPyConnection, run_id: str, stage: str) -> list[float]:
    """The scores that this stage gave to the run's decided questions."""
    query = f"""
        SELECT score FROM verdict_rows SEMI JOIN ({DECIDED}) USING (q)
        WHERE q BETWEEN $low AND $high AND stage = $stage AND score IS NOT NULL"""
    return _column(cursor, query, run_id, stage)


def _column(cursor: duckdb.DuckDBPyConnection, query: str, run_id: str, stage: str) -> list[Any]:
    ends = bounds(cursor, run_id)
    return [] if ends is None else [row[0] for row in cursor.execute(query, {**ends, "stage": stage}).fetchall()]


def bounds(cursor: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, int] | None:
    """``low`` and ``high`` of the run's keys; None for a run without rows."""
    number = ids.number_of(cursor, run_id)
    return None if number is None else {"low": ids.key(number, 0), "high": ids.key(number + 1, 0) - 1}
