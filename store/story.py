"""The story of one question: all that is stored of it, found by its key.

Its pair is put together here from the rows that are read anyway: the view ``pairs`` gives the same (a test compares),
but planning its joins takes as long as all else.
"""

from __future__ import annotations

import json
from typing import Any

import duckdb

from store import keys
from store.columns import split
from store.errors import InputError
from store.records import STAGES
from store.stands import events, stands
from store.times import from_db
from store.views import narrowed

Row = dict[str, Any]


def tell(cursor: duckdb.DuckDBPyConnection, question: str) -> Row:
    """All that is known of one question: text, run, verdicts, solutions with rewards, labels, errors, decisions, pair.

    InputError for an id that is not in the workspace.
    """
    q = keys.find(cursor, question)
    found = [] if q is None else [row for row in _of(cursor, "questions", q) if row["question_id"] == question]
    if q is None or not found:
        raise InputError("question", question, "is not in this workspace", "ids look like RUN-00000042")
    run_id, idx = split(question)
    rewards = _dicts(cursor, "SELECT sample, reward_model, reward, leads FROM reward_rows WHERE q = $q", {"q": q})
    order = {stage: position for position, stage in enumerate(STAGES)}
    failed = "SELECT * FROM errors WHERE run_id = ? AND idx = ? ORDER BY created_at"
    told: Row = {
        "question": found[0],
        "run": _dicts(cursor, "SELECT * FROM runs WHERE run_id = ?", [run_id])[0],
        "verdicts": sorted(_of(cursor, "verdicts", q), key=lambda verdict: order.get(verdict["stage"], len(order))),
        "solutions": _of(cursor, "solutions", q, "sample"),
        "labels": _of(cursor, "labels", q, "key, value, model"),
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
    now = stands(told["decisions"])
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


def _of(cursor: duckdb.DuckDBPyConnection, view: str, q: int, order: str | None = None) -> list[Row]:
    """A view's rows of one question, told by its key."""
    found = _dicts(cursor, f"FROM ({narrowed(view, '{}.q = $q')})" + (f" ORDER BY {order}" if order else ""), {"q": q})
    return [{name: value for name, value in row.items() if name != "q"} for row in found]


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
