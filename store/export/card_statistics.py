"""Statistics of an export's rows for its dataset card, and the results of contamination checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from store.database.arrow import registered
from store.database.views import narrowed
from store.export.rows import Array, Selected, key_blocks

_NUMBERS = (
    "difficulty", "reward", "agreement", "n_solutions", "query_chars", "response_chars", "response_tokens",
    "reasoning_tokens",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """``numbers``: by column its values without nulls (``response_tokens``: as the solver counted them; imports have
    none). ``topics``, ``generators`` and ``correct`` (against gold answers): rows of each, most frequent first.
    """

    rows: int
    numbers: dict[str, Array]
    topics: list[tuple[str | None, int]]
    generators: list[tuple[str | None, int]]
    correct: list[tuple[str | None, int]]


@dataclass(frozen=True, slots=True)
class MeasuredRates:
    """The pass rates of a model: on how many of the selected questions, their mean, and how many it never or always
    solves."""

    model: str
    questions: int
    mean: float
    never: int
    always: int


@dataclass(frozen=True, slots=True)
class ContaminationCount:
    """The contamination stage's results for a run; ``judge`` is ``import`` where nothing was checked."""

    run_id: str
    judge: str
    entered: int
    dropped: int


def figures(cursor: duckdb.DuckDBPyConnection, selected: Selected) -> Figures:
    """The statistics of selected rows of ``pairs``."""
    parts = [_part(cursor, keys) for keys in key_blocks(cursor, selected)]
    numbers: dict[str, Array] = {}
    for name in _NUMBERS:
        columns = [part[name].cast(pa.float64()).to_numpy() for part in parts]
        values = np.concatenate(columns) if columns else np.zeros(0)
        numbers[name] = values[~np.isnan(values)]
    counts = (_most_frequent(parts, name) for name in ("topic", "generator", "correct"))
    return Figures(selected.rows.num_rows, numbers, *counts)


def measured_rates(cursor: duckdb.DuckDBPyConnection, selected: Selected) -> list[MeasuredRates]:
    """The pass rates of each model on the selected questions, by its name."""
    query = """
        SELECT model, count(*), avg(rate), count(*) FILTER (rate = 0), count(*) FILTER (rate = 1) FROM (
            SELECT model, arg_max(pass_rate, rowid) AS rate FROM rate_rows
            WHERE q IN (SELECT q FROM chosen) GROUP BY q, model)
        GROUP BY model ORDER BY model"""
    with registered(cursor, chosen=selected.rows.select(["q"])):
        return [MeasuredRates(*row) for row in cursor.execute(query).fetchall()]


def contamination_counts(cursor: duckdb.DuckDBPyConnection, runs: Sequence[str]) -> list[ContaminationCount]:
    """The results of the contamination stage for these runs, in their order."""
    query = """
        SELECT run_id, judge, count(*), count(*) FILTER (NOT kept) FROM verdict_rows
        WHERE stage = 'contamination' AND run_id IN (SELECT unnest($runs)) GROUP BY run_id, judge ORDER BY judge"""
    counts = [ContaminationCount(*row) for row in cursor.execute(query, {"runs": list(runs)}).fetchall()]
    return sorted(counts, key=lambda count: (runs.index(count.run_id), count.judge))


def _part(cursor: duckdb.DuckDBPyConnection, keys: Any) -> pa.Table:
    low, high = keys["q"][0].as_py(), keys["q"][-1].as_py()
    edited = narrowed("pairs", "{}.q IN (SELECT q FROM keys WHERE edited)")
    query = f"""
        SELECT v.topic, v.generator, v.difficulty, v.reward, v.agreement, v.n_solutions,
            coalesce(length(e.query), q.chars) AS query_chars, coalesce(length(e.response), c.chars) AS response_chars,
            c.tokens AS response_tokens, c.reasoning_tokens, c.correct
        FROM (SELECT q, topic, generator, difficulty, reward, agreement, n_solutions
              FROM ({narrowed("pairs", f"{{}}.q BETWEEN {low:d} AND {high:d}")})) v
        JOIN keys k ON k.q = v.q
        JOIN question_rows q ON q.q = k.q AND q.q BETWEEN {low:d} AND {high:d}
        JOIN solution_rows c ON c.q = k.q AND c.sample = k.sample AND c.q BETWEEN {low:d} AND {high:d}
        LEFT JOIN (SELECT q, query, response FROM ({edited})) e ON e.q = k.q"""
    with registered(cursor, keys=keys):
        return cursor.sql(query).to_arrow_table()


def _most_frequent(parts: Sequence[pa.Table], name: str) -> list[tuple[str | None, int]]:
    counts: dict[str | None, int] = {}
    for part in parts:
        for one in part[name].value_counts().to_pylist():
            counts[one["values"]] = counts.get(one["values"], 0) + one["counts"]
    return sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))
