"""Who decided what: counts by reviewer, the log of events, and where two people judged the same question.

Judging is accepting or rejecting by hand: a bulk action looks at no single row. Knows no texts.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

from store.database import ids
from store.database.review_state import events
from store.database.sources import Source
from store.database.views import IN_FORCE
from store.frame.cache import asking
from store.times import from_db


@dataclass(frozen=True, slots=True)
class Reviewer:
    """How many events of each kind are in force; ``bulk``: how many of all these were made in bulk. ``last_at``: of any
    event, undos too.
    """

    name: str
    accepted: int
    rejected: int
    skipped: int
    edits: int
    tags: int
    notes: int
    bulk: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """An event, or all of a bulk (``question_id`` None, ``count`` questions). ``turn`` grows with the log."""

    turn: int
    event_id: str
    question_id: str | None
    reviewer: str
    action: str
    payload: dict[str, Any]
    batch_id: str | None
    count: int
    queue: str | None
    sampling_p: float | None
    created_at: datetime | None
    in_force: bool


@dataclass(frozen=True, slots=True)
class PairOf:
    """Two reviewers, the ``n`` questions that both judged, and how many alike. ``kappa``: Cohen's; None where chance
    alone would have them agree on everything.
    """

    a: str
    b: str
    n: int
    agreed: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A question that was judged differently. ``verdicts``: reviewer, action and reason (or None) of each."""

    question_id: str
    verdicts: list[dict[str, str | None]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of ``rows`` questions that two or more people judged, ``agreed`` were judged alike by all of them."""

    rows: int
    agreed: int
    pairs: list[PairOf]
    differ: list[Difference]


def reviewers(source: Source) -> list[Reviewer]:
    """Everyone with an event, the last active first."""
    counted = ", ".join(
        f"count(*) FILTER (held AND action IN {actions})"
        for actions in ("('accept')", "('reject')", "('skip')", "('edit')", "('tag', 'untag')", "('note')")
    )
    query = f"""
        SELECT reviewer, {counted}, count(*) FILTER (held AND batch_id IS NOT NULL), max(created_at)
        FROM (SELECT reviewer, action, batch_id, created_at, rowid AS turn, ({IN_FORCE}) AS held FROM decision_rows)
        GROUP BY reviewer ORDER BY max(turn) DESC"""
    with asking(source) as cursor:
        return [Reviewer(*(*row[:-1], from_db(row[-1]))) for row in cursor.execute(query).fetchall()]


_ENTRY = "event_id, question_id, reviewer, action, payload, batch_id, 1, queue, sampling_p, created_at"


def history(source: Source, *, reviewer: str | None = None, before: int | None = None, most: int = 50) -> list[Entry]:
    """The events, newest first, of a reviewer or of all; a bulk is one entry, and its undo another. ``before``: those
    older than the entry with this ``turn``.
    """
    of = "true" if reviewer is None else "reviewer = $who"
    older = "true" if before is None else "turn < $before"
    newest = f"ORDER BY turn DESC LIMIT {int(most)}"
    single = f"""
        SELECT rowid AS turn, {_ENTRY} FROM decision_rows WHERE batch_id IS NULL AND {of} AND {older} {newest}"""
    whole = f"""
        SELECT max(rowid) AS turn, any_value(event_id), NULL, any_value(reviewer), any_value(action),
            any_value(payload), batch_id, count(*), any_value(queue), NULL, any_value(created_at)
        FROM decision_rows WHERE batch_id IS NOT NULL AND {of} GROUP BY batch_id HAVING {older} {newest}"""
    query = f"""
        WITH log AS MATERIALIZED (
            SELECT * FROM (({single}) UNION ALL ({whole})) {newest})
        SELECT *, ({IN_FORCE}) AS in_force FROM log ORDER BY turn DESC"""
    given = {"who": reviewer, "before": before}
    values = {name: value for name, value in given.items() if value is not None}
    with asking(source) as cursor:
        return [_entry(row) for row in cursor.execute(query, values).fetchall()]


def history_of(source: Source, question_id: str) -> list[Entry]:
    """The events of a question, newest first, those of bulks singly; empty where there is none."""
    with asking(source) as cursor:
        q = ids.find(cursor, question_id)
        found = [] if q is None else events(cursor, q)
    return [Entry(**entry_of(event)) for event in reversed(found) if event["question_id"] == question_id]


def entry_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event of ``review_state.events`` with the fields of ``Entry``."""
    named = {name: event[name] for name in ("turn", "event_id", "question_id", "reviewer", "action", "payload")}
    rest = ("batch_id", "queue", "sampling_p", "created_at", "in_force")
    return named | {"count": 1} | {name: event[name] for name in rest}


def _entry(row: tuple[Any, ...]) -> Entry:
    turn, event_id, question_id, reviewer, action, payload, batch_id, count, *rest = row
    queue, sampling_p, created_at, in_force = rest
    read: dict[str, Any] = json.loads(payload)
    if batch_id is not None:
        question_id = None
        count = int(read.get("count", count)) if action == "undo" else count
    when = from_db(created_at)
    return Entry(
        *(turn, event_id, question_id, reviewer, action, read, batch_id, count, queue, sampling_p, when, in_force)
    )


def agreement(source: Source, *, most: int = 200) -> Agreement:
    """How far those agree who judged the same questions by hand; ``most`` differences are listed, newest first."""
    query = f"""
        WITH judged AS (
            SELECT q, question_id, reviewer, arg_max(action, rowid) AS action,
                arg_max(coalesce(payload ->> 'reason', ''), rowid) AS reason, max(rowid) AS turn
            FROM decision_rows WHERE action IN ('accept', 'reject') AND batch_id IS NULL AND {IN_FORCE}
            GROUP BY q, question_id, reviewer)
        SELECT question_id, reviewer, action, reason FROM judged
        WHERE q IN (SELECT q FROM judged GROUP BY q HAVING count(*) > 1)
        ORDER BY max(turn) OVER (PARTITION BY q) DESC, question_id, reviewer"""
    with asking(source) as cursor:
        rows = cursor.execute(query).fetchall()
    of: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for question_id, *verdict in rows:
        of[question_id].append((verdict[0], verdict[1], verdict[2]))
    both: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for verdicts in of.values():
        for (a, one, _), (b, other, _) in combinations(verdicts, 2):
            both[a, b].append((one, other))
    differing = {key: verdicts for key, verdicts in of.items() if len({action for _, action, _ in verdicts}) > 1}
    differ = [
        Difference(key, [{"reviewer": who, "action": did, "reason": why or None} for who, did, why in verdicts])
        for key, verdicts in list(differing.items())[:most]
    ]
    pairs = [_pair(a, b, judged) for (a, b), judged in sorted(both.items())]
    return Agreement(len(of), len(of) - len(differing), pairs, differ)


def _pair(a: str, b: str, judged: list[tuple[str, str]]) -> PairOf:
    n, agreed = len(judged), sum(one == other for one, other in judged)
    first, second = Counter(one for one, _ in judged), Counter(other for _, other in judged)
    chance = sum(first[verb] * second[verb] for verb in first) / n**2
    return PairOf(a, b, n, agreed, None if chance == 1 else (agreed / n - chance) / (1 - chance))
