"""A first look at runs, on the asker's own cursor: their funnel, their distributions and a few of their pairs.

Counts come in two: of all the questions of the runs, dropped ones too, and of those that became pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def overview(cursor: duckdb.DuckDBPyConnection, runs: Sequence[str], pairs: int = 3) -> Overview:
    """What there is of these runs, taken together; runs without rows give empty lists, never an error.

    The pairs are spread over the difficulty: of each of as many equal parts, from easy to hard, the one of the best
    reward.
    """
    counts = {name: counted for name, (counted,) in _counts(cursor, [runs]).items()}
    return Overview(funnel(cursor, *runs), counts, _pairs(cursor, runs, pairs))


def compared(cursor: duckdb.DuckDBPyConnection, first: str, second: str) -> dict[str, tuple[list[Bin], list[Bin]]]:
    """The distributions of two runs, by name as in ``Overview.counts``, on the same bins; both empty where neither
    run has a value."""
    return {name: (one, other) for name, (one, other) in _counts(cursor, [[first], [second]]).items()}


def _counts(cursor: duckdb.DuckDBPyConnection, sides: Sequence[Sequence[str]]) -> dict[str, list[list[Bin]]]:
    """Every distribution, a list of bins for each side (the runs taken together); the sides share them."""
    cursor.execute(
        """
        CREATE OR REPLACE TEMP TABLE looked_at AS
        WITH sides AS (SELECT unnest($runs) AS run_id, unnest($sides) AS side)
        SELECT s.side, i.difficulty, i.best_reward, i.agreement, i.topic, i.query_chars,
            p.question_id IS NOT NULL AS kept
        FROM items i JOIN sides s USING (run_id)
        LEFT JOIN (SELECT question_id FROM pairs WHERE run_id IN (SELECT unnest($runs))) p USING (question_id)""",
        {
            "runs": [run for side in sides for run in side],
            "sides": [number for number, side in enumerate(sides) for _ in side],
        },
    )
    every = range(len(sides))
    try:
        counts = {name: _numbers(cursor, column, every) for name, column in _NUMBERS.items()}
        counts["topic"] = _topics(cursor, every)
    finally:
        cursor.execute("DROP TABLE looked_at")
    return counts


def _numbers(cursor: duckdb.DuckDBPyConnection, column: str, sides: range) -> list[list[Bin]]:
    """Equal bins over what there is; over [0, 1] for shares."""
    low, high = cursor.execute(f"SELECT min({column})::DOUBLE, max({column})::DOUBLE FROM looked_at").fetchall()[0]
    if low is None:
        return [[] for _ in sides]
    if column in ("difficulty", "agreement"):
        low, high = 0.0, 1.0
    width = (high - low) / BINS or 1.0
    query = f"""
        SELECT side, greatest(least(floor(({column} - $low) / $width), {BINS - 1}), 0)::INTEGER AS bin, count(*),
            count(*) FILTER (kept) FROM looked_at WHERE {column} IS NOT NULL GROUP BY side, bin"""
    rows = cursor.execute(query, {"low": low, "width": width}).fetchall()
    found = {(side, bin): (every, kept) for side, bin, every, kept in rows}
    edges = [(low + i * width, low + (i + 1) * width) for i in range(BINS)]
    return [
        [Bin(f"{a:.4g} to {b:.4g}", a, b, *found.get((side, i), (0, 0))) for i, (a, b) in enumerate(edges)]
        for side in sides
    ]


def _topics(cursor: duckdb.DuckDBPyConnection, sides: range) -> list[list[Bin]]:
    """The topics that any side has, most frequent first."""
    query = """
        SELECT side, topic, count(*) AS every, count(*) FILTER (kept) FROM looked_at WHERE topic IS NOT NULL
        GROUP BY side, topic ORDER BY sum(every) OVER (PARTITION BY topic) DESC, topic"""
    rows = cursor.execute(query).fetchall()
    found = {(side, topic): (every, kept) for side, topic, every, kept in rows}
    topics = list(dict.fromkeys(topic for _, topic, _, _ in rows))
    return [[Bin(topic, None, None, *found.get((side, topic), (0, 0))) for topic in topics] for side in sides]


def _pairs(cursor: duckdb.DuckDBPyConnection, runs: Sequence[str], n: int) -> list[Pair]:
    """The pair of the best reward of each n-th of the difficulty, from easy to hard. Keys first, then their texts."""
    if not n:
        return []
    query = """
        WITH parts AS (
            SELECT question_id, reward, ntile($n) OVER (ORDER BY difficulty NULLS FIRST, question_id) AS part FROM pairs
            WHERE run_id IN (SELECT unnest($runs)))
        SELECT first(question_id ORDER BY reward DESC NULLS LAST, question_id) FROM parts GROUP BY part ORDER BY part"""
    chosen = [key for (key,) in cursor.execute(query, {"runs": list(runs), "n": n}).fetchall()]
    query = """
        SELECT question_id, query, response, topic, difficulty, reward, agreement FROM pairs
        WHERE question_id IN (SELECT unnest(?))"""
    found = [Pair(*row) for row in cursor.execute(query, [chosen]).fetchall()]
    return sorted(found, key=lambda pair: chosen.index(pair.question_id))
