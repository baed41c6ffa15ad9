"""Runs as an import leaves them, and what must hold of a run whatever was checked in it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from store.database import run_queries
from store.database.workspace import Workspace
from store.records import STAGES, Label, Question, Record, Run, Solution, Verdict, question_id, solution_id


def question(run_id: str, idx: int, text: str) -> Question:
    return Question(question_id(run_id, idx), run_id, idx, text, "file", "", {}, 0, 0, "stop")


def imported(
    workspace: Workspace,
    texts: Sequence[str],
    responses: Sequence[Sequence[str]] | None = None,
    run_id: str = "i1",
    again: frozenset[int] | set[int] = frozenset(),
) -> Run:
    """Each text with its responses (one that states 7 where none are given). ``again``: exact duplicates, dropped."""
    run = Run(run_id, f"file {run_id}", "import", {}, "hash", 0, status="done")
    workspace.create_run(run)
    rows: list[Record] = []
    for idx, text in enumerate(texts):
        key = question_id(run_id, idx)
        own = responses[idx] if responses is not None else ["It is \\boxed{7}."]
        rows.append(question(run_id, idx, text))
        for sample, response in enumerate(own):
            answer = response.partition("\\boxed{")[2].partition("}")[0] or None
            rows.append(Solution(solution_id(key, sample), key, sample, response, answer, "import", 0, 0, 0.0, "stop"))
        rows += _verdicts(key, bool(own), idx in again)
        if own:
            rows.append(Label(key, "chosen", "0", "import"))
    workspace.writer.put(rows)
    workspace.writer.flush()
    return run


def _verdicts(key: str, answered: bool, again: bool) -> list[Verdict]:
    drop = "duplicate" if again else None if answered else "solution"
    stages = STAGES[: STAGES.index(drop) + 1] if drop else STAGES
    reasons = {"duplicate": "exact_duplicate", "solution": "no_answer"}
    return [
        Verdict(key, stage, "import", stage != drop, reason=reasons[stage] if stage == drop else None)
        for stage in stages
    ]


def whole(workspace: Workspace, run_id: str) -> dict[str, tuple[int, int, int, int]]:
    """The run's funnel, by stage (entered, kept, dropped, pending), once it is seen to be whole."""
    with workspace.cursor() as cursor:
        funnel = run_queries.funnel(cursor, run_id)
        pairs = cursor.execute("SELECT count(*) FROM pairs WHERE run_id = ?", [run_id]).fetchone()
        twice = cursor.execute("SELECT 1 FROM verdicts GROUP BY question_id, stage HAVING count(*) > 1").fetchall()
    for before, row in pairwise(funnel):
        assert row.entered == before.kept - row.pending == row.kept + row.dropped
    assert pairs is not None
    assert funnel[-1].kept == pairs[0]
    assert not twice
    return {row.stage: (row.entered, row.kept, row.dropped, row.pending) for row in funnel}


def rows(workspace: Workspace, query: str, *values: object) -> list[tuple[Any, ...]]:
    workspace.writer.flush()
    with workspace.cursor() as cursor:
        return cursor.execute(query, list(values)).fetchall()


EVERYTHING = """
    SELECT question_id, 'verdict ' || stage, judge, kept::VARCHAR, reason, round(score, 4)::VARCHAR, raw FROM verdicts
    UNION ALL SELECT question_id, key, model, NULL, NULL, NULL, value FROM labels
    UNION ALL SELECT solution_id, 'reward', reward_model, NULL, NULL, round(reward, 3)::VARCHAR, NULL FROM rewards
    UNION ALL SELECT run_id, 'error', stage, NULL, NULL, idx::VARCHAR, message FROM errors
    ORDER BY ALL"""
"""All that a check may change, without its times and costs."""
