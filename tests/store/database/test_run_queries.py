"""What is read back of runs: resume state, costs, counts, failures, single questions, two runs on shared bins."""

from __future__ import annotations

import pytest

from store.database import run_queries
from store.database.question import read_question
from store.database.run_queries import Contents, Counts, contents, counts, failures
from store.database.workspace import Workspace
from store.errors import InputError
from store.explore.overview import BINS, compared
from store.frame.cache import Frames
from store.records import ErrorRow, Verdict
from tests.store import rows


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
        story = read_question(cursor, "r1-00000000")
        with pytest.raises(InputError, match="'r1-00000009' is not in this workspace"):
            read_question(cursor, "r1-00000009")
        with pytest.raises(InputError):
            read_question(cursor, "nonsense")
    assert story["question"]["text"] == "What is 0 + 0?"
    assert story["question"]["params"] == {"temperature": 1.0}
    assert story["run"]["config"] == {"profile": "nano"}
    assert [verdict["stage"] for verdict in story["verdicts"]][-2:] == ["solution", "pair"]
    assert [solution["rewards"] for solution in story["solutions"]] == [{"reward": -0.2}, {"reward": -0.1}]
    assert {label["key"] for label in story["labels"]} == {"topic", "majority_answer", "chosen", "agreement"}
    assert story["errors"][0]["message"] == "boom"
    assert story["decisions"][0]["payload"] == {"text": "nice"}
    assert story["pair"]["response"] == "Sample 1: \\boxed{0}"


def test_a_run_is_counted_with_what_it_made_and_what_failed(workspace: Workspace) -> None:
    for run in ("r1", "r2"):
        workspace.create_run(rows.run(run))
    workspace.writer.put([row for idx in range(3) for row in rows.whole(idx)])
    workspace.writer.put([rows.question(3), *rows.verdicts(3, drop="solvability"), rows.decide("e1", 0, "accept")])
    workspace.writer.put([ErrorRow("r1", idx, "solution", f"no answer {idx}") for idx in (4, 5, 6)])
    workspace.writer.flush()
    with workspace.cursor() as cursor:
        assert counts(cursor, ["r1", "r2", "r9"]) == {"r1": Counts(4, 3, 3), "r2": Counts(), "r9": Counts()}
        assert contents(cursor, "r1") == Contents(questions=4, pairs=3, decisions=1, preferences=0)
        assert [row.idx for row in failures(cursor, "r1", first=1)] == [5, 6]
        newest = failures(cursor, "r1", most=2, newest_first=True)
        assert [row.message for row in newest] == ["no answer 6", "no answer 5"]
        assert failures(cursor, "r2") == []


def test_two_runs_are_counted_on_the_same_bins(workspace: Workspace) -> None:
    for run, questions, topic in (("r1", 3, "Algebra"), ("r2", 2, "Geometry")):
        workspace.create_run(rows.run(run))
        for idx in range(questions):
            whole = rows.whole(idx, run)
            whole[0] = rows.question(idx, run, "What?" if run == "r1" else "What is it, " * 9)
            labels = rows.labels(idx, run, topic=topic)
            workspace.writer.put([*(row for row in whole if row not in rows.labels(idx, run)), *labels])
    workspace.writer.flush()
    found = compared(Frames().of(workspace), "r1", "r2")
    first, second = found["length"]
    assert [(b.label, b.low, b.high) for b in first] == [(b.label, b.low, b.high) for b in second]
    assert (first[0].every, second[0].every, first[BINS - 1].every, second[BINS - 1].every) == (3, 0, 0, 2)
    assert [(b.label, b.every, c.every) for b, c in zip(*found["topic"], strict=True)] == [
        ("Algebra", 3, 0),
        ("Geometry", 0, 2),
    ]
    assert [sum(b.kept for b in bins) for bins in found["difficulty"]] == [3, 2]
