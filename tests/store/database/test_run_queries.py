"""What is read back: resume state, costs, stories."""

from __future__ import annotations

import pytest

from store.database import run_queries
from store.database.question import tell
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import ErrorRow, Verdict
from tests.store import rows
from tests.store.conftest import Ask


def test_resume_state_gives_back_the_very_records_in_idx_order(workspace: Workspace, ask: Ask) -> None:
    half = rows.verdicts(1, until="difficulty")
    samples = rows.solutions(1)
    for batch in ([rows.question(2)], [rows.question(1), *half, *samples], rows.whole(0), rows.whole(0, "r2")):
        workspace.writer.put(batch)
    workspace.writer.put([ErrorRow("r1", 1, "solution", "boom"), ErrorRow("r1", 1, "solution", "boom", attempt=2)])
    workspace.writer.flush()
    with workspace.cursor() as cursor:
        done, begun, fresh = run_queries.resume_state(cursor, "r1")
    assert (done.question.idx, begun.question.idx, fresh.question.idx) == (0, 1, 2)
    assert done.decided
    assert done.solutions == []  # its fate is known: no text is read
    assert not begun.decided
    assert begun.verdicts == {verdict.stage: verdict for verdict in half}
    assert begun.solutions == samples[::2]
    assert begun.attempts == 2
    assert (fresh.verdicts, fresh.solutions, fresh.attempts) == ({}, [], 0)
    assert fresh.question.params == {"temperature": 1.0}


def test_resume_state_reads_on_over_chunks_and_gaps(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_queries, "CHUNK", 10)
    numbers = [0, 9, 10, 35, 41]
    workspace.writer.put([row for idx in numbers for row in rows.whole(idx)])
    workspace.writer.flush()
    with workspace.cursor() as cursor:
        states = list(run_queries.resume_state(cursor, "r1"))
        assert list(run_queries.resume_state(cursor, "none")) == []
    assert [state.question.idx for state in states] == numbers
    assert all(len(state.verdicts) == 7 for state in states)


def test_costs_add_up_tokens_and_seconds_of_every_stage(workspace: Workspace) -> None:
    workspace.create_run(rows.run())
    judged = Verdict("r1-00000000", "solvability", "judge", True, 0.9, None, "yes", 30, 2.0)
    workspace.writer.put([rows.question(0), judged, *rows.solutions(0), *rows.whole(0, "r2")])
    workspace.writer.flush()
    with workspace.cursor() as cursor:
        costs = {cost.stage: cost for cost in run_queries.costs(cursor, "r1")}
        assert run_queries.error_count(cursor, "r1") == 0
    assert list(costs) == ["generated", "language", *list(costs)[2:]]
    assert costs["generated"] == run_queries.Cost("generated", 1, 9, 0.5)
    assert costs["solvability"] == run_queries.Cost("solvability", 1, 30, 2.0)
    assert costs["solution"] == run_queries.Cost("solution", 2, 25, 0.5)
    assert costs["pair"] == run_queries.Cost("pair", 2, 0, 0.25)
    assert costs["language"] == run_queries.Cost("language", 0, 0, 0.0)


def test_the_funnel_of_an_unknown_run_is_empty(workspace: Workspace) -> None:
    with workspace.cursor() as cursor:
        assert run_queries.funnel(cursor, "none") == []


def test_a_story_tells_everything_about_one_question(workspace: Workspace) -> None:
    workspace.create_run(rows.run())
    workspace.writer.put([*rows.whole(0), *rows.whole(1), rows.decide("e0", 0, "note", text="nice")])
    workspace.writer.put([ErrorRow("r1", 0, "solution", "boom", attempt=1)])
    workspace.writer.flush()
    with workspace.cursor() as cursor:
        story = tell(cursor, "r1-00000000")
        with pytest.raises(InputError, match="'r1-00000009' is not in this workspace"):
            tell(cursor, "r1-00000009")
        with pytest.raises(InputError):
            tell(cursor, "nonsense")
    assert story["question"]["text"] == "What is 0 + 0?"
    assert story["question"]["params"] == {"temperature": 1.0}
    assert story["run"]["config"] == {"profile": "nano"}
    assert [verdict["stage"] for verdict in story["verdicts"]][-2:] == ["solution", "pair"]
    assert [solution["rewards"] for solution in story["solutions"]] == [{"reward": -0.2}, {"reward": -0.1}]
    assert {label["key"] for label in story["labels"]} == {"topic", "majority_answer", "chosen", "agreement"}
    assert story["errors"][0]["message"] == "boom"
    assert story["decisions"][0]["payload"] == {"text": "nice"}
    assert story["pair"]["response"] == "Sample 1: \\boxed{0}"
