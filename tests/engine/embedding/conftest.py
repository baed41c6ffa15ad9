from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.embedding import job
from engine.training.curriculum import sample
from store.database.workspace import Workspace
from tests.engine.checks.stored import imported

MANY = 400
PLANTED = "A shop sells apples for 3 dollars each. How many dollars do 7 apples cost?"
PARAPHRASE = "If apples are sold for 4 dollars each in a shop, how many dollars do 9 apples cost?"


def texts(count: int = MANY, seed: int = 3) -> list[str]:
    """Problems of the nano curriculum, the planted one and its paraphrase the last two."""
    luck = random.Random(seed)
    return [sample(luck).question for _ in range(count - 2)] + [PLANTED, PARAPHRASE]


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a map of all its questions: nobody writes to it."""
    folder = tmp_path_factory.mktemp("map") / "w"
    with Workspace.open(folder) as workspace:
        imported(workspace, texts())
        assert job.run(workspace).status == "done"
    return folder


@pytest.fixture
def workspace(embedded: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of it, open."""
    shutil.copytree(embedded, tmp_path / "w")
    with Workspace.open(tmp_path / "w") as opened:
        yield opened
