"""A frame brought up to date with what reviewers decided since: only the questions concerned are read again.

Gives a new frame; what did not change is shared with the old one, which others may be looking at. Decisions change a
question's status, tags and edits, whether it is a pair, and the lengths of its texts, nothing else.
"""

from __future__ import annotations

import copy
import json
import threading
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from store import frame_rows
from store.bins import nice
from store.frame import Array, Frame, Version

_AT_ONCE = 100_000
"""Questions read at once."""
_FEW = 200
_TEXTS = ("status", "tags")
_FLAGS = ("edited", "pair")
_LENGTHS = ("query_chars", "response_tokens")
_CHANGING = frozenset((*_TEXTS, "edited", *_LENGTHS))
"""The conditions of a filter whose rows are looked for anew."""

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
# The newest rows by their number, not those beyond a rowid: DuckDB may count rows anew after a run was deleted.


def patched(cursor: duckdb.DuckDBPyConnection, frame: Frame, version: Version) -> Frame | None:
    """The frame as it would be read now; None where that must be read in full: most of it is concerned, or it has not
    all questions. ``version``: of now, the same as the frame's but for decisions.
    """
    cursor.execute("BEGIN")  # all parts at one moment
    try:
        count = int(cursor.execute("SELECT count(*) FROM decision_rows").fetchall()[0][0])
        new = count - frame.version.decisions
        if new < 0:
            return None
        keys = np.sort(np.asarray(cursor.execute(_CONCERNED, {"new": new}).fetchnumpy()["q"], np.int64))
        at = frame.places(keys)
        if len(at) < len(keys) or 2 * len(at) > max(frame.size, _AT_ONCE):
            return None
        found = [_rows(cursor, keys[first : first + _AT_ONCE]) for first in range(0, len(keys), _AT_ONCE)]
    finally:
        cursor.execute("ROLLBACK")
    version = version._replace(decisions=count)
    return _with(frame, at, pa.concat_tables(found).unify_dictionaries() if found else None, version)


def _rows(cursor: duckdb.DuckDBPyConnection, keys: Array) -> pa.Table:
    if len(keys) > _FEW:
        return frame_rows.part(cursor, "{}.q IN (SELECT unnest($q))", {"q": keys.tolist()})
    # written out, DuckDB reads the blocks that can hold them and no other
    return frame_rows.part(cursor, f"{{}}.q IN ({', '.join(map(str, keys.tolist()))})", {})


def _with(frame: Frame, at: Array, table: pa.Table | None, version: Version) -> Frame:
    """The frame with the rows of the table at these places; the table has them in any order."""
    made = copy.copy(frame)
    made.version = version
    made._lock = threading.Lock()
    with frame._lock:
        made._fails = {asked: rows for asked, rows in frame._fails.items() if asked[0] not in _CHANGING}
        made._orders = dict(frame._orders)
    if table is None:
        return made
    table = table.sort_by("q")
    made.values, made.codes, made.numbers = dict(frame.values), dict(frame.codes), dict(frame.numbers)
    for name in _TEXTS:
        given: list[Any] = [json.loads(text) if name == "tags" else text for text in table[name].to_pylist()]
        values = list(frame.values[name])
        place = {_hashed(value): code for code, value in enumerate(values)}
        for value in given:
            if _hashed(value) not in place:
                place[_hashed(value)] = len(values)
                values.append(value)
        codes = frame.codes[name].astype(np.promote_types(frame.codes[name].dtype, np.min_scalar_type(len(values))))
        codes[at] = [place[_hashed(value)] for value in given]
        made.values[name], made.codes[name] = values, codes
    for name in _FLAGS:
        flags = getattr(frame, name).copy()
        flags[at] = table[name].to_numpy(zero_copy_only=False)
        setattr(made, name, flags)
    moved = [name for name in _LENGTHS if _moved(made, name, at, table)]
    if moved:
        made._orders = {by: order for by, order in made._orders.items() if by.lstrip("-") not in moved}
        made.bins = frame.bins | {name: nice(made.numbers[name]) for name in moved}
    _count(made, frame, at, {"status", *moved})
    return made


def _moved(made: Frame, name: str, at: Array, table: pa.Table) -> bool:
    """Set a number of these rows; whether any of them is another now."""
    old = made.numbers[name]
    new = table[name].cast(pa.float64()).to_numpy().astype(old.dtype)
    if np.array_equal(old[at], new, equal_nan=True):
        return False
    made.numbers[name] = old.copy()
    made.numbers[name][at] = new
    return True


def _count(made: Frame, before: Frame, at: Array, moved: set[str]) -> None:
    """Bring the cubes to what these rows have now in the dimensions ``moved``."""
    if made.bins != before.bins or len(made.values["status"]) != len(before.values["status"]):
        made.count()
        return

    def codes(name: str) -> Array:
        if name in made.bins:
            return made.bins[name].of(made.numbers[name][at])
        found: Array = (made.way if name == "way" else made.codes[name])[at]
        return found

    made.cubes = [
        cube.changed(at, [codes(name) for name in cube.names]) if moved & {*cube.names} else cube
        for cube in before.cubes
    ]
    made.totals = made.counts(None)


def _hashed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
