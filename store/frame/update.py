"""Updating a frame with new decisions: only the questions concerned are read again.

The result is a new frame that shares unchanged columns with the old one, which other requests may still use. Decisions
change a question's status, tags and edits, whether it is a pair, and its chosen solution and texts, nothing else.
"""

import copy
import json
import threading
from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from store.database.arrow import registered
from store.database.outcomes import is_pair
from store.database.views import reviewed
from store.frame import load
from store.frame.bins import nice
from store.frame.frame import COUNTED, LENGTHS, Array, Frame, Version

_AT_ONCE = 100_000
"""Questions read at a time."""
_FEW = 200
"""Up to this many keys are written into the statement."""
_TEXTS = ("status", "tags")
_OF_SOLUTION = ("correct", "finish_reason", "majority")
_FLAGS = ("edited", "pair")
_CHANGING = frozenset((*_TEXTS, *_OF_SOLUTION, "edited", *LENGTHS))
"""The conditions of a filter whose cached rows are dropped."""

# The newest rows by count, not by rowid: DuckDB may renumber rows after a run was deleted.
_CONCERNED = """
    WITH fresh AS (
        SELECT q, action, payload FROM decision_rows
        WHERE rowid >= (SELECT min(turn) FROM (
            SELECT rowid AS turn FROM decision_rows ORDER BY turn DESC LIMIT $new))),
    taken AS (
        SELECT (payload ->> 'event_id') AS event, (payload ->> 'batch_id') AS batch FROM fresh WHERE action = 'undo')
    SELECT q FROM fresh
    UNION SELECT q FROM decision_rows WHERE event_id IN (SELECT event FROM taken WHERE event IS NOT NULL)
    UNION SELECT q FROM decision_rows WHERE batch_id IN (SELECT batch FROM taken WHERE batch IS NOT NULL)"""
_OTHERWISE = """
    SELECT DISTINCT q FROM decision_rows
    WHERE action = 'edit' OR (action = 'accept' AND CAST(payload AS VARCHAR) <> '{}')"""
"""Questions whose texts or chosen solution may have changed, not only status and tags."""


def patched(cursor: duckdb.DuckDBPyConnection, frame: Frame, version: Version) -> Frame | None:
    """The frame as ``load.read`` would give it; None if it must be read in full, because most of it is concerned or it
    lacks questions. ``version``: the current one, equal to the frame's except for decisions.
    """
    cursor.execute("BEGIN")  # all parts see the same state
    try:
        count = int(cursor.execute("SELECT count(*) FROM decision_rows").fetchall()[0][0])
        new = count - frame.version.decisions
        if new < 0:
            return None
        keys = np.sort(np.asarray(cursor.execute(_CONCERNED, {"new": new}).fetchnumpy()["q"], np.int64))
        at = frame.places(keys)
        other = np.isin(keys, np.asarray(cursor.execute(_OTHERWISE).fetchnumpy()["q"], np.int64))
        if len(at) < len(keys) or 2 * np.count_nonzero(other) > max(frame.size, _AT_ONCE):
            return None
        texts = keys[other]
        tables = [_rows(cursor, texts[first : first + _AT_ONCE]) for first in range(0, len(texts), _AT_ONCE)]
        decided = _decided(cursor, keys[~other])
    finally:
        cursor.execute("ROLLBACK")
    made = _shared(frame, version._replace(decisions=count))
    moved = {"status"}
    if tables:
        table = pa.concat_tables(tables).unify_dictionaries().sort_by("q")
        _name(made, at[other], table, (*_TEXTS, *_OF_SOLUTION))
        for name in _FLAGS:
            _flag(made, name, at[other], table[name].to_numpy(zero_copy_only=False))
        moved |= {name for name in LENGTHS if _moved(made, name, at[other], table)} | {*_OF_SOLUTION}
    _name(made, at[~other], decided, _TEXTS)
    _flag(made, "edited", at[~other], False)
    _flag(made, "pair", at[~other], _pairs(made, at[~other]))
    _count(made, frame, at, moved)
    return made


def _rows(cursor: duckdb.DuckDBPyConnection, keys: Array) -> pa.Table:
    """All columns of a frame, of these questions."""
    if len(keys) > _FEW:
        return load.part(cursor, "{}.q IN (SELECT unnest($q))", {"q": keys.tolist()})
    return load.part(cursor, _written(keys), {})


