"""An area drawn on the map as an export's filter: exactly the questions in it; without its map, one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.exports import job, verify
from engine.exports.plan import Plan
from store.database.workspace import Workspace
from store.errors import InputError
from store.filters.filter import Filter
from store.map import files
from tests.engine.exports.conftest import DROPPED, PAIRS, REJECTED, fill
from tests.ui.cli.command import scalequest, sentence

VERSION, OTHER = "0123456789ab", "ba9876543210"
COLUMNS = [[2, 0], [8, 0], [8, 5], [2, 5]]
"""The map below has ten questions in a row: those that end in 2 to 7, of the first 50."""
UNMAPPED = 13
INSIDE = [idx for idx in range(50) if 2 <= idx % 10 < 8 and idx != UNMAPPED]
KEPT = [idx for idx in INSIDE if idx in (*range(PAIRS), 43) and idx not in REJECTED]


def chart(workspace: Workspace, version: str) -> None:
    """A map on which question i stands in row i // 10, column i % 10."""
    keys = files.question_keys(workspace)
    idx = keys & 0xFFFFFFFF
    keys, idx = keys[idx != UNMAPPED], idx[idx != UNMAPPED]
    folder = files.map_folder(workspace.path)
    made = folder / "made"
    made.mkdir(parents=True)
    draft = files.MapWriter.begin(folder, made, files.Meta(version, {}, 2, len(keys)))
    draft.append(keys, np.zeros((len(keys), 2)), np.stack([idx % 10 + 0.5, idx // 10 + 0.5], axis=1))


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("area") / "w"
    with Workspace.open(place) as opened:
        fill(opened)
        chart(opened, VERSION)
    return place


@pytest.fixture
def workspace(mapped: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of it, open."""
    shutil.copytree(mapped, tmp_path / "w")
    with Workspace.open(tmp_path / "w") as opened:
        yield opened


def drawn(version: str = VERSION, **more: Any) -> str:
    return json.dumps({"area": {"map": version, "points": COLUMNS}, **more})


def exported(path: Path) -> list[int]:
    """The idx of each row."""
    return [int(json.loads(line)["question_id"][-8:]) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_area_exports_exactly_the_questions_in_it(workspace: Workspace, tmp_path: Path) -> None:
    plan = Plan("jsonl", Filter.from_json(drawn()), full=True)
    assert job.start(workspace, plan, tmp_path / "out").status == "done"
    assert exported(tmp_path / "out" / "train.jsonl") == KEPT
    told = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert told["filter"] == json.loads(drawn())
    assert (told["counts"]["selected"], told["counts"]["rejected_left_out"]) == (len(KEPT), len(REJECTED))


def test_the_rest_of_the_filter_holds_in_the_area_too(workspace: Workspace, tmp_path: Path) -> None:
    plan = Plan("jsonl", Filter.from_json(drawn(status=["accepted", "rejected"])), full=True)
    job.start(workspace, plan, tmp_path / "out")
    assert exported(tmp_path / "out" / "train.jsonl") == [3, 4, 5, 6, 7]


def test_what_was_dropped_in_the_area_is_exported_as_such(workspace: Workspace, tmp_path: Path) -> None:
    job.start(workspace, Plan("rejected", Filter.from_json(drawn())), tmp_path / "out")
    rows = (tmp_path / "out" / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rows) == len([idx for idx in DROPPED if idx in INSIDE]) == 1


def test_an_area_on_a_map_that_was_made_anew_is_refused_and_never_takes_other_questions(
    workspace: Workspace, tmp_path: Path
) -> None:
    plan = Plan("jsonl", Filter.from_json(drawn()))
    job.start(workspace, plan, tmp_path / "out")
    assert verify.start(workspace, tmp_path / "out").message is None
    chart(workspace, OTHER)
    with pytest.raises(InputError, match="was drawn on another map"):
        job.start(workspace, plan, tmp_path / "again")
    with pytest.raises(InputError, match="was drawn on another map"):
        verify.start(workspace, tmp_path / "out")
    shutil.rmtree(files.map_folder(workspace.path))
    with pytest.raises(InputError, match="a map that does not exist"):
        job.start(workspace, plan, tmp_path / "again")
    assert {path.name for path in tmp_path.iterdir()} == {"w", "out"}


def test_the_command_takes_the_same_area(mapped: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    args = ("export", "--workspace", mapped, "--format", "jsonl", "--full", "--out", out, "--filter")
    done = scalequest(*args, drawn())
    assert done.returncode == 0, done.stderr
    assert exported(out / "train.jsonl") == KEPT
    shutil.rmtree(out)
    assert "another map" in sentence(scalequest(*args, drawn(OTHER)))
    assert not out.exists()
