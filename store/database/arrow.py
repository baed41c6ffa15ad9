"""Records to Arrow tables, one per physical table.

A list comprehension per column costs under a microsecond a value; row-wise inserts cost a hundred times that.
"""

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from store.database.ids import key
from store.records import (
    Decision,
    ErrorRow,
    Label,
    Preference,
    Question,
    QuestionSignature,
    Rate,
    Record,
    Reward,
    Solution,
    Spend,
    Verdict,
    question_id,
)

TEXT, WHOLE, REAL, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_UTC, _WHEN = pa.timestamp("us", tz="UTC"), pa.timestamp("us")


class Keyed(NamedTuple):
    """A record with the keys of its row; ``sample`` and ``leads`` (its solution's first reward) are of rewards only."""

    record: Any
    question_id: str
    run_id: str | None
    sample: int
    leads: bool
    q: int


_COLUMNS: dict[type, tuple[tuple[str, str], ...]] = {
    Question: (
        (
            "question_rows",
            "question_id run_id idx generator template_id params seed tokens finish_reason seconds reference_answer "
            "chars created_at q",
        ),
        ("question_text", "question_id run_id text extra q"),
    ),
    Verdict: (("verdict_rows", "question_id run_id stage judge kept score reason raw tokens seconds created_at q"),),
    Solution: (
        (
            "solution_rows",
            "question_id run_id sample answer solver seed tokens seconds finish_reason chars created_at q "
            "reasoning_tokens reasoning_chars correct",
        ),
        ("solution_text", "question_id run_id sample text q reasoning"),
    ),
    Rate: (("rate_rows", "question_id run_id model sampling pass_rate n correct undecided mean_tokens created_at q"),),
    Reward: (("reward_rows", "question_id run_id sample reward_model reward seconds leads q"),),
    Label: (("label_rows", "question_id run_id key value model q"),),
    QuestionSignature: (("signature_rows", "question_id run_id place method exact content mask size bands words q"),),
    ErrorRow: (("errors", "run_id idx stage message raw attempt created_at"),),
    Spend: (("spend_rows", "run_id stage model requests tokens_in tokens_out cost_usd created_at"),),
    Decision: (
        (
            "decision_rows",
            "event_id question_id run_id reviewer action payload batch_id queue sampling_p created_at q",
        ),
    ),
    Preference: (("preference_rows", "pair_id chosen rejected direction source question_id run_id created_at"),),
}
"""The tables of each kind of record, with their columns in order."""
_TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(
        (
            "idx",
            "seed",
            "tokens",
            "sample",
            "attempt",
            "chars",
            "q",
            "reasoning_tokens",
            "reasoning_chars",
            "n",
            "undecided",
            "place",
            "size",
            "requests",
            "tokens_in",
            "tokens_out",
        ),
        WHOLE,
    ),
    **dict.fromkeys(("exact", "content", "mask"), pa.uint64()),
    **dict.fromkeys(("bands", "words"), pa.binary()),
    **dict.fromkeys(("seconds", "score", "reward", "sampling_p", "pass_rate", "mean_tokens", "cost_usd"), REAL),
    **dict.fromkeys(("kept", "leads"), FLAG),
}
"""Of the columns that are not texts."""


def split(question_id: str) -> tuple[str, int]:
    """``(run_id, idx)`` of a question_id."""
    run_id, _, idx = question_id.rpartition("-")
    return run_id, int(idx)


def row_key(record: Record, places: dict[str, tuple[str, int]]) -> tuple[str, str, int, int]:
    """``(question_id, run_id, idx, sample)``, the sample only of rewards. ``places`` caches ids that were split."""
    sample = 0
    if isinstance(record, Reward):
        question, _, digits = record.solution_id.rpartition("-")
        sample = int(digits)
    elif isinstance(record, ErrorRow):
        return question_id(record.run_id, record.idx), record.run_id, record.idx, 0
    elif isinstance(record, Question):
        return record.question_id, record.run_id, record.idx, 0
    elif isinstance(record, Spend):
        return "", record.run_id, 0, 0
    elif isinstance(record, Preference) and record.question_id is None:
        return "", "", 0, 0
    else:
        question = str(record.question_id)
    place = places.get(question)
    if place is None:
        place = places[question] = split(question)
    return question, place[0], place[1], sample


def insert(cursor: duckdb.DuckDBPyConnection, kinds: dict[type[Record], list[Keyed]]) -> None:
    """Insert records, given by kind."""
    for kind, rows in kinds.items():
        for table, data in tables(kind, rows) if rows else ():
            cursor.from_arrow(data).insert_into(table)


def insert_records(
    cursor: duckdb.DuckDBPyConnection, number: int, records: Sequence[Record], leads: Sequence[bool] = ()
) -> None:
    """Insert records of the run of this number. ``leads``: of rewards, whether each is its solution's first."""
    kinds: dict[type[Record], list[Keyed]] = {}
    for place, record in enumerate(records):
        question, run_id, idx, sample = row_key(record, {})
        first = bool(leads) and leads[place]
        keyed = Keyed(record, question, run_id, sample, first, key(number, idx))
        kinds.setdefault(type(record), []).append(keyed)
    insert(cursor, kinds)


@contextmanager
def registered(cursor: duckdb.DuckDBPyConnection, **tables: pa.Table) -> Iterator[None]:
    """Inside, the cursor's statements read these tables by their names."""
    for name, table in tables.items():
        cursor.register(name, table)
    try:
        yield
    finally:
        for name in tables:
            cursor.unregister(name)


def tables(kind: type[Record], rows: Sequence[Keyed]) -> Iterator[tuple[str, pa.Table]]:
    """The (physical table, its new rows) that records of one kind make, columns in the table's order."""
    for table, columns in _COLUMNS[kind]:
        yield table, pa.table({name: _column(kind, name, rows) for name in columns.split()})


def _column(kind: type[Record], name: str, rows: Sequence[Keyed]) -> pa.Array:
    if name == "created_at":
        return pa.array([row.record.created_at for row in rows], _UTC).cast(_WHEN)
    if name == "chars":
        return pa.array([len(row.record.text) for row in rows], WHOLE)
    if name == "reasoning_chars":
        return pa.array([len(row.record.reasoning or "") for row in rows], WHOLE)
    values: list[Any]
    if name in ("params", "extra", "payload", "sampling"):
        values = [as_json(getattr(row.record, name)) for row in rows]
    elif name in kind.__dataclass_fields__:
        values = [getattr(row.record, name) for row in rows]
    else:
        values = [getattr(row, name) for row in rows]
    type_ = WHOLE if kind is Rate and name == "correct" else _TYPES.get(name, TEXT)
    if type_ is REAL:  # NaN sorts above every number in SQL and would win every best-of-n
        values = [value if value == value else None for value in values]
    try:
        return pa.array(values, type_)
    except UnicodeEncodeError:  # a lone surrogate, which a server may send: stored as a question mark
        return pa.array([v if v is None else v.encode("utf-8", "replace").decode() for v in values], type_)


def as_json(value: dict[str, Any]) -> str:
    """``value`` as JSON that DuckDB accepts: NaN and infinity become null, other types their text."""
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


def dictionary_encoded(table: pa.Table) -> pa.Table:
    """The table with its text columns dictionary-encoded, for values that repeat."""
    for place, name in enumerate(table.column_names):
        if pa.types.is_string(table[name].type):
            table = table.set_column(place, name, table[name].dictionary_encode())
    return table