def _decided(cursor: duckdb.DuckDBPyConnection, keys: Array) -> pa.Table:
    """Status and tags of these questions, in order."""
    where = _written(keys) if len(keys) <= _FEW else "{}.q IN (FROM patched_keys)"
    query = f"""
        SELECT coalesce(e.status, 'unreviewed') AS status, coalesce(CAST(to_json(e.tags) AS VARCHAR), '[]') AS tags
        FROM patched_keys LEFT JOIN ({reviewed(where)}) e USING (q) ORDER BY q"""
    with registered(cursor, patched_keys=pa.table({"q": keys})):
        return cursor.sql(query).to_arrow_table()


def _written(keys: Array) -> str:
    """The condition with literal keys: DuckDB reads only the blocks that can hold them."""
    return f"{{}}.q IN ({', '.join(map(str, keys.tolist()))})" if len(keys) else "false"


def _shared(frame: Frame, version: Version) -> Frame:
    made = copy.copy(frame)
    made.version = version
    made._lock, made._of_model = threading.Lock(), {}
    with frame._lock:
        made._fails = {key: rows for key, rows in frame._fails.items() if key[0] not in _CHANGING}
        made._orders = dict(frame._orders)
    made.values, made.codes, made.numbers = dict(frame.values), dict(frame.codes), dict(frame.numbers)
    return made


def _name(made: Frame, at: Array, table: pa.Table, names: Sequence[str]) -> None:
    """Set these categories of these rows; new values are appended to the known ones."""
    for name in names if len(at) else ():
        column = table[name].combine_chunks()
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        values = list(made.values[name])
        place = {_hashed(value): code for code, value in enumerate(values)}
        mine = []
        for text in [*coded.dictionary.to_pylist(), *([None] if coded.null_count else [])]:
            value: Any = json.loads(text) if name == "tags" else text
            if _hashed(value) not in place:
                place[_hashed(value)] = len(values)
                values.append(value)
            mine.append(place[_hashed(value)])
        before = made.codes[name]
        codes = before.astype(np.promote_types(before.dtype, np.min_scalar_type(len(values))))
        codes[at] = np.array(mine)[coded.indices.fill_null(len(coded.dictionary)).to_numpy()]
        made.values[name], made.codes[name] = values, codes


def _flag(made: Frame, name: str, at: Array, flags: Any) -> None:
    column = getattr(made, name).copy()
    column[at] = flags
    setattr(made, name, column)


def _pairs(made: Frame, at: Array) -> Array:
    """Which of these rows are pairs; their texts and chosen solutions are unchanged. A row has a chosen solution if
    that solution's length is known.
    """
    passed = np.array([path.passed for path in made.stage_paths] or [False])
    accepted = np.array([status == "accepted" for status in made.values["status"]] or [False])
    has_solution = ~np.isnan(made.numbers["response_chars"][at])
    return is_pair(passed[made.stage_path[at]], accepted[made.codes["status"][at]], has_solution)


def _moved(made: Frame, name: str, at: Array, table: pa.Table) -> bool:
    """Set a number of these rows; True if any value changed."""
    old = made.numbers[name]
    new = table[name].cast(pa.float64()).to_numpy().astype(old.dtype)
    if np.array_equal(old[at], new, equal_nan=True):
        return False
    made.numbers[name] = old.copy()
    made.numbers[name][at] = new
    return True


def _count(made: Frame, before: Frame, at: Array, moved: set[str]) -> None:
    """Update the cubes of these rows in the dimensions ``moved``."""
    if lengths := moved & {*LENGTHS}:
        made._orders = {by: order for by, order in made._orders.items() if by.lstrip("-") not in lengths}
        made.bins = before.bins | {name: nice(made.numbers[name]) for name in lengths}
    if made.bins != before.bins or any(
        len(made.values[name]) != len(before.values[name]) for name in moved & {*COUNTED}
    ):
        made.count()
        return

    made.cubes = [
        cube.changed(at, [_codes(made, at, name) for name in cube.names]) if moved & {*cube.names} else cube
        for cube in before.cubes
    ]
    made.totals = before.totals | {name: _recounted(made, before, at, name) for name in moved}


def _recounted(made: Frame, before: Frame, at: Array, name: str) -> list[int]:
    """The totals of a dimension after the codes of these rows changed."""
    totals = np.array(before.totals[name])
    for frame, sign in ((before, -1), (made, 1)):
        totals += sign * np.bincount(_codes(frame, at, name), minlength=len(totals))
    counts: list[int] = totals.tolist()
    return counts


def _codes(frame: Frame, at: Array, name: str) -> Array:
    """The codes of these rows in a dimension of the cubes."""
    if name in frame.bins:
        return frame.bins[name].of(frame.numbers[name][at])
    found: Array = (frame.stage_path if name == "stage_path" else frame.codes[name])[at]
    return found


def _hashed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
