"""How long right, wrong and cut-off solutions are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from store.database.workspace import Workspace
from store.explore.lengths import lengths
from store.frame.cache import Frames
from store.records import Record, Solution
from tests.store import rows


def solved(idx: int, chars: int, correct: str | None, finish: str = "stop") -> list[Record]:
    def changed(record: Record) -> Record:
        if not isinstance(record, Solution):
            return record
        half = chars // 2
        return replace(record, text="x" * (chars - half), reasoning="y" * half, correct=correct, finish_reason=finish)  # type: ignore[arg-type]

    return [changed(record) for record in rows.whole(idx)]


def test_each_outcome_has_its_lengths_with_reasoning(workspace: Workspace) -> None:
    workspace.create_run(rows.run())
    lasting = [(100, "same"), (200, "same"), (300, "same"), (4000, "different"), (50, None)]
    for idx, (chars, correct) in enumerate(lasting):
        workspace.writer.put(solved(idx, chars, correct))
    workspace.writer.put(solved(9, 8000, "undecided", "length"))
    workspace.writer.flush()
    frame = Frames().of(workspace, now=True)
    found = lengths(frame, np.ones(frame.size, bool))
    assert found is not None
    told = {one.name: (sum(one.counts), one.median) for one in found.outcomes}
    assert told == {"same": (3, 200.0), "different": (1, 4000.0), "cut": (1, 8000.0)}
    assert found.edges == sorted(found.edges)
    assert found.edges[0] <= 50
    assert found.edges[-1] > 8000


def test_without_gold_answers_there_is_nothing_to_compare(workspace: Workspace) -> None:
    workspace.create_run(rows.run())
    workspace.writer.put(rows.whole(0))
    workspace.writer.flush()
    frame = Frames().of(workspace, now=True)
    assert lengths(frame, np.ones(frame.size, bool)) is None
