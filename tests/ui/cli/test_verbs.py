"""What the commands do on a workspace with a finished run (made by models that answer at once)."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import duckdb
import httpx
import pytest

from engine.pipeline import run as jobs
from store.database import run_queries
from store.database.workspace import Workspace
from tests.engine.pipeline import run as pipeline_run
from tests.ui.cli.command import scalequest, sentence, started


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the finished run ``r1`` of 30 questions."""
    path = tmp_path_factory.mktemp("made") / "w"
    with Workspace.open(path) as ws:
        result = jobs.start(ws, pipeline_run.config(questions=30), "first", models=pipeline_run.models(), run_id="r1")
    assert result.status == "done"
    return path


@pytest.fixture
def workspace(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "w"))


def one_pair(path: Path) -> str:
    with duckdb.connect(str(path / "explorer.duckdb"), read_only=True) as con:
        row = con.execute("SELECT min(question_id) FROM pairs").fetchone()
    assert row is not None
    return str(row[0])


def test_trace_tells_a_pair_from_prompt_to_row(made: Path) -> None:
    pair = one_pair(made)
    told = scalequest("trace", pair, "--workspace", made)
    assert told.returncode == 0, told.stderr
    with duckdb.connect(str(made / "explorer.duckdb"), read_only=True) as con:
        facts = con.execute("SELECT query, response, answer FROM pairs WHERE question_id = ?", [pair]).fetchone()
    assert facts is not None
    for expected in ("<|im_start|>user\\n", "language", "solvability", "chosen", *facts):
        assert str(expected) in told.stdout


def test_trace_gives_the_same_story_as_one_object(made: Path) -> None:
    pair = one_pair(made)
    story = json.loads(scalequest("trace", pair, "--workspace", made, "--json").stdout)
    assert story["question"]["question_id"] == pair
    assert [v["stage"] for v in story["verdicts"]][-1] == "pair"
    assert len(story["solutions"]) == 5


def test_trace_says_where_a_dropped_question_was_dropped(made: Path) -> None:
    with duckdb.connect(str(made / "explorer.duckdb"), read_only=True) as con:
        row = con.execute(
            "SELECT question_id, drop_stage, drop_reason FROM items WHERE drop_stage IS NOT NULL"
        ).fetchone()
    assert row is not None
    told = scalequest("trace", row[0], "--workspace", made)
    assert f"dropped at {row[1]}, {row[2]}" in told.stdout


def test_resuming_a_finished_run_is_done_already(workspace: Path) -> None:
    done = scalequest("run", "--workspace", workspace, "--resume", "r1")
    assert done.returncode == 0
    assert "r1" in done.stderr


def test_resuming_with_the_flags_that_the_run_has_is_no_conflict(workspace: Path) -> None:
    again = ["--resume", "r1", "--questions", "30", "--profile", "nano", "--name", "first"]
    assert scalequest("run", "--workspace", workspace, *again).returncode == 0


def test_a_snapshot_opens_in_plain_duckdb(workspace: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy.duckdb"
    assert scalequest("snapshot", "--workspace", workspace, "--out", out).returncode == 0
    with duckdb.connect(str(out), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM items").fetchone() == (30,)
    assert str(out) in sentence(scalequest("snapshot", "--workspace", workspace, "--out", out))


def test_a_backup_brings_a_deleted_run_back(workspace: Path, tmp_path: Path) -> None:
    assert scalequest("backup", "--workspace", workspace, "--out", tmp_path / "b").returncode == 0
    assert scalequest("delete", "r1", "--workspace", workspace).returncode == 0
    assert scalequest("restore", tmp_path / "b", "--workspace", tmp_path / "again").returncode == 0
    with Workspace.open(workspace) as ws:
        assert ws.runs() == []
    with Workspace.open(tmp_path / "again") as ws:
        assert [run.run_id for run in ws.runs()] == ["r1"]
        assert run_queries.funnel(ws.cursor(), "r1")[0].kept == 30


def test_doctor_finds_a_sound_workspace_sound(made: Path) -> None:
    found = scalequest("doctor", "--workspace", made, "--json")
    assert found.returncode == 0, found.stderr
    report = json.loads(found.stdout)
    assert report["workspace"] == []
    assert {"nano", "paper", "small"} <= {profile["name"] for profile in report["profiles"]}
    assert report["machine"]["packages"]["torch"].startswith("2.13.0")
    assert "sound" in scalequest("doctor", "--workspace", made).stdout


def test_doctor_finds_a_truncated_database(workspace: Path) -> None:
    database = workspace / "explorer.duckdb"
    database.write_bytes(database.read_bytes()[: database.stat().st_size // 2])
    found = scalequest("doctor", "--workspace", workspace)
    assert found.returncode == 2
    assert str(workspace) in found.stderr
    assert "Traceback" not in found.stderr


def test_the_page_shows_a_run_and_ends_on_ctrl_c(workspace: Path, free_port: int) -> None:
    address = f"http://127.0.0.1:{free_port}"
    with started("--workspace", workspace, "--port", free_port) as page:
        assert address in page.stdout.readline()
        assert httpx.get(f"{address}/healthz").json() == {"status": "ok", "runs": 1}
        assert "ScaleQuest Explorer" in httpx.get(address).text
        page.send_signal(signal.SIGINT)
        _, said = page.communicate(timeout=60)
    assert page.returncode == 0
    # Gradio copies its page config, and with it half an event loop, whose end Python remarks upon now and then.
    assert said.count("Traceback") == said.count("Exception ignored in: <function BaseEventLoop.__del__")
