"""Storing reviewers' decisions as events, each once: durable when the function returns.

Events are appended and never changed; what holds now is a view over them (``views.py``). An undo is an event that names
the event or the batch that it takes back. A bulk action is a batch: one event per question in one transaction.
"""

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa

from store.database import ids
from store.database.arrow import as_json, registered, split
from store.database.review_state import events, replay_events
from store.database.sources import Source
from store.database.views import IN_FORCE
from store.database.workspace import Workspace
from store.errors import InputError, StoreError
from store.explore.query import all_rows
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.frame.frame import Array
from store.names import line
from store.records import Decision, now
from store.review import queues
from store.review.payloads import EDITED, MARKS, check_payload, event_name, is_valid_text, reviewer_name
from store.times import from_db, to_db

BULK_ACTIONS = ("accept", "reject", "skip", "tag", "untag")
_RECENT = "WHERE rowid > (SELECT max(rowid) - 2000 FROM decision_rows)"
"""An undo searches these events first: searching a million takes a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Undone:
    """The event of ``reviewer`` that was taken back, or (``question_id`` None) a batch of ``count`` questions."""

    question_id: str | None
    action: str
    payload: dict[str, Any]
    reviewer: str
    batch_id: str | None
    count: int
    queue: str | None


@dataclass(frozen=True, slots=True)
class Bulk:
    """``undo`` takes back all ``count`` events together, and so does ``undo_event`` for any of them."""

    batch_id: str
    count: int


def decide(
    workspace: Workspace,
    reviewer: str,
    question_id: str,
    action: str,
    payload: object,
    *,
    event_id: str | None = None,
    queue: str | None = None,
    sampling_p: float | None = None,
) -> Decision:
    """Append an event and return it as stored; a repeated ``event_id`` returns the first one.

    ``queue``: the queue in which it was made; ``sampling_p``: its probability of drawing the question (None: taken from
    the queue's file). Unchanged texts of an edit are left out, and so is ``blind`` where nobody else has reviewed the
    question: the first decision is always blind. InputError: bad input, an unknown question or solution, an edit
    without a change, or the ``event_id`` of another event.
    """
    who, given, event = reviewer_name(reviewer), check_payload(action, payload), event_name(event_id)
    if sampling_p is not None and not 0 < sampling_p <= 1:
        raise InputError("sampling_p", sampling_p, "is not a probability", "give one above 0 and up to 1, or none")
    if queue is not None:
        line("queue", queue, queues.LONGEST)
    if queue is not None and sampling_p is None:
        with suppress(InputError, StoreError):  # a queue that was deleted meanwhile: the decision is kept
            sampling_p = queues.load(workspace.path, queue).probability(question_id)

    def write(cursor: duckdb.DuckDBPyConnection) -> Decision:
        known = _event(cursor, event) if event_id is not None else None
        if known is not None:
            if (known.question_id, known.action, known.reviewer) != (question_id, action, who):
                raise InputError("event_id", event, "belongs to another decision", "give each decision its own id")
            return known
        q = _key(cursor, question_id)
        effective = _effective(cursor, q, who, action, given)
        decision = Decision(event, question_id, who, cast(Any, action), effective, None, queue, sampling_p)
        _append(cursor, decision, q)
        return decision

    return workspace.writer.call(write)


def matching_keys(workspace: Workspace, frames: Frames, filter_: Filter) -> Array:
    """The keys of all current rows of the filter. InputError as ``query.all_rows``."""
    frame, rows = all_rows(workspace, frames, filter_)
    return frame.q[rows]


def decide_all(
    workspace: Workspace, reviewer: str, q: Array, action: str, payload: object, *, expected: int | None = None
) -> Bulk:
    """Append an event for each question of these keys, in one transaction.

    ``expected``: the number that the reviewer confirmed; nothing is written if it differs from the present one.
    InputError: that, bad input, no question, or a solution's number.
    """
    if action not in BULK_ACTIONS:
        remedy = f"choose from {', '.join(BULK_ACTIONS)}"
        raise InputError("action", str(action)[:40], "does not apply to many rows", remedy)
    who, given = reviewer_name(reviewer), check_payload(action, payload)
    single = next((name for name in ("sample", *MARKS) if name in given), None)
    if single is not None:
        raise InputError(single, given[single], "belongs to a single question", f"{action} without it")
    batch = secrets.token_hex(8)
    keys = pa.table({"q": np.unique(np.asarray(q, np.int64))})
    insert = """
        INSERT INTO decision_rows BY NAME
        SELECT $batch || '-' || q AS event_id, question_id, run_id, $who AS reviewer, $action AS action,
            $given AS payload, $batch AS batch_id, $now::TIMESTAMP AS created_at, q
        FROM question_rows WHERE q IN (FROM bulk_keys)"""

    def write(cursor: duckdb.DuckDBPyConnection) -> Bulk:
        with registered(cursor, bulk_keys=keys):
            count = cursor.execute("SELECT count(*) FROM question_rows WHERE q IN (FROM bulk_keys)").fetchall()[0][0]
            if expected is not None and count != expected:
                problem = f"was confirmed, but {count:,} questions match now"
                raise InputError("count", expected, problem, "look again, and confirm that number")
            if not count:  # DuckDB 2.0.0 must not be given an INSERT of no rows (see merge.py)
                raise InputError("filter", "", "matches no question", "widen it")
            values = {"who": who, "action": action, "given": as_json(given), "batch": batch, "now": to_db(now())}
            cursor.execute(insert, values)
        return Bulk(batch, count)

    return workspace.writer.call(write)


def undo(
    workspace: Workspace, reviewer: str, *, queue: str | None = None, event_id: str | None = None
) -> Undone | None:
    """Take back the reviewer's newest event in force, of this queue or (None) of all; the whole batch if it is one of a
    batch. None where nothing is left. Each call goes one step further back; a repeated ``event_id`` does not.
    """
    who, event = reviewer_name(reviewer), event_name(event_id)
    if queue is not None:
        line("queue", queue, queues.LONGEST)
    own = f"reviewer = $who {'' if queue is None else 'AND queue = $queue'}"
    values = {"who": who} | ({} if queue is None else {"queue": queue})

    def write(cursor: duckdb.DuckDBPyConnection) -> Undone | None:
        if event_id is not None and (known := _event(cursor, event)) is not None:
            return _undone_by(cursor, known)
        newest = f"{own} AND {IN_FORCE} ORDER BY turn DESC LIMIT 1"
        found = _events(cursor, newest, values, recent=True) or _events(cursor, newest, values)
        return _take_back(cursor, who, event, found[0]) if found else None

    return workspace.writer.call(write)


def undo_event(workspace: Workspace, reviewer: str, event: str) -> Undone:
    """Take back this event of any reviewer, or its whole batch. InputError: it is unknown, an undo, or taken back
    already.
    """
    who = reviewer_name(reviewer)

    def write(cursor: duckdb.DuckDBPyConnection) -> Undone:
        found = _event(cursor, event) if is_valid_text(event) else None
        if found is None:
            raise InputError("event", ascii(event)[1:41], "does not exist", "reload the page")
        if found.action == "undo":
            raise InputError("event", event, "is itself an undo", "take the action again")
        if not _events(cursor, f"event_id = $event AND {IN_FORCE}", {"event": event}):
            raise InputError("event", event, "was taken back already", "reload the page")
        return _take_back(cursor, who, event_name(), found)

    return workspace.writer.call(write)


def tags(source: Source) -> list[tuple[str, int]]:
    """The tags in force and their numbers of questions, most used first."""
    query = f"""
        SELECT tag, count(*) AS n FROM (
            SELECT q, (payload ->> 'tag') AS tag, arg_max(action, rowid) AS last FROM decision_rows
            WHERE action IN ('tag', 'untag') AND {IN_FORCE} GROUP BY ALL)
        WHERE last = 'tag' AND tag IS NOT NULL GROUP BY tag ORDER BY n DESC, tag"""
    with source.cursor() as cursor:
        return cursor.execute(query).fetchall()


def _key(cursor: duckdb.DuckDBPyConnection, question_id: str) -> int:
    """The key of a question. InputError for an unknown id."""
    q = ids.find(cursor, question_id) if is_valid_text(question_id) else None
    query = "SELECT 1 FROM question_rows WHERE q = ? AND question_id = ?"
    if q is None or not cursor.execute(query, [q, question_id]).fetchall():
        remedy = "its run may have been deleted: continue with the next one"
        raise InputError("question", ascii(question_id)[1:81], "is not in this workspace", remedy)
    return q


def _append(cursor: duckdb.DuckDBPyConnection, decision: Decision, q: int) -> None:
    """Store an event within the open transaction of the writer's thread."""
    run_id, _ = split(decision.question_id)
    cursor.execute(
        """
        INSERT INTO decision_rows (event_id, question_id, run_id, reviewer, action, payload, batch_id, queue,
            sampling_p, created_at, q)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            *(decision.event_id, decision.question_id, run_id, decision.reviewer, decision.action),
            *(as_json(decision.payload), decision.batch_id, decision.queue, decision.sampling_p),
            *(to_db(decision.created_at), q),
        ],
    )


def _effective(
    cursor: duckdb.DuckDBPyConnection, q: int, who: str, action: str, given: dict[str, Any]
) -> dict[str, Any]:
    """The payload, checked against the stored question; of an edit the texts that change."""
    if "blind" in given:
        query = "SELECT 1 FROM decision_rows WHERE q = ? AND reviewer <> ? LIMIT 1"
        if not cursor.execute(query, [q, who]).fetchall():
            given = {name: value for name, value in given.items() if name != "blind"}
    if action == "accept" and "sample" in given:
        query = "SELECT 1 FROM solution_rows WHERE q = ? AND sample = ?"
        if not cursor.execute(query, [q, given["sample"]]).fetchall():
            raise InputError("sample", given["sample"], "is not a solution of this question", "accept a listed one")
    if action == "edit":
        texts = _current_texts(cursor, q)
        name = next((name for name in EDITED[1:] if name in given), None)
        if name is not None and texts["response"] is None:
            start = " ".join(given[name][:40].split())
            raise InputError(name, start, "edits a solution, but none is chosen", "accept one first")
        given = {name: text for name, text in given.items() if text != texts[name]}
        if not given:
            raise InputError("edit", "", "changes nothing", "change a text, or cancel the edit")
    return given


def _current_texts(cursor: duckdb.DuckDBPyConnection, q: int) -> dict[str, str | None]:
    """Question, chosen solution and its answer, as edited; None for the latter two without a chosen solution."""
    state = replay_events(events(cursor, q))
    query = """
        SELECT t.text, x.text, s.answer FROM question_text t
        LEFT JOIN (SELECT coalesce($sample, max(TRY_CAST(value AS BIGINT))) AS sample FROM label_rows
            WHERE q = $q AND key = 'chosen') c ON true
        LEFT JOIN (SELECT sample, text FROM solution_text WHERE q = $q) x ON x.sample = c.sample
        LEFT JOIN (SELECT sample, answer FROM solution_rows WHERE q = $q) s ON s.sample = c.sample
        WHERE t.q = $q"""
    written = cursor.execute(query, {"q": q, "sample": state.sample}).fetchall()[0]
    edited = (state.query, state.response, state.answer)
    texts = [edit if edit is not None else text for edit, text in zip(edited, written, strict=True)]
    return dict(zip(EDITED, [texts[0], None, None] if written[1] is None else texts, strict=True))


def _take_back(cursor: duckdb.DuckDBPyConnection, who: str, event: str, found: Decision) -> Undone:
    """Append the undo of an event; of a batch one undo per run, which is deleted and merged with that run."""
    if found.batch_id is None:
        undo_ = Decision(event, found.question_id, who, "undo", {"event_id": found.event_id}, None, found.queue)
        _append(cursor, undo_, _key(cursor, found.question_id))
        return _undone(found, 1)
    query = """
        SELECT min(question_id), min(q), count(DISTINCT q) FROM decision_rows
        WHERE batch_id = ? AND action <> 'undo' GROUP BY run_id ORDER BY run_id"""
    runs = cursor.execute(query, [found.batch_id]).fetchall()
    count = sum(run[2] for run in runs)
    payload = {"batch_id": found.batch_id, "count": count}
    for number, (question_id, q, _) in enumerate(runs):
        name = event if number == 0 else f"{event}-{number}"
        _append(cursor, Decision(name, question_id, who, "undo", payload, event, found.queue), q)
    return _undone(found, count)


def _undone_by(cursor: duckdb.DuckDBPyConnection, known: Decision) -> Undone | None:
    """The result of a stored undo."""
    if known.action != "undo":
        raise InputError("event_id", known.event_id, "belongs to another decision", "give each decision its own id")
    column = "batch_id" if "batch_id" in known.payload else "event_id"
    found = _events(cursor, f"{column} = $undone AND action <> 'undo' LIMIT 1", {"undone": known.payload.get(column)})
    return _undone(found[0], int(known.payload.get("count", 1))) if found else None


def _undone(found: Decision, count: int) -> Undone:
    single = found.question_id if found.batch_id is None else None
    return Undone(single, found.action, found.payload, found.reviewer, found.batch_id, count, found.queue)


def _event(cursor: duckdb.DuckDBPyConnection, event_id: str) -> Decision | None:
    return next(iter(_events(cursor, "event_id = $event", {"event": event_id})), None)


def _events(
    cursor: duckdb.DuckDBPyConnection, where: str, values: dict[str, Any], *, recent: bool = False
) -> list[Decision]:
    among = f"SELECT *, rowid AS turn FROM decision_rows {_RECENT if recent else ''}"
    query = f"""
        SELECT event_id, question_id, reviewer, action, payload, batch_id, queue, sampling_p, created_at
        FROM ({among}) WHERE {where}"""
    rows = cursor.execute(query, values).fetchall()
    return [Decision(*(*row[:4], json.loads(row[4]), *row[5:8], from_db(row[8] or now()))) for row in rows]
