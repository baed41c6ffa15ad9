"""Measuring pass rates of a stored run: the questions that a model was not measured on yet, and their new rates.

A model has one rate a question: a measurement with another sampling replaces the older one.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from store.database import arrow, check_notes, ids
from store.database.replace_verdicts import key_range
from store.database.views import narrowed
from store.database.workspace import Workspace
from store.records import ErrorRow, Rate, Run, Spend

CHUNK = 1_000
"""Questions read at a time."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Which rates are meant: of a run's questions, by ``model``, from ``n`` rollouts with this ``sampling``."""

    run_id: str
    model: str
    sampling: dict[str, Any]
    n: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question with a gold answer, as a reviewer edited it."""

    question_id: str
    idx: int
    text: str
    gold: str


@dataclass(frozen=True, slots=True)
class Extent:
    """The run's questions with a gold answer that no stage dropped; of those measured the sums of their counts."""

    prompts: int
    measured: int
    rollouts: int
    right: int
    undecided: int


_PROMPTS = f"({narrowed('prompts', '{}.q BETWEEN $low AND $high')})"
_MEASURED = """
    SELECT q, n, correct, undecided FROM rate_rows WHERE q BETWEEN $low AND $high AND model = $model AND n = $n
        AND CAST(sampling AS VARCHAR) IN (SELECT unnest(CAST($sampling AS VARCHAR[])))"""


def extent(cursor: duckdb.DuckDBPyConnection, wanted: Measurement) -> Extent:
    query = f"""
        SELECT count(*), count(r.q), coalesce(sum(r.n), 0), coalesce(sum(r.correct), 0), coalesce(sum(r.undecided), 0)
        FROM {_PROMPTS} p LEFT JOIN ({_MEASURED}) r ON r.q = p.q"""
    return Extent(*map(int, cursor.execute(query, _values(cursor, wanted)).fetchall()[0]))


def unmeasured(cursor: duckdb.DuckDBPyConnection, wanted: Measurement) -> Iterator[Prompt]:
    """The questions without such a rate, by idx; read lazily: use the cursor for nothing else meanwhile."""
    values = _values(cursor, wanted)
    keys = cursor.execute(
        f"SELECT q FROM {_PROMPTS} p WHERE q NOT IN (SELECT q FROM ({_MEASURED})) ORDER BY q", values
    ).fetchnumpy()["q"]
    texts = f"SELECT question_id, query, reference_answer FROM ({narrowed('prompts')}) ORDER BY q"
    for first in range(0, len(keys), CHUNK):
        for key, text, gold in cursor.execute(texts, {"q": keys[first : first + CHUNK].tolist()}).fetchall():
            yield Prompt(key, arrow.split(key)[1], text, gold)


def write(
    workspace: Workspace,
    run: Run,
    name: str,
    note: dict[str, Any],
    rates: Sequence[Rate],
    others: Sequence[ErrorRow | Spend],
) -> None:
    """Write rates in place of the same model's older ones, other rows, and the note of the check, called ``name``, in
    one transaction. InputError if the run was deleted."""

    def write(cursor: duckdb.DuckDBPyConnection) -> None:
        check_notes.require_run(cursor, run.run_id)
        number = ids.number_of(cursor, run.run_id) or 0
        if rates:
            q = [ids.key(number, arrow.split(rate.question_id)[1]) for rate in rates]
            values = {"low": min(q), "high": max(q), "model": rates[0].model, "q": q}
            mine = "q BETWEEN $low AND $high AND model = $model AND q IN (SELECT unnest($q))"
            cursor.execute(f"DELETE FROM rate_rows WHERE {mine}", values)
        arrow.insert_records(cursor, number, [*rates, *others])
        check_notes.write(cursor, run.run_id, name, note)
        workspace.writer.forget_run(run.run_id)

    workspace.writer.call(write)


def _values(cursor: duckdb.DuckDBPyConnection, wanted: Measurement) -> dict[str, Any]:
    """The parameters of the queries; equal samplings may be written differently."""
    low, high = key_range(cursor, wanted.run_id)
    query = "SELECT DISTINCT CAST(sampling AS VARCHAR) FROM rate_rows WHERE q BETWEEN ? AND ? AND model = ?"
    stored = [text for (text,) in cursor.execute(query, [low, high, wanted.model]).fetchall()]
    same = [text for text in stored if text is not None and json.loads(text) == wanted.sampling]
    return {"low": low, "high": high, "model": wanted.model, "n": wanted.n, "sampling": same}
