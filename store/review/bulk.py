"""One action on all rows of a filter: as many events in one transaction, one undo for the whole."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from store.database.arrow import as_json
from store.database.workspace import Workspace
from store.errors import InputError
from store.explore import matching as rows_of
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.frame.frame import Array
from store.records import now
from store.review.payloads import checked, reviewer_name
from store.times import to_db

ACTIONS = ("accept", "reject", "skip", "tag", "untag")


@dataclass(frozen=True, slots=True)
class Bulk:
    """``review.undo`` takes all ``count`` events back in one; any of them named to ``undo_event`` does too."""

    batch_id: str
    count: int


def matching(workspace: Workspace, frames: Frames, asked: Filter) -> Array:
    """The keys of ALL rows of the filter, as they are now. InputError where a search in it takes too long."""
    frame, rows = rows_of.matching(workspace, frames, asked)
    return frame.q[rows]


def bulk(
    workspace: Workspace, reviewer: str, q: Array, action: str, payload: object, *, expected: int | None = None
) -> Bulk:
    """Append an event for each question of these keys, in one transaction, on the disk when this returns.

    ``expected``: the number that a person has confirmed; with another one now nothing is written. InputError: that, bad
    input, no question, or a solution's number (which no two questions share).
    """
    if action not in ACTIONS:
        raise InputError("action", str(action)[:40], "is not for many rows", f"choose from {', '.join(ACTIONS)}")
    who, given = reviewer_name(reviewer), checked(action, payload)
    if "sample" in given:
        raise InputError("sample", given["sample"], "is of one question", "accept without it")
    batch = secrets.token_hex(8)
    keys = pa.table({"q": np.unique(np.asarray(q, np.int64))})

    def write(cursor: duckdb.DuckDBPyConnection) -> Bulk:
        cursor.register("bulk_keys", keys)
        try:
            count = cursor.execute("SELECT count(*) FROM question_rows WHERE q IN (FROM bulk_keys)").fetchall()[0][0]
            if expected is not None and count != expected:
                problem = f"was confirmed, and {count:,} questions match now"
                raise InputError("count", expected, problem, "look again, and confirm that number")
            if not count:  # and DuckDB 2.0.0 must not be given an INSERT of no rows (see merge.py)
                raise InputError("filter", "", "matches no question", "widen it")
            cursor.execute(_INSERT, {"who": who, "action": action, "given": as_json(given), "batch": batch, **_now()})
        finally:
            cursor.unregister("bulk_keys")
        return Bulk(batch, count)

    return workspace.writer.call(write)


def _now() -> dict[str, object]:
    return {"now": to_db(now())}


_INSERT = """
    INSERT INTO decision_rows BY NAME
    SELECT $batch || '-' || q AS event_id, question_id, run_id, $who AS reviewer, $action AS action, $given AS payload,
        $batch AS batch_id, $now::TIMESTAMP AS created_at, q
    FROM question_rows WHERE q IN (FROM bulk_keys)"""
