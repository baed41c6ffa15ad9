"""Records to Arrow tables, one per physical table. Knows the shape of rows, nothing of transactions or what is stored.

Speed is the point: a list comprehension per column costs under a microsecond a value, where row-wise inserts cost a
hundred times that.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from store.records import Decision, ErrorRow, Label, Preference, Question, Record, Reward, Solution, Verdict

Keyed = tuple[Any, str, str, int, bool, int]
"""A record, its question_id, its run_id; of rewards (else 0 and False) their sample, and whether they lead; its q."""

TEXT, WHOLE, REAL, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_UTC, _WHEN = pa.timestamp("us", tz="UTC"), pa.timestamp("us")


def split(question_id: str) -> tuple[str, int]:
    """``(run_id, idx)`` of a question_id."""
    run_id, _, idx = question_id.rpartition("-")
    return run_id, int(idx)


def tables(kind: type[Record], rows: Sequence[Keyed]) -> Iterator[tuple[str, pa.Table]]:
    """The (physical table, its new rows) that records of one kind make, columns in the table's order."""
    yield from _BUILD[kind](rows)


def as_json(value: dict[str, Any]) -> str:
    """``value`` as JSON that DuckDB takes: no NaN or infinity (they become null), other types as their text."""
    if not value:
        return "{}"
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError):
        return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:  # a lone surrogate, which a server may send: stored as a question mark
        return pa.array([v if v is None else v.encode("utf-8", "replace").decode() for v in values], kind)


def _table(**columns: tuple[list[Any], pa.DataType]) -> pa.Table:
    return pa.table({name: _column(values, kind) for name, (values, kind) in columns.items()})


def _when(rows: Sequence[Keyed]) -> pa.Table:
    return pa.array([k[0].created_at for k in rows], _UTC).cast(_WHEN)


def _keys(rows: Sequence[Keyed]) -> pa.Array:
    return pa.array([k[5] for k in rows], WHOLE)


def _number(value: float | None) -> float | None:
    """NaN sorts above every number in SQL and would win every best-of-n: it is no score."""
    return value if value == value else None


def _questions(rows: Sequence[Keyed]) -> Iterator[tuple[str, pa.Table]]:
    ids, runs = ([k[1] for k in rows], TEXT), ([k[2] for k in rows], TEXT)
    found: list[Question] = [k[0] for k in rows]
    narrow = _table(
        question_id=ids,
        run_id=runs,
        idx=([r.idx for r in found], WHOLE),
        generator=([r.generator for r in found], TEXT),
        template_id=([r.template_id for r in found], TEXT),
        params=([as_json(r.params) for r in found], TEXT),
        seed=([r.seed for r in found], WHOLE),
        tokens=([r.tokens for r in found], WHOLE),
        finish_reason=([r.finish_reason for r in found], TEXT),
        seconds=([r.seconds for r in found], REAL),
        reference_answer=([r.reference_answer for r in found], TEXT),
        chars=([len(r.text) for r in found], WHOLE),
    )
    keys = _keys(rows)
    yield "question_rows", narrow.append_column("created_at", _when(rows)).append_column("q", keys)
    texts, extras = ([r.text for r in found], TEXT), ([as_json(r.extra) for r in found], TEXT)
    yield "question_text", _table(question_id=ids, run_id=runs, text=texts, extra=extras).append_column("q", keys)


def _verdicts(rows: Sequence[Keyed]) -> Iterator[tuple[str, pa.Table]]:
    found: list[Verdict] = [k[0] for k in rows]
    table = _table(
        question_id=([k[1] for k in rows], TEXT),
        run_id=([k[2] for k in rows], TEXT),
        stage=([r.stage for r in found], TEXT),
        judge=([r.judge for r in found], TEXT),
        kept=([r.kept for r in found], FLAG),
        score=([_number(r.score) for r in found], REAL),
        reason=([r.reason for r in found], TEXT),
        raw=([r.raw for r in found], TEXT),
        tokens=([r.tokens for r in found], WHOLE),
        seconds=([r.seconds for r in found], REAL),
    )
    yield "verdict_rows", table.append_column("created_at", _when(rows)).append_column("q", _keys(rows))


