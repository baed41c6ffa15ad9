"""The review state of one question, replayed from its events.

The views compute the same in SQL for all questions, but planning them takes longer than reading everything else of one
question. A property test compares the two.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb

from store.database.views import IN_FORCE
from store.records import STATUS_OF
from store.times import from_db

Event = dict[str, Any]


@dataclass(slots=True)
class ReviewState:
    """``sample``: the one that an accept chose; ``query``, ``response``, ``answer``: as edited, None if not edited."""

    status: str = "unreviewed"
    sample: int | None = None
    query: str | None = None
    response: str | None = None
    answer: str | None = None
    edited: bool = False
    tags: list[str] = field(default_factory=list)


def events(cursor: duckdb.DuckDBPyConnection, q: int) -> list[Event]:
    """All events of a question in order: the columns of the view ``decisions``, whether each is ``in_force`` (not
    undone), and its ``turn``, which grows with the log.
    """
    if not cursor.execute("SELECT 1 FROM decision_rows WHERE q = ? LIMIT 1", [q]).fetchall():
        return []  # most questions have none, and planning the next query takes three times as long
    query = f"""
        SELECT event_id, question_id, reviewer, action, payload, batch_id, queue, sampling_p, created_at,
            ({IN_FORCE}) AS in_force, rowid AS turn
        FROM decision_rows WHERE q = ? ORDER BY rowid"""
    return row_dicts(cursor, query, [q])


def row_dicts(
    cursor: duckdb.DuckDBPyConnection, query: str, values: list[Any] | dict[str, Any]
) -> list[dict[str, Any]]:
    """The rows of a query as dicts, with JSON columns parsed and times in UTC."""
    cursor.execute(query, values)
    names = [column[0] for column in cursor.description or []]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        for name in ("params", "extra", "config", "payload"):
            if isinstance(row.get(name), str):
                row[name] = json.loads(row[name])
        for name in ("created_at", "ended_at"):
            if name in row:
                row[name] = from_db(row[name])
    return rows


def replay_events(log: Iterable[Mapping[str, Any]]) -> ReviewState:
    """The state after these events, in order; undone ones are ignored."""
    state = ReviewState()
    tags: dict[str, bool] = {}
    for event in log:
        action, payload = event["action"], event["payload"]
        if not event["in_force"]:
            continue
        if action in STATUS_OF:
            state.status = STATUS_OF[action]
        if action == "accept":
            sample = _whole(_text(payload, "sample"))
            state.sample = state.sample if sample is None else sample
        elif action == "edit":
            state.edited = True
            for name in ("query", "response", "answer"):
                if (text := _text(payload, name)) is not None:
                    setattr(state, name, text)
        elif action in ("tag", "untag") and (tag := _text(payload, "tag")) is not None:
            tags[tag] = action == "tag"
    state.tags = sorted(tag for tag, there in tags.items() if there)
    return state


def _text(payload: Any, name: str) -> str | None:
    """What ``payload ->> 'name'`` gives in SQL."""
    value = payload.get(name) if isinstance(payload, Mapping) else None
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _whole(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
