"""Counts by reviewer, the log of events, and the agreement of reviewers who judged the same questions.

Judging means accepting or rejecting singly: bulk actions don't count for agreement, nor do decisions that settle a
disagreement of others. A decision is blind if it was made first, or is marked so: other reviewers' decisions were
hidden.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import combinations
from typing import Any

from store.database.sources import Source
from store.database.views import IN_FORCE
from store.frame.cache import read_cursor
from store.review.payloads import VERBS
from store.times import from_db


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Numbers of events in force; ``bulk``: of these in bulk. ``last_at``: of the last event, undos included."""

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
    """An event, or a bulk of ``count`` questions (``question_id`` None). ``turn`` increases with the log."""

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
class ReviewerPair:
    """Two reviewers who both judged ``n`` questions, ``agreed`` of them alike. ``kappa``: Cohen's; None where expected
    agreement is 1.
    """

    a: str
    b: str
    n: int
    agreed: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A question with differing ``verdicts``: each of a reviewer, an action and a reason or None. ``settled``: who
    settled it, and how; None where it is open.
    """

    question_id: str
    verdicts: list[dict[str, str | None]]
    settled: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of ``rows`` questions that two or more reviewers judged, all of them agreed on ``agreed``."""

    rows: int
    agreed: int
    pairs: list[ReviewerPair]
    differ: list[Difference]


def reviewers(source: Source) -> list[Reviewer]:
    """All reviewers with an event, the last active first."""
    counted = ", ".join(
        f"count(*) FILTER (in_force AND action IN {actions})"
        for actions in ("('accept')", "('reject')", "('skip')", "('edit')", "('tag', 'untag')", "('note')")
    )
    query = f"""
        SELECT reviewer, {counted}, count(*) FILTER (in_force AND batch_id IS NOT NULL), max(created_at)
        FROM (SELECT reviewer, action, batch_id, created_at, rowid AS turn, ({IN_FORCE}) AS in_force FROM decision_rows)
        GROUP BY reviewer ORDER BY max(turn) DESC"""
    with read_cursor(source) as cursor:
        return [Reviewer(*(*row[:-1], from_db(row[-1]))) for row in cursor.execute(query).fetchall()]


_ENTRY = "event_id, question_id, reviewer, action, payload, batch_id, 1, queue, sampling_p, created_at"


def history(source: Source, *, reviewer: str | None = None, before: int | None = None, most: int = 50) -> list[Entry]:
    """The events of one or all reviewers, newest first, a bulk and its undo as one entry each. ``before``: only entries
    older than that of this ``turn``.
    """
    own = "true" if reviewer is None else "reviewer = $who"
    older = "true" if before is None else "turn < $before"
    newest = f"ORDER BY turn DESC LIMIT {int(most)}"
    single = f"""
        SELECT rowid AS turn, {_ENTRY} FROM decision_rows WHERE batch_id IS NULL AND {own} AND {older} {newest}"""
    batches = f"""
        SELECT max(rowid) AS turn, any_value(event_id), NULL, any_value(reviewer), any_value(action),
            any_value(payload), batch_id, count(*), any_value(queue), NULL, any_value(created_at)
        FROM decision_rows WHERE batch_id IS NOT NULL AND {own} GROUP BY batch_id HAVING {older} {newest}"""
    query = f"""
        WITH log AS MATERIALIZED (
            SELECT * FROM (({single}) UNION ALL ({batches})) {newest})
        SELECT *, ({IN_FORCE}) AS in_force FROM log ORDER BY turn DESC"""
    values = {name: value for name, value in {"who": reviewer, "before": before}.items() if value is not None}
    with read_cursor(source) as cursor:
        return [_entry(row) for row in cursor.execute(query, values).fetchall()]


