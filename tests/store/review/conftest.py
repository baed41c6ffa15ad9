from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database.workspace import Workspace
from store.frame.cache import Frames
from store.records import question_id
from tests.store import rows
from tests.store.explore.test_query import varied

ROWS = 120


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
