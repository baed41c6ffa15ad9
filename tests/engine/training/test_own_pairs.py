"""QPO learns from pairs made of its own generator's samples, however the workspace knows whose they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.training import json_lines
from engine.training.pairs import stored
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import Preference, question_id
from tests.engine.training.generators import refusal
from tests.store.rows import run, whole


def pair(name: str, number: int, question: str | None = None) -> Preference:
    texts = (f"{name} better {number}", f"{name} worse {number}")
    return Preference(f"{name}-{number:08d}", *texts, "solvable", "reviewer" if question else "rewriter", question)


def chosen(workspace: Workspace, base: str | None) -> set[str]:
    return {better.split()[0] for better, _ in stored(workspace, base)[0]}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Pairs of two named sets, whose samples tell their generators, and of one without samples."""
    made = Workspace.open(tmp_path / "w")
    logs = made.path / "logs"
    logs.mkdir(exist_ok=True)
    for name, generator in (("first", "hub/one"), ("second", "/gone/models/two")):
        json_lines.append(logs / f"pairs-{name}-samples.jsonl", [{"generator": generator, "seed": 0}])
    made.writer.put([pair(name, number) for name in ("first", "second", "three") for number in range(2)])
    made.writer.flush()
    return made


def test_the_file_of_samples_tells_and_else_the_pairs_name(workspace: Workspace) -> None:
    with workspace:
        assert chosen(workspace, "hub/one") == {"first"}
        assert chosen(workspace, "/here/models/two") == {"second"}  # the folder that it was in is gone
        assert chosen(workspace, "hub/three") == {"three"}
        assert chosen(workspace, None) == {"first", "second", "three"}
        assert stored(workspace, "hub/one")[1][0] == {
            "file": str(workspace.path),
            "field": "preferences",
            "rows": 6,
            "used": 2,
        }


def test_a_folder_of_the_same_name_elsewhere_is_another_model(workspace: Workspace, tmp_path: Path) -> None:
    there = tmp_path / "models" / "same"
    there.mkdir(parents=True)
    json_lines.append(workspace.path / "logs" / "pairs-near-samples.jsonl", [{"generator": str(there), "seed": 0}])
    with workspace:
        workspace.writer.put([pair("near", 0)])
        workspace.writer.flush()
        assert chosen(workspace, str(there)) == {"near"}
        with pytest.raises(InputError, match="--any-generator"):
            stored(workspace, str(tmp_path / "other" / "same"))


def test_reviewed_questions_are_of_the_generator_of_their_run(workspace: Workspace) -> None:
    config = {"profile": {"generators": [{"name": "qgen-a", "model": "hub/four"}, {"name": "b", "model": "hub/five"}]}}
    with workspace:
        workspace.create_run(replace(run(), config=config))
        workspace.writer.put([*whole(0), pair("edit", 1, question_id("r1", 0))])
        workspace.writer.flush()
        assert chosen(workspace, "hub/four") == {"edit"}
        with pytest.raises(InputError, match="hub/four"):
            stored(workspace, "hub/five")


def test_where_none_is_its_own_one_sentence_says_whose_they_are(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    workspace.close()
    said = refusal(capsys, "qpo", "--base", "hub/nine", "--workspace", tmp_path / "w", "--name", "mine")
    assert "is not the generator of the workspace's 6 pairs, which are of /gone/models/two, hub/one, three" in said
    assert "--any-generator" in said
    assert not (tmp_path / "w" / "models" / "mine").exists()
