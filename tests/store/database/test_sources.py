"""The bundled demo stands in for an empty workspace, apart from it, and only until it has a run of its own."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from store.database.question import read_question
from store.database.sources import Demo, SourceSelector, pack
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import Decision
from tests.store import rows


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    with Workspace.open(tmp_path / "made") as workspace:
        workspace.create_run(rows.run("r1", status="done"))
        workspace.writer.put([*rows.whole(0, "r1"), rows.question(1, "r1"), *rows.verdicts(1, "r1", drop="language")])
        workspace.writer.flush()
        size = pack(workspace, tmp_path / "demo")
        with workspace.cursor() as cursor:
            before = cursor.execute("FROM items ORDER BY question_id").fetchall()
    assert size == sum(f.stat().st_size for f in (tmp_path / "demo").iterdir())
    with Demo(tmp_path / "demo").cursor() as cursor:
        assert cursor.execute("FROM items ORDER BY question_id").fetchall() == before
    return tmp_path / "demo"


def test_an_empty_workspace_shows_the_demo_until_it_has_a_run(tmp_path: Path, demo: Path) -> None:
    with Workspace.open(tmp_path / "own") as workspace:
        sources = SourceSelector(workspace, demo)
        assert sources.shows_demo
        assert [run.run_id for run in sources.current().runs()] == ["r1"]
        assert sources.current() is sources.current()
        assert workspace.runs() == []
        workspace.create_run(rows.run("mine"))
        assert not sources.shows_demo
        assert [run.run_id for run in sources.current().runs()] == ["mine"]


def items(workspace: Workspace) -> list[tuple[object, ...]]:
    with workspace.cursor() as cursor:
        return cursor.execute("SELECT * FROM items ORDER BY question_id").fetchall()


def test_the_demo_can_be_kept_beside_own_runs_as_a_run_like_any_other(tmp_path: Path, demo: Path) -> None:
    with Workspace.open(tmp_path / "own") as workspace:
        workspace.create_run(rows.run("mine", status="done"))
        workspace.writer.put(rows.whole(0, "mine"))
        workspace.writer.flush()
        sources = SourceSelector(workspace, demo)
        sources.keep_shown()  # the page shows the workspace's own run
        assert not sources.has_demo
        before = len(items(workspace))
        for _ in range(2):  # keeping it again adds nothing
            sources.keep_demo()
            assert sources.has_demo
            assert sorted(run.run_id for run in workspace.runs()) == ["mine", "r1"]
            assert len(items(workspace)) == before + 2
        with workspace.cursor() as cursor:
            assert read_question(cursor, "r1-00000000")["question"]["run_id"] == "r1"
            assert len(read_question(cursor, "mine-00000000")["solutions"]) > 0
        workspace.writer.put([Decision("e1", "r1-00000000", "ada", "accept")])
        workspace.writer.flush()
        workspace.delete_run("r1")
        assert len(items(workspace)) == before
        assert not sources.has_demo


def test_what_is_written_about_the_shown_demo_makes_it_part_of_the_workspace(tmp_path: Path, demo: Path) -> None:
    with Workspace.open(tmp_path / "own") as workspace:
        sources = SourceSelector(workspace, demo)
        sources.keep_shown()
        assert sources.has_demo
        assert not sources.shows_demo
        with sources.current().cursor() as cursor:
            assert cursor.execute("SELECT count(*) FROM pairs").fetchall() == [(1,)]


def test_a_demo_that_is_not_there_is_an_empty_workspace(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "own") as workspace:
        assert SourceSelector(workspace, tmp_path / "none").current() is workspace


def test_the_demo_reads_no_file_and_names_its_runs(demo: Path) -> None:
    shown = Demo(demo)
    with shown.cursor() as cursor, pytest.raises(duckdb.Error):
        cursor.execute("FROM read_text('/etc/hostname')")
    with pytest.raises(InputError, match="its latest runs are: 'r1'"):
        shown.run("r2")


def test_a_workspace_without_a_run_makes_no_demo(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "own") as workspace, pytest.raises(InputError, match="has no run"):
        pack(workspace, tmp_path / "demo")
