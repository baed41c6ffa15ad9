"""A first look at a run, on the asker's own cursor: its funnel, its distributions and a few of its pairs.

Counts come in two: of all the run's questions, dropped ones too, and of those that became pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from store.reads import FunnelRow, funnel

BINS = 20


@dataclass(frozen=True, slots=True)
class Bin:
    """``label`` of a category, or the range [low, high) of a number (the last one closed); counts of questions."""

    label: str
    low: float | None
    high: float | None
    every: int
    kept: int


@dataclass(frozen=True, slots=True)
class Pair:
    """What a reader sees first of a pair; ``difficulty`` and ``reward`` are None where they were not computed."""

    question_id: str
    query: str
    response: str
    topic: str | None
    difficulty: float | None
    reward: float | None
    agreement: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """``counts`` by name: difficulty, reward, agreement, topic, length (characters of the question)."""

    funnel: list[FunnelRow]
    counts: dict[str, list[Bin]]
    pairs: list[Pair]


_NUMBERS = {"difficulty": "difficulty", "reward": "best_reward", "agreement": "agreement", "length": "query_chars"}


def overview(cursor: duckdb.DuckDBPyConnection, run_id: str, pairs: int = 3) -> Overview:
    """What there is of the run now; a run without rows gives empty lists, never an error."""
    counts = {name: counted for name, (counted,) in _counts(cursor, [run_id]).items()}
    return Overview(funnel(cursor, run_id), counts, _pairs(cursor, run_id, pairs))


def compared(cursor: duckdb.DuckDBPyConnection, first: str, second: str) -> dict[str, tuple[list[Bin], list[Bin]]]:
    """The distributions of two runs, by name as in ``Overview.counts``, on the same bins; both empty where neither
    run has a value."""
    return {name: (one, other) for name, (one, other) in _counts(cursor, [first, second]).items()}


def _counts(cursor: duckdb.DuckDBPyConnection, runs: list[str]) -> dict[str, list[list[Bin]]]:
    """Every distribution, a list of bins for each run; the runs share them."""
    cursor.execute(
        """
        CREATE OR REPLACE TEMP TABLE looked_at AS
        SELECT i.run_id, i.difficulty, i.best_reward, i.agreement, i.topic, i.query_chars,
            p.question_id IS NOT NULL AS kept
        FROM items i LEFT JOIN (SELECT question_id FROM pairs WHERE run_id IN (SELECT unnest($runs))) p
            USING (question_id)
        WHERE i.run_id IN (SELECT unnest($runs))""",
        {"runs": runs},
    )
    try:
        counts = {name: _numbers(cursor, column, runs) for name, column in _NUMBERS.items()}
        counts["topic"] = _topics(cursor, runs)
    finally:
        cursor.execute("DROP TABLE looked_at")
    return counts


def _numbers(cursor: duckdb.DuckDBPyConnection, column: str, runs: list[str]) -> list[list[Bin]]:
    """Equal bins over what there is; over [0, 1] for shares."""
    low, high = cursor.execute(f"SELECT min({column})::DOUBLE, max({column})::DOUBLE FROM looked_at").fetchall()[0]
    if low is None:
        return [[] for _ in runs]
    if column in ("difficulty", "agreement"):
        low, high = 0.0, 1.0
    width = (high - low) / BINS or 1.0
    query = f"""
        SELECT run_id, greatest(least(floor(({column} - $low) / $width), {BINS - 1}), 0)::INTEGER AS bin, count(*),
            count(*) FILTER (kept) FROM looked_at WHERE {column} IS NOT NULL GROUP BY run_id, bin"""
    rows = cursor.execute(query, {"low": low, "width": width}).fetchall()
    found = {(run, bin): (every, kept) for run, bin, every, kept in rows}
    edges = [(low + i * width, low + (i + 1) * width) for i in range(BINS)]
    return [
        [Bin(f"{a:.4g} to {b:.4g}", a, b, *found.get((run, i), (0, 0))) for i, (a, b) in enumerate(edges)]
        for run in runs
    ]


def _topics(cursor: duckdb.DuckDBPyConnection, runs: list[str]) -> list[list[Bin]]:
    """The topics that any of the runs has, most frequent first."""
    query = """
        SELECT run_id, topic, count(*) AS every, count(*) FILTER (kept) FROM looked_at WHERE topic IS NOT NULL
        GROUP BY run_id, topic ORDER BY sum(every) OVER (PARTITION BY topic) DESC, topic"""
    rows = cursor.execute(query).fetchall()
    found = {(run, topic): (every, kept) for run, topic, every, kept in rows}
    topics = list(dict.fromkeys(topic for _, topic, _, _ in rows))
    return [[Bin(topic, None, None, *found.get((run, topic), (0, 0))) for topic in topics] for run in runs]


def _pairs(cursor: duckdb.DuckDBPyConnection, run_id: str, n: int) -> list[Pair]:
    """The n pairs of the best reward."""
    query = """
        SELECT question_id, query, response, topic, difficulty, reward, agreement FROM pairs WHERE run_id = ?
        ORDER BY reward DESC NULLS LAST, question_id LIMIT ?"""
    return [Pair(*row) for row in cursor.execute(query, [run_id, n]).fetchall()]
