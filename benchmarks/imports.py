"""``imports``: how many of the layouts in which people hold data are read rightly at the first guess.

Each layout of ``layouts`` is a few rows with what is right: question, responses, gold answer and per-sample fields. It
is imported without any option, and what is stored is compared whole.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.layouts import LAYOUTS, Case, Right
from engine.imports import job
from store.database.workspace import Workspace
from store.errors import InputError

GOALS = {"right": "layouts read whole at the first guess; goal: all", "of": "layouts"}
_QUERY = """
    SELECT q.question_id, q.text, q.reference_answer, q.extra, i.drop_stage, i.n_solutions, i.agreement, i.topic
    FROM questions q JOIN items i USING (question_id) WHERE q.run_id = ? ORDER BY q.idx"""
_SAMPLES = """
    SELECT s.text, s.reasoning, s.finish_reason, s.solver, s.correct, s.answer, r.reward
    FROM solutions s LEFT JOIN rewards r USING (solution_id) WHERE s.question_id = ? ORDER BY s.sample"""


def measure() -> dict[str, Any]:
    """``right`` of how many layouts."""
    faults = {case.name: found for case in LAYOUTS if (found := faults_of(case))}
    for name, several in faults.items():
        print(f"{name}: {'; '.join(several)}")
    return {"right": len(LAYOUTS) - len(faults), "of": len(LAYOUTS)}


def faults_of(case: Case) -> list[str]:
    """What of a layout is not read as it should be; nothing where all is."""
    with tempfile.TemporaryDirectory() as folder, Workspace.open(Path(folder) / "workspace") as workspace:
        path = Path(folder) / f"rows.{case.suffix if isinstance(case.rows, str) else 'jsonl'}"
        lines = case.rows if isinstance(case.rows, str) else "".join(f"{json.dumps(row)}\n" for row in case.rows)
        path.write_text(lines, encoding="utf-8")
        try:
            run_id = job.start(workspace, str(path)).run_id
        except InputError as error:
            return [str(error)]
        stored = _stored(workspace, run_id)
    if len(stored) != len(case.right):
        return [f"{len(stored)} questions, not {len(case.right)}"]
    return [fault for found, right in zip(stored, case.right, strict=True) for fault in _faults(found, right)]


def _stored(workspace: Workspace, run_id: str) -> list[dict[str, Any]]:
    names = ("id", "query", "gold", "extra", "dropped", "n", "agreement", "topic")
    of_samples = ("responses", "reasoning", "finish", "solvers", "correct", "answers", "rewards")
    with workspace.cursor() as cursor:
        found = [dict(zip(names, row, strict=True)) for row in cursor.execute(_QUERY, [run_id]).fetchall()]
        for one in found:
            samples = cursor.execute(_SAMPLES, [one["id"]]).fetchall()
            one |= {name: [sample[place] for sample in samples] for place, name in enumerate(of_samples)}
            rates = "SELECT model, pass_rate, n FROM rates WHERE question_id = ?"
            one["rates"] = {model: (rate, n) for model, rate, n in cursor.execute(rates, [one["id"]]).fetchall()}
            labels = "SELECT key, value FROM labels WHERE question_id = ?"
            one |= {key: value for key, value in cursor.execute(labels, [one["id"]]).fetchall() if key != "agreement"}
            one["extra"] = json.loads(one["extra"])
    return found


def _faults(found: dict[str, Any], right: Right) -> list[str]:
    wanted: dict[str, Any] = {"query": right.query, "responses": list(right.responses), "gold": right.gold}
    wanted |= {"dropped": None, **right.more}
    kept = wanted.pop("extra", {})
    faults = [
        f"{name} is {found.get(name)!r}, not {value!r}" for name, value in wanted.items() if found.get(name) != value
    ]
    return faults + [
        f"extra has {name} = {found['extra'].get(name)!r}, not {value!r}"
        for name, value in kept.items()
        if found["extra"].get(name) != value
    ]
