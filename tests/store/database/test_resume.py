"""What a run resumes with: the counts of its decided questions, and the records of the others."""

from __future__ import annotations

import pytest

from store.database import resume
from store.database.workspace import Workspace
from store.records import ErrorRow
from tests.store import rows


def test_undecided_questions_come_back_with_their_very_records_in_idx_order(workspace: Workspace) -> None:
    half = rows.verdicts(1, until="difficulty")
    samples = rows.solutions(1)
    for batch in ([rows.question(2)], [rows.question(1), *half, *samples], rows.whole(0), rows.whole(0, "r2")):
        workspace.writer.put(batch)
    workspace.writer.put([ErrorRow("r1", 1, "solution", "boom"), ErrorRow("r1", 1, "solution", "boom", attempt=2)])
    workspace.writer.flush()
    with workspace.cursor() as cursor:
        begun, fresh = resume.undecided(cursor, "r1")
        decided = resume.decided(cursor, "r1")
    assert (begun.question.idx, fresh.question.idx) == (1, 2)
    assert begun.verdicts == {verdict.stage: verdict for verdict in half}
    assert begun.solutions == samples[::2]
    assert begun.attempts == 2
    assert (fresh.verdicts, fresh.solutions, fresh.attempts) == ({}, [], 0)
    assert fresh.question.params == {"temperature": 1.0}
    assert decided.present.tolist() == [True, False, False]
    assert (decided.kept["pair"], decided.dropped) == (1, {})


def test_undecided_questions_are_read_over_chunks_and_gaps(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "CHUNK", 2)
    numbers = [0, 9, 10, 35, 41]
    workspace.writer.put([rows.question(idx) for idx in numbers])
    workspace.writer.flush()
    with workspace.cursor() as cursor:
        assert [state.question.idx for state in resume.undecided(cursor, "r1")] == numbers
        assert list(resume.undecided(cursor, "none")) == []
        assert resume.decided(cursor, "none").count == 0
