"""Everything that is stored of one question, found by its key.

Tables are joined here instead of by the views: planning the views' joins takes longer than reading the rows. A property
test compares the result with the views.
"""

from collections.abc import Iterable
from typing import Any

import duckdb

from store.database import ids
from store.database.arrow import split
from store.database.outcomes import StageOutcome, is_pair
from store.database.review_state import events, replay_events, row_dicts
from store.database.views import narrowed
from store.errors import InputError
from store.records import STAGES

Row = dict[str, Any]


def read_question(cursor: duckdb.DuckDBPyConnection, question_id: str) -> Row:
    """The question with its run, verdicts, solutions (with rewards), labels, rates, errors, decisions, and its row of
    ``pairs`` (None if it is not a pair). InputError for an id that is not in the workspace.
    """
    q = ids.find(cursor, question_id)
    question = None if q is None else _question(cursor, q)
    if q is None or question is None or question["question_id"] != question_id:
        raise InputError("question", question_id, "is not in this workspace", "ids look like RUN-00000042")
    run_id, idx = split(question_id)
    rewards = row_dicts(cursor, "SELECT sample, reward_model, reward, leads FROM reward_rows WHERE q = $q", {"q": q})
    failed = "SELECT * FROM errors WHERE run_id = ? AND idx = ? ORDER BY created_at"
    row: Row = {
        "question": question,
        "run": row_dicts(cursor, "SELECT * FROM runs WHERE run_id = ?", [run_id])[0],
        "verdicts": sorted(_of_view(cursor, "verdicts", q), key=lambda verdict: STAGES.index(verdict["stage"])),
        "solutions": _solutions(cursor, q),
        "labels": sorted(_of_view(cursor, "labels", q), key=_by_key_and_value),
        "rates": _of_view(cursor, "rates", q),
        "errors": row_dicts(cursor, failed, [run_id, idx]),
        "decisions": events(cursor, q),
    }
    for solution in row["solutions"]:
        mine = [reward for reward in rewards if reward["sample"] == solution["sample"]]
        solution["rewards"] = {reward["reward_model"]: reward["reward"] for reward in mine}
    row["pair"] = _pair(row, {r["sample"]: r["reward"] for r in rewards if r["leads"]})
    return row


def read_texts(cursor: duckdb.DuckDBPyConnection, question_ids: Iterable[str]) -> dict[str, str]:
    """The original texts of these questions by question_id; unknown ids are left out."""
    wanted = {q: key for key in question_ids if (q := ids.find(cursor, key)) is not None}
    if not wanted:
        return {}
    rows = cursor.execute(f"SELECT question_id, text FROM ({narrowed('questions')})", {"q": list(wanted)}).fetchall()
    texts = dict(rows)
    return {key: texts[key] for key in wanted.values() if key in texts}


def _pair(row: Row, first_rewards: dict[int, float | None]) -> Row | None:
    """The row of ``pairs``; ``first_rewards``: by sample."""
    question, labels = row["question"], {label["key"]: label["value"] for label in row["labels"]}
    state = replay_events(row["decisions"])
    wanted = labels.get("chosen") if state.sample is None else str(state.sample)
    chosen = next((s for s in row["solutions"] if str(s["sample"]) == wanted), None)
    outcome = StageOutcome.of({verdict["stage"]: verdict["kept"] for verdict in row["verdicts"]})
    if not is_pair(outcome.passed, state.status == "accepted", chosen is not None) or chosen is None:
        return None
    return {
        **{name: question[name] for name in ("question_id", "run_id", "generator", "reference_answer")},
        **{name: chosen[name] for name in ("reasoning", "correct", "reasoning_tokens", "finish_reason")},
        "response_chars": len(chosen["text"]) + len(chosen["reasoning"] or ""),
        "pass_rate": next((r["pass_rate"] for r in row["rates"] if r["pass_rate"] is not None), None),
        "novelty": float(labels["novelty"]) if "novelty" in labels else None,
        "repetition": float(labels["repetition"]) if "repetition" in labels else None,
        "checkability": labels.get("checkability"),
        "query": question["text"] if state.query is None else state.query,
        "response": chosen["text"] if state.response is None else state.response,
        "answer": chosen["answer"] if state.answer is None else state.answer,
        "topic": labels.get("topic"),
        "difficulty": next((v["score"] for v in row["verdicts"] if v["stage"] == "difficulty"), None),
        "reward": first_rewards.get(chosen["sample"]),
        "agreement": float(labels["agreement"]) if "agreement" in labels else None,
        "majority_answer": labels.get("majority_answer"),
        "n_solutions": len(row["solutions"]),
        "status": state.status,
        "tags": state.tags,
        "edited": state.edited,
    }


def _question(cursor: duckdb.DuckDBPyConnection, q: int) -> Row | None:
    """The row of ``questions``."""
    rows = row_dicts(cursor, "SELECT * EXCLUDE (q, chars) FROM question_rows WHERE q = $q", {"q": q})
    texts = row_dicts(cursor, "SELECT text, extra FROM question_text WHERE q = $q", {"q": q})
    return rows[0] | texts[0] if rows and texts else None


def _solutions(cursor: duckdb.DuckDBPyConnection, q: int) -> list[Row]:
    """The rows of ``solutions``, by sample."""
    query = "SELECT sample, text, reasoning FROM solution_text WHERE q = $q"
    texts = {one["sample"]: one for one in row_dicts(cursor, query, {"q": q})}
    query = """
        SELECT question_id || '-' || sample AS solution_id, * EXCLUDE (q, run_id, chars, reasoning_chars)
        FROM solution_rows WHERE q = $q"""
    rows = [{**row, **texts[row["sample"]]} for row in row_dicts(cursor, query, {"q": q}) if row["sample"] in texts]
    return sorted(rows, key=lambda row: row["sample"])


def _by_key_and_value(label: Row) -> list[str]:
    return [label[name] or "" for name in ("key", "value", "model")]


def _of_view(cursor: duckdb.DuckDBPyConnection, view: str, q: int) -> list[Row]:
    """A question's rows in a view of one table, without ``question_id``."""
    return row_dicts(cursor, f"SELECT * EXCLUDE (question_id) FROM ({narrowed(view, '{}.q = $q')})", {"q": q})
