from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from store.database.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "w") as opened:
        yield opened


Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def ask(workspace: Workspace) -> Ask:
    """Rows of a query, after everything put is durable."""

    def answer(query: str, *values: object) -> list[tuple[Any, ...]]:
        workspace.writer.flush()
        with workspace.cursor() as cursor:
            return cursor.execute(query, list(values)).fetchall()

    return answer
