"""What stands of one question after its events: what the views work out for all of them, for those at hand.

Planning the view takes longer than all else that is read of one question; a test holds the two against each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb

from store.database.views import IN_FORCE
from store.times import from_db

Event = dict[str, Any]
_STATUS = {"accept": "accepted", "reject": "rejected", "skip": "skipped"}


@dataclass(slots=True)
class ReviewState:
    """``sample``: the one that an accept chose; texts as edited, None where they are as they were."""

    status: str = "unreviewed"
    sample: int | None = None
    query: str | None = None
    response: str | None = None
    answer: str | None = None
    edited: bool = False
    tags: list[str] = field(default_factory=list)


def events(cursor: duckdb.DuckDBPyConnection, q: int) -> list[Event]:
    """All events of a question in their order, as the view ``decisions`` has them; whether each is
    ``in_force``, and its ``turn``, which grows with the log.
    """
    if not cursor.execute("SELECT 1 FROM decision_rows WHERE q = ? LIMIT 1", [q]).fetchall():
        return []  # as most have none: planning what follows takes three times as long
    query = f"""
        SELECT event_id, question_id, reviewer, action, payload, batch_id, queue, sampling_p, created_at,
            ({IN_FORCE}) AS in_force, rowid AS turn
        FROM decision_rows WHERE q = ? ORDER BY rowid"""
    rows = cursor.execute(query, [q]).fetchall()
    names = [column[0] for column in cursor.description or []]
    found = [dict(zip(names, row, strict=True)) for row in rows]
    for event in found:
        event["payload"] = json.loads(event["payload"])
        event["created_at"] = from_db(event["created_at"])
    return found


def replay_events(of: Iterable[Mapping[str, Any]]) -> ReviewState:
    """What the events in force among these, in their order, come to."""
    now = ReviewState()
    tags: dict[str, bool] = {}
    for event in of:
        action, payload = event["action"], event["payload"]
        if not event["in_force"]:
            continue
        if action in _STATUS:
            now.status = _STATUS[action]
        if action == "accept":
            sample = _whole(_text(payload, "sample"))
            now.sample = now.sample if sample is None else sample
        elif action == "edit":
            now.edited = True
            for name in ("query", "response", "answer"):
                if (text := _text(payload, name)) is not None:
                    setattr(now, name, text)
        elif action in ("tag", "untag") and (tag := _text(payload, "tag")) is not None:
            tags[tag] = action == "tag"
    now.tags = sorted(tag for tag, there in tags.items() if there)
    return now


def _text(payload: Any, name: str) -> str | None:
    """As ``payload ->> 'name'`` reads it."""
    value = payload.get(name) if isinstance(payload, Mapping) else None
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _whole(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
