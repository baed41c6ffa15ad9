"""The questions of a live run as the workspace has them: what a page shows of a run that it did not watch."""

from dataclasses import fields
from typing import Any, TypeVar

from engine.config.run_config import RunConfig
from engine.pipeline.live import Snapshot
from engine.pipeline.live_questions import LiveQuestions
from engine.pipeline.types import Grouper
from store.database.question import read_question
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import ErrorRow, Label, Question, Record, Reward, Run, Solution, Verdict, question_id, solution_id

_MOST = 1_000
"""Questions of a live run that are read: a page asks for far fewer."""
_T = TypeVar("_T", Question, Verdict, Solution, Label)


def live_run(workspace: Workspace, run_id: str) -> Run:
    """The live run of this id. InputError where there is none."""
    run = workspace.run(run_id)
    if run.kind != "live":
        raise InputError("run", run_id, "was not sampled live", "look at it in Explore or in Runs")
    return run


def snapshot(workspace: Workspace, run: Run, pool: Grouper) -> Snapshot:
    """The stored state of a live run. Questions that were never stored are empty."""
    config = RunConfig.from_json(run.config)
    questions = LiveQuestions(config, run.run_id, pool)
    with workspace.cursor() as cursor:
        for idx in range(min(config.limit, _MOST)):
            try:
                stored = read_question(cursor, question_id(run.run_id, idx))
            except InputError:
                continue
            questions.on_rows(_records(stored, run.run_id, idx))
    seconds = (run.ended_at - run.created_at).total_seconds() if run.ended_at is not None else 0.0
    status = "interrupted" if run.status == "paused" else run.status
    return Snapshot(run.run_id, status, run.error, questions.all, questions.tokens, seconds)


def regenerated(runs: list[Run], run_id: str) -> list[Run]:
    """The runs, oldest first, that repeat a question of this run or of one of these."""
    found = {run_id}
    for run in runs:
        origin = run.config.get("regenerated_from")
        if run.kind == "live" and isinstance(origin, str) and origin.rpartition("-")[0] in found:
            found.add(run.run_id)
    return [run for run in runs if run.run_id in found - {run_id}]


def _records(stored: dict[str, Any], run_id: str, idx: int) -> list[Record]:
    """The rows of a question in an order in which a run writes them."""
    key = question_id(run_id, idx)
    verdicts = [_record(Verdict, {"question_id": key, **row}) for row in stored["verdicts"]]
    solutions = [_record(Solution, {"question_id": key, **row}) for row in stored["solutions"]]
    rewards: list[Record] = [
        Reward(solution_id(key, row["sample"]), model, reward)
        for row in stored["solutions"]
        for model, reward in list(row["rewards"].items())[:1]
    ]
    labels = [_record(Label, {"question_id": key, **row}) for row in stored["labels"]]
    judged = {verdict.stage for verdict in verdicts}
    errors: list[Record] = [
        ErrorRow(run_id, idx, row["stage"], row["message"]) for row in stored["errors"] if row["stage"] not in judged
    ]
    return [_record(Question, stored["question"]), *solutions, *rewards, *labels, *verdicts, *errors]


def _record(kind: type[_T], row: dict[str, Any]) -> _T:
    """A record of a row that may have further columns."""
    return kind(**{field.name: row[field.name] for field in fields(kind) if field.name in row})