def _solutions(rows: Sequence[Keyed]) -> Iterator[tuple[str, pa.Table]]:
    ids, runs = ([k[1] for k in rows], TEXT), ([k[2] for k in rows], TEXT)
    found: list[Solution] = [k[0] for k in rows]
    samples = ([r.sample for r in found], WHOLE)
    narrow = _table(
        question_id=ids,
        run_id=runs,
        sample=samples,
        answer=([r.answer for r in found], TEXT),
        solver=([r.solver for r in found], TEXT),
        seed=([r.seed for r in found], WHOLE),
        tokens=([r.tokens for r in found], WHOLE),
        seconds=([r.seconds for r in found], REAL),
        finish_reason=([r.finish_reason for r in found], TEXT),
        chars=([len(r.text) for r in found], WHOLE),
    )
    keys = _keys(rows)
    yield "solution_rows", narrow.append_column("created_at", _when(rows)).append_column("q", keys)
    texts = ([r.text for r in found], TEXT)
    yield "solution_text", _table(question_id=ids, run_id=runs, sample=samples, text=texts).append_column("q", keys)


def _rewards(rows: Sequence[Keyed]) -> Iterator[tuple[str, pa.Table]]:
    found: list[Reward] = [k[0] for k in rows]
    table = _table(
        question_id=([k[1] for k in rows], TEXT),
        run_id=([k[2] for k in rows], TEXT),
        sample=([k[3] for k in rows], WHOLE),
        reward_model=([r.reward_model for r in found], TEXT),
        reward=([_number(r.reward) for r in found], REAL),
        seconds=([r.seconds for r in found], REAL),
        leads=([k[4] for k in rows], FLAG),
    )
    yield "reward_rows", table.append_column("q", _keys(rows))


def _labels(rows: Sequence[Keyed]) -> Iterator[tuple[str, pa.Table]]:
    found: list[Label] = [k[0] for k in rows]
    table = _table(
        question_id=([k[1] for k in rows], TEXT),
        run_id=([k[2] for k in rows], TEXT),
        key=([r.key for r in found], TEXT),
        value=([r.value for r in found], TEXT),
        model=([r.model for r in found], TEXT),
    )
    yield "label_rows", table.append_column("q", _keys(rows))


def _errors(rows: Sequence[Keyed]) -> Iterator[tuple[str, pa.Table]]:
    found: list[ErrorRow] = [k[0] for k in rows]
    table = _table(
        run_id=([r.run_id for r in found], TEXT),
        idx=([r.idx for r in found], WHOLE),
        stage=([r.stage for r in found], TEXT),
        message=([r.message for r in found], TEXT),
        raw=([r.raw for r in found], TEXT),
        attempt=([r.attempt for r in found], WHOLE),
    )
    yield "errors", table.append_column("created_at", _when(rows))


def _decisions(rows: Sequence[Keyed]) -> Iterator[tuple[str, pa.Table]]:
    found: list[Decision] = [k[0] for k in rows]
    table = _table(
        event_id=([r.event_id for r in found], TEXT),
        question_id=([k[1] for k in rows], TEXT),
        run_id=([k[2] for k in rows], TEXT),
        reviewer=([r.reviewer for r in found], TEXT),
        action=([r.action for r in found], TEXT),
        payload=([as_json(r.payload) for r in found], TEXT),
        batch_id=([r.batch_id for r in found], TEXT),
        queue=([r.queue for r in found], TEXT),
        sampling_p=([_number(r.sampling_p) for r in found], REAL),
    )
    yield "decision_rows", table.append_column("created_at", _when(rows)).append_column("q", _keys(rows))


def _preferences(rows: Sequence[Keyed]) -> Iterator[tuple[str, pa.Table]]:
    found: list[Preference] = [k[0] for k in rows]
    table = _table(
        pair_id=([r.pair_id for r in found], TEXT),
        chosen=([r.chosen for r in found], TEXT),
        rejected=([r.rejected for r in found], TEXT),
        direction=([r.direction for r in found], TEXT),
        source=([r.source for r in found], TEXT),
        question_id=([r.question_id for r in found], TEXT),
        run_id=([k[2] or None for k in rows], TEXT),
    )
    yield "preference_rows", table.append_column("created_at", _when(rows))


_BUILD: dict[type, Callable[[Sequence[Keyed]], Iterator[tuple[str, pa.Table]]]] = {
    Question: _questions,
    Verdict: _verdicts,
    Solution: _solutions,
    Reward: _rewards,
    Label: _labels,
    ErrorRow: _errors,
    Decision: _decisions,
    Preference: _preferences,
}


def dictionary_encoded(table: pa.Table) -> pa.Table:
    """The table with its text columns dictionary-encoded, for values that repeat."""
    for place, name in enumerate(table.column_names):
        if pa.types.is_string(table[name].type):
            table = table.set_column(place, name, table[name].dictionary_encode())
    return table
