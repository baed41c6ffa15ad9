from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import ids as keys
from store.database.review_state import events
from store.database.workspace import Workspace
from store.frame.cache import Frames
from store.records import question_id
from store.review.reviewers import Entry, entry_of
from tests.store import rows
from tests.store.explore.test_query import varied

ROWS = 120


def history_of(workspace: Workspace, question: str) -> list[Entry]:
    """The events of a question, newest first, each event of a bulk as its own; empty for an unknown question."""
    with workspace.cursor() as cursor:
        q = keys.find(cursor, question)
        log = [] if q is None else events(cursor, q)
    return [Entry(**entry_of(event)) for event in reversed(log) if event["question_id"] == question]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Two runs of questions, some dropped on the way, some pending."""
    luck = random.Random(3)
    with Workspace.open(tmp_path / "w") as opened:
        for run in ("r1", "r2"):
            opened.create_run(rows.run(run))
        for idx in range(ROWS):
            opened.writer.put(varied(idx, ("r1", "r2")[idx % 3 == 0], luck))
        opened.writer.put(rows.whole(ROWS))
        opened.writer.flush()
        yield opened


@pytest.fixture
def frames() -> Frames:
    return Frames()


@pytest.fixture
def ids(workspace: Workspace) -> list[str]:
    """All questions, in the order of their keys."""
    with workspace.cursor() as cursor:
        return [key for (key,) in cursor.execute("SELECT question_id FROM question_rows ORDER BY q").fetchall()]


@pytest.fixture
def pair() -> str:
    """A question that passed every stage: two solutions, of which 1 is chosen."""
    return question_id("r1", ROWS)
