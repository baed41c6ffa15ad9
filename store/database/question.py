"""The story of one question: all that is stored of it, found by its key.

Table by table: what the views ``questions``, ``solutions`` and ``pairs`` join is joined here (a test compares), since
planning their joins takes longer than reading the rows.
"""

from __future__ import annotations

import json
from typing import Any

import duckdb

from store.database import ids
from store.database.arrow import split
from store.database.review_state import events, replay_events
from store.database.views import narrowed
from store.errors import InputError
from store.records import STAGES
from store.times import from_db

Row = dict[str, Any]
_ORDER = ("key", "value", "model")
"""Of labels."""


def tell(cursor: duckdb.DuckDBPyConnection, question: str) -> Row:
    """All that is known of one question: text, run, verdicts, solutions with rewards, labels, errors, decisions, pair.

    InputError for an id that is not in the workspace.
    """
    q = ids.find(cursor, question)
    found = None if q is None else _question(cursor, q)
    if q is None or found is None or found["question_id"] != question:
        raise InputError("question", question, "is not in this workspace", "ids look like RUN-00000042")
    run_id, idx = split(question)
    rewards = _dicts(cursor, "SELECT sample, reward_model, reward, leads FROM reward_rows WHERE q = $q", {"q": q})
    order = {stage: position for position, stage in enumerate(STAGES)}
    failed = "SELECT * FROM errors WHERE run_id = ? AND idx = ? ORDER BY created_at"
    told: Row = {
        "question": found,
        "run": _dicts(cursor, "SELECT * FROM runs WHERE run_id = ?", [run_id])[0],
        "verdicts": sorted(_of(cursor, "verdicts", q), key=lambda verdict: order.get(verdict["stage"], len(order))),
        "solutions": _solutions(cursor, q),
        "labels": sorted(_of(cursor, "labels", q), key=lambda label: [label[name] or "" for name in _ORDER]),
        "errors": _dicts(cursor, failed, [run_id, idx]),
        "decisions": events(cursor, q),
    }
    for solution in told["solutions"]:
        of = [reward for reward in rewards if reward["sample"] == solution["sample"]]
        solution["rewards"] = {reward["reward_model"]: reward["reward"] for reward in of}
    told["pair"] = _pair(told, {r["sample"]: r["reward"] for r in rewards if r["leads"]})
    for row in (*told["verdicts"], *told["labels"]):
        del row["question_id"]
    return told


def _pair(told: Row, rewards: dict[int, float | None]) -> Row | None:
    """The row of ``pairs``; ``rewards``: the leading one of each sample."""
    question, labels = told["question"], {label["key"]: label["value"] for label in told["labels"]}
    verdicts = {verdict["stage"]: verdict for verdict in told["verdicts"]}
    now = replay_events(told["decisions"])
    wanted = labels.get("chosen") if now.sample is None else str(now.sample)
    chosen = next((s for s in told["solutions"] if str(s["sample"]) == wanted), None)
    passed = "pair" in verdicts and all(verdict["kept"] for verdict in verdicts.values())
    if chosen is None or not (passed or now.status == "accepted"):
        return None
    return {
        "question_id": question["question_id"],
        "run_id": question["run_id"],
        "generator": question["generator"],
        "query": question["text"] if now.query is None else now.query,
        "response": chosen["text"] if now.response is None else now.response,
        "answer": chosen["answer"] if now.answer is None else now.answer,
        "topic": labels.get("topic"),
        "difficulty": verdicts["difficulty"]["score"] if "difficulty" in verdicts else None,
        "reward": rewards.get(chosen["sample"]),
        "agreement": float(labels["agreement"]) if "agreement" in labels else None,
        "majority_answer": labels.get("majority_answer"),
        "reference_answer": question["reference_answer"],
        "n_solutions": len(told["solutions"]),
        "status": now.status,
        "tags": now.tags,
        "edited": now.edited,
    }


def _question(cursor: duckdb.DuckDBPyConnection, q: int) -> Row | None:
    """The row of ``questions``."""
    rows = _dicts(cursor, "SELECT * EXCLUDE (q, chars) FROM question_rows WHERE q = $q", {"q": q})
    texts = _dicts(cursor, "SELECT text, extra FROM question_text WHERE q = $q", {"q": q})
    return rows[0] | texts[0] if rows and texts else None


def _solutions(cursor: duckdb.DuckDBPyConnection, q: int) -> list[Row]:
    """The rows of ``solutions``, by sample."""
    texts = dict(cursor.execute("SELECT sample, text FROM solution_text WHERE q = $q", {"q": q}).fetchall())
    query = """
        SELECT question_id || '-' || sample AS solution_id, * EXCLUDE (q, run_id, chars)
        FROM solution_rows WHERE q = $q"""
    rows = [{**row, "text": texts[row["sample"]]} for row in _dicts(cursor, query, {"q": q}) if row["sample"] in texts]
    return sorted(rows, key=lambda row: row["sample"])


def _of(cursor: duckdb.DuckDBPyConnection, view: str, q: int) -> list[Row]:
    """The rows that a view of one table has of a question, told by its key."""
    return _dicts(cursor, f"FROM ({narrowed(view, '{}.q = $q')})", {"q": q})


def _dicts(cursor: duckdb.DuckDBPyConnection, query: str, values: list[Any] | dict[str, Any]) -> list[Row]:
    """The rows as dicts, JSON columns parsed, times with their zone."""
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
