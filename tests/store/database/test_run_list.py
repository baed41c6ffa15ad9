"""What a list of runs tells, and two runs on shared bins."""

from __future__ import annotations

from store.database.run_list import Contents, Counts, contents, counts, failures, latest_failures
from store.database.workspace import Workspace
from store.explore.overview import BINS, compared
from store.frame.cache import Frames
from store.records import ErrorRow
from tests.store import rows


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
        assert [row.message for row in latest_failures(cursor, "r1", most=2)] == ["no answer 6", "no answer 5"]
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
