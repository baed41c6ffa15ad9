from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.models.model_cache import ModelCache
from store.database.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "w") as opened:
        yield opened


@pytest.fixture(scope="session")
def model_cache() -> Iterator[ModelCache]:
    """Where models are; loaded by the first test that needs one."""
    made = ModelCache()
    yield made
    made.close()
