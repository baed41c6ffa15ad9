"""Writing what reviewers decide, one event at a time: durable when the function returns, each event stored once.

A decision is an event that is appended and never changed; what holds now is a view over the events (``views.py``). An
undo is an event too: it names the one that it takes back, or the batch (``review_bulk.py``). Knows not what
decisions are counted for.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import duckdb

from store.database import ids
from store.database.arrow import as_json, split
from store.database.review_state import events, replay_events
from store.database.sources import Source
from store.database.views import IN_FORCE
from store.database.workspace import Workspace
from store.errors import InputError, StoreError
from store.names import line
from store.records import Decision, now
from store.review import queues
from store.review.payloads import (
    ACTIONS,
    EDITED,
    LONGEST_NAME,
    LONGEST_NOTE,
    LONGEST_REASON,
    LONGEST_TAG,
    LONGEST_TEXT,
    can_be_asked,
    checked,
    event_name,
    reviewer_name,
)
from store.review.tags import keep_tags, tag_list
from store.times import from_db, to_db

__all__ = [
    "ACTIONS",
    "LONGEST_NAME",
    "LONGEST_NOTE",
    "LONGEST_REASON",
    "LONGEST_TAG",
    "LONGEST_TEXT",
    "Undone",
    "decide",
    "keep_tags",
    "reviewer_name",
    "tag_list",
    "tags",
    "undo",
    "undo_event",
]

_RECENT = "WHERE rowid > (SELECT max(rowid) - 2000 FROM decision_rows)"
"""The events that an undo looks at before it looks at all: with a million of them that takes a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo took back: one event, or (``question_id`` None) a batch of ``count`` questions. ``reviewer``: whose
    it was.
    """

    question_id: str | None
    action: str
    payload: dict[str, Any]
    reviewer: str
    batch_id: str | None
    count: int
    queue: str | None


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
    """Append an event, on the disk when this returns; gives it as it is stored. The same ``event_id`` again gives the
    event of before.

    ``queue``: the name of the one it was made in, ``sampling_p`` how likely that drew the question (None: as the
    queue's file says). Of an edit what changes nothing is left out. InputError: bad input, an unknown question, a
    solution that is not there, an edit that changes nothing, or an ``event_id`` that is another event's.
    """
    who, given, event = reviewer_name(reviewer), checked(action, payload), event_name(event_id)
    if sampling_p is not None and not 0 < sampling_p <= 1:
        raise InputError("sampling_p", sampling_p, "is not a probability", "give one above 0 and up to 1, or none")

    if queue is not None:
        line("queue", queue, queues.LONGEST)
    if queue is not None and sampling_p is None:
        with suppress(InputError, StoreError):  # it was deleted meanwhile: the decision stands all the same
            sampling_p = queues.load(workspace.path, queue).probability(question_id)

    def write(cursor: duckdb.DuckDBPyConnection) -> Decision:
        known = _event(cursor, event) if event_id is not None else None
        if known is not None:
            if (known.question_id, known.action, known.reviewer) != (question_id, action, who):
                raise InputError("event_id", event, "is another decision's", "give each its own")
            return known
        q = place(cursor, question_id)
        fitting = _fitting(cursor, q, action, given)
        made = Decision(event, question_id, who, cast(Any, action), fitting, None, queue, sampling_p)
        append(cursor, made, q)
        return made

    return workspace.writer.call(write)


def undo(
    workspace: Workspace, reviewer: str, *, queue: str | None = None, event_id: str | None = None
) -> Undone | None:
    """Take back the reviewer's newest event in force, made in this queue or (None) anywhere; a batch goes whole. None
    where nothing is left. Each call goes one further back; the same ``event_id`` again does nothing more.
    """
    who, event = reviewer_name(reviewer), event_name(event_id)
    if queue is not None:
        line("queue", queue, queues.LONGEST)
    asked = f"reviewer = $who {'' if queue is None else 'AND queue = $queue'}"
    values = {"who": who} | ({} if queue is None else {"queue": queue})

    def write(cursor: duckdb.DuckDBPyConnection) -> Undone | None:
        if event_id is not None and (known := _event(cursor, event)) is not None:
            return _named(cursor, known)
        newest = f"{asked} AND {IN_FORCE} ORDER BY turn DESC LIMIT 1"
        found = _events(cursor, newest, values, recent=True) or _events(cursor, newest, values)
        return _take_back(cursor, who, event, found[0]) if found else None

    return workspace.writer.call(write)


def undo_event(workspace: Workspace, reviewer: str, event: str) -> Undone:
    """Take back this event, whoever made it; one of a batch takes the batch back. InputError: unknown, itself an undo,
    or taken back before.
    """
    who = reviewer_name(reviewer)

    def write(cursor: duckdb.DuckDBPyConnection) -> Undone:
        found = _event(cursor, event) if can_be_asked(event) else None
        if found is None:
            raise InputError("event", ascii(event)[1:41], "is not there", "reload the page")
        if found.action == "undo":
            raise InputError("event", event, "is itself an undo", "take the action again")
        if not _events(cursor, f"event_id = $event AND {IN_FORCE}", {"event": event}):
            raise InputError("event", event, "was taken back before", "reload the page")
        return _take_back(cursor, who, event_name(), found)

    return workspace.writer.call(write)


def tags(source: Source) -> list[tuple[str, int]]:
    """The tags in force and how many questions have each, most used first."""
    query = f"""
        SELECT tag, count(*) AS n FROM (
            SELECT q, (payload ->> 'tag') AS tag, arg_max(action, rowid) AS last FROM decision_rows
            WHERE action IN ('tag', 'untag') AND {IN_FORCE} GROUP BY ALL)
        WHERE last = 'tag' AND tag IS NOT NULL GROUP BY tag ORDER BY n DESC, tag"""
    with source.cursor() as cursor:
        return cursor.execute(query).fetchall()


def place(cursor: duckdb.DuckDBPyConnection, question_id: str) -> int:
    """The key of a question. InputError where there is none of this id."""
    q = ids.find(cursor, question_id) if can_be_asked(question_id) else None
    asked = "SELECT 1 FROM question_rows WHERE q = ? AND question_id = ?"
    if q is None or not cursor.execute(asked, [q, question_id]).fetchall():
        shown = ascii(question_id)[1:81]
        raise InputError("question", shown, "is not in this workspace", "it may have gone with its run: go on")
    return q


def append(cursor: duckdb.DuckDBPyConnection, made: Decision, q: int) -> None:
    """Store an event, within the transaction that is open on the writer's thread."""
    run_id, _ = split(made.question_id)
    cursor.execute(
        """
        INSERT INTO decision_rows (event_id, question_id, run_id, reviewer, action, payload, batch_id, queue,
            sampling_p, created_at, q)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            *(made.event_id, made.question_id, run_id, made.reviewer, made.action, as_json(made.payload)),
            *(made.batch_id, made.queue, made.sampling_p, to_db(made.created_at), q),
        ],
    )


def _fitting(cursor: duckdb.DuckDBPyConnection, q: int, action: str, given: dict[str, Any]) -> dict[str, Any]:
    """The payload, held against what is stored of the question."""
    if action == "accept" and "sample" in given:
        asked = "SELECT 1 FROM solution_rows WHERE q = ? AND sample = ?"
        if not cursor.execute(asked, [q, given["sample"]]).fetchall():
            raise InputError(
                "sample", given["sample"], "is not a solution of this question", "accept one that is shown"
            )
    if action == "edit":
        texts = _as_they_stand(cursor, q)
        name = next((name for name in EDITED[1:] if name in given), None)
        if name is not None and texts["response"] is None:
            raise InputError(
                name, " ".join(given[name][:40].split()), "edits a solution, and none is chosen", "accept one first"
            )
        given = {name: text for name, text in given.items() if text != texts[name]}
        if not given:
            raise InputError("edit", "", "changes nothing", "change a text, or leave it")
    return given


def _as_they_stand(cursor: duckdb.DuckDBPyConnection, q: int) -> dict[str, str | None]:
    """Question, chosen solution and its answer, as edited; the solution None where none is chosen."""
    now_ = replay_events(events(cursor, q))
    query = """
        SELECT t.text, x.text, s.answer FROM question_text t
        LEFT JOIN (SELECT coalesce($sample, max(TRY_CAST(value AS BIGINT))) AS sample FROM label_rows
            WHERE q = $q AND key = 'chosen') c ON true
        LEFT JOIN (SELECT sample, text FROM solution_text WHERE q = $q) x ON x.sample = c.sample
        LEFT JOIN (SELECT sample, answer FROM solution_rows WHERE q = $q) s ON s.sample = c.sample
        WHERE t.q = $q"""
    written = cursor.execute(query, {"q": q, "sample": now_.sample}).fetchall()[0]
    edited = (now_.query, now_.response, now_.answer)
    texts = [mine if mine is not None else text for mine, text in zip(edited, written, strict=True)]
    return dict(zip(EDITED, [texts[0], None, None] if written[1] is None else texts, strict=True))


def _take_back(cursor: duckdb.DuckDBPyConnection, who: str, event: str, found: Decision) -> Undone:
    """Append the undo of an event; of a batch one for each run that it concerns, so that it goes and comes with it."""
    if found.batch_id is None:
        made = Decision(event, found.question_id, who, "undo", {"event_id": found.event_id}, None, found.queue)
        append(cursor, made, place(cursor, found.question_id))
        return _undone(found, 1)
    asked = """
        SELECT min(question_id), min(q), count(DISTINCT q) FROM decision_rows
        WHERE batch_id = ? AND action <> 'undo' GROUP BY run_id ORDER BY run_id"""
    runs = cursor.execute(asked, [found.batch_id]).fetchall()
    count = sum(run[2] for run in runs)
    payload = {"batch_id": found.batch_id, "count": count}
    for number, (question_id, q, _) in enumerate(runs):
        name = event if number == 0 else f"{event}-{number}"
        append(cursor, Decision(name, question_id, who, "undo", payload, event, found.queue), q)
    return _undone(found, count)


def _named(cursor: duckdb.DuckDBPyConnection, known: Decision) -> Undone | None:
    """What a stored undo took back."""
    if known.action != "undo":
        raise InputError("event_id", known.event_id, "is another decision's", "give each its own")
    name, column = ("batch_id", "batch_id") if "batch_id" in known.payload else ("event_id", "event_id")
    found = _events(cursor, f"{column} = $name AND action <> 'undo' LIMIT 1", {"name": known.payload.get(name)})
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