def entry_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event of ``review_state.events`` as the fields of ``Entry``."""
    return {field.name: 1 if field.name == "count" else event[field.name] for field in fields(Entry)}


def _entry(row: tuple[Any, ...]) -> Entry:
    values = dict(zip((field.name for field in fields(Entry)), row, strict=True))
    values |= {"payload": json.loads(values["payload"]), "created_at": from_db(values["created_at"])}
    if values["batch_id"] is not None:
        values["question_id"] = None
        if values["action"] == "undo":
            values["count"] = int(values["payload"].get("count", values["count"]))
    return Entry(**values)


JUDGED = f"""
    action IN ('accept', 'reject') AND batch_id IS NULL AND coalesce(payload ->> 'settles', '') <> 'true'
    AND {IN_FORCE}"""
"""The condition on an event that counts for agreement."""
_BLIND = f"""
    AND coalesce(payload ->> 'blind', CASE WHEN EXISTS (
        SELECT 1 FROM decision_rows o
        WHERE o.q = d.q AND o.reviewer <> d.reviewer AND o.rowid < d.rowid AND o.action IN {VERBS})
        THEN 'unknown' ELSE 'true' END) = 'true'"""


def agreement(source: Source, *, most: int = 200, blind: bool = False) -> Agreement:
    """Agreement on the questions that several reviewers judged, with the newest ``most`` differences.

    ``blind``: by decisions alone that are known to be blind.
    """
    query = f"""
        WITH judged AS (
            SELECT q, question_id, reviewer, arg_max(action, d.rowid) AS action,
                arg_max(coalesce(payload ->> 'reason', ''), d.rowid) AS reason, max(d.rowid) AS turn
            FROM decision_rows d WHERE {JUDGED} {_BLIND if blind else ""}
            GROUP BY q, question_id, reviewer)
        SELECT question_id, reviewer, action, reason FROM judged
        WHERE q IN (SELECT q FROM judged GROUP BY q HAVING count(*) > 1)
        ORDER BY max(turn) OVER (PARTITION BY q) DESC, question_id, reviewer"""
    with read_cursor(source) as cursor:
        rows = cursor.execute(query).fetchall()
    by_question: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for question_id, *verdict in rows:
        by_question[question_id].append((verdict[0], verdict[1], verdict[2]))
    common: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for verdicts in by_question.values():
        for (a, one, _), (b, other, _) in combinations(verdicts, 2):
            common[a, b].append((one, other))
    differing = {key: judged for key, judged in by_question.items() if len({action for _, action, _ in judged}) > 1}
    settled = _settled(source) if differing else {}
    differ = [
        Difference(
            key,
            [{"reviewer": who, "action": did, "reason": why or None} for who, did, why in verdicts],
            settled.get(key),
        )
        for key, verdicts in list(differing.items())[:most]
    ]
    pairs = [_pair(a, b, judged) for (a, b), judged in sorted(common.items())]
    return Agreement(len(by_question), len(by_question) - len(differing), pairs, differ)


_SETTLING = f"""
    action IN ('accept', 'reject') AND (payload ->> 'settles') = 'true' AND {IN_FORCE}"""
_DIFFERING = f"""
    WITH judged AS (
        SELECT q, reviewer, arg_max(action, rowid) AS action, max(rowid) AS turn
        FROM decision_rows WHERE {JUDGED} GROUP BY q, reviewer),
    differing AS (SELECT q, max(turn) AS turn FROM judged GROUP BY q HAVING count(DISTINCT action) > 1),
    settled AS (
        SELECT q, any_value(question_id) AS question_id, arg_max(reviewer, rowid) AS reviewer,
            arg_max(action, rowid) AS action, max(rowid) AS turn
        FROM decision_rows WHERE {_SETTLING} GROUP BY q)"""


def disagreements(source: Source) -> list[int]:
    """The keys of the questions that reviewers decided differently and nobody has settled since, newest first."""
    query = f"""{_DIFFERING}
        SELECT d.q FROM differing d LEFT JOIN settled s ON s.q = d.q
        WHERE coalesce(s.turn, -1) < d.turn ORDER BY d.turn DESC, d.q"""
    with read_cursor(source) as cursor:
        return [q for (q,) in cursor.execute(query).fetchall()]


def _settled(source: Source) -> dict[str, tuple[str, str]]:
    """Who settled a disagreement, and how, by question."""
    query = f"""{_DIFFERING}
        SELECT s.question_id, s.reviewer, s.action FROM differing d JOIN settled s ON s.q = d.q WHERE s.turn > d.turn"""
    with read_cursor(source) as cursor:
        return {key: (who, action) for key, who, action in cursor.execute(query).fetchall()}


def _pair(a: str, b: str, judged: list[tuple[str, str]]) -> ReviewerPair:
    n, agreed = len(judged), sum(one == other for one, other in judged)
    first, second = Counter(one for one, _ in judged), Counter(other for _, other in judged)
    chance = sum(first[verb] * second[verb] for verb in first) / n**2
    return ReviewerPair(a, b, n, agreed, None if chance == 1 else (agreed / n - chance) / (1 - chance))
