"""A first look at runs: its counts say of how many questions, and of how many pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from store.database.workspace import Workspace
from store.explore.overview import BINS, overview
from store.frame.cache import Frames
from store.records import Reward, Verdict
from tests.store import rows


def test_a_run_is_counted_in_all_and_in_pairs(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w", create=True) as workspace:
        for run in ("r1", "r2"):
            workspace.create_run(rows.run(run))
        workspace.writer.put([row for idx in range(3) for row in rows.whole(idx)])
        workspace.writer.put([rows.question(3), *rows.verdicts(3, drop="solvability"), *rows.labels(3, chosen=None)])
        workspace.writer.put(rows.whole(0, "r2"))
        workspace.writer.flush()
        frame = Frames().of(workspace)
        found = overview(workspace, frame, ["r1"], pairs=2)
        again = overview(workspace, frame, ["r1"], pairs=2)
        both = overview(workspace, frame, ["r1", "r2"])
    assert found == again
    assert (found.funnel[0].entered, found.funnel[-1].kept) == (4, 3)
    difficulty = found.counts["difficulty"]
    assert len(difficulty) == BINS
    assert (difficulty[0].low, difficulty[-1].high) == (0.0, pytest.approx(1.0))
    assert [(b.every, b.kept) for b in difficulty if b.low is not None and b.low <= 0.4 < (b.high or 0)] == [(3, 3)]
    assert [(b.label, b.every, b.kept) for b in found.counts["topic"]] == [("Algebra", 4, 3)]
    assert sum(b.every for b in found.counts["length"]) == 4
    assert [pair.question_id for pair in found.pairs] == ["r1-00000000", "r1-00000002"]
    assert (both.funnel[0].entered, both.funnel[-1].kept, len(both.pairs)) == (5, 4, 3)
    assert [(b.label, b.every, b.kept) for b in both.counts["topic"]] == [("Algebra", 5, 4)]
    assert found.pairs[0].response == "Sample 1: \\boxed{0}"


def test_the_pairs_shown_go_from_easy_to_hard_each_the_best_of_its_part(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w", create=True) as workspace:
        workspace.create_run(rows.run())
        for idx in range(6):
            written = rows.whole(idx)
            hard = [
                replace(row, score=1 - idx / 10) if isinstance(row, Verdict) and row.stage == "difficulty" else row
                for row in written
            ]
            better = [replace(row, reward=(row.reward or 0) + idx) if isinstance(row, Reward) else row for row in hard]
            workspace.writer.put(better)
        workspace.writer.flush()
        found = overview(workspace, Frames().of(workspace), ["r1"]).pairs
    assert [pair.question_id[-1] for pair in found] == ["5", "3", "1"]


def test_a_run_without_rows_has_empty_counts(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w", create=True) as workspace:
        workspace.create_run(rows.run())
        found = overview(workspace, Frames().of(workspace), ["r1"])
    assert found.pairs == []
    assert set(map(len, found.counts.values())) == {0}
    assert {row.entered for row in found.funnel} == {0}
