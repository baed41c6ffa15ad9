"""``scalequest import`` in a process of its own: exit codes, Ctrl-C, kill -9, and through the app."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest

from store.database import bulk_insert
from store.database.workspace import DATABASE, Workspace
from tests.engine.imports.conftest import jsonl, sums
from tests.ui.cli.command import scalequest, sentence, started
from tests.ui.cli.forked import Forked


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return jsonl(tmp_path / "small.jsonl", [*sums(40), {"response": "x"}])


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Takes a while to score."""
    row = '{{"query": "A farmer has {0} apples and sells {1} of them. How many are left?", "response": "x"}}\n'
    path = tmp_path / "large.jsonl"
    path.write_text("".join(row.format(i, i // 2) for i in range(400_000)))
    return path


def events(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def asked(workspace: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(workspace / DATABASE), read_only=True) as con:
        return con.execute(query).fetchall()


def test_the_mapping_is_said_first_and_the_count_last(tmp_path: Path, small: Path) -> None:
    done = scalequest("import", small, "--workspace", tmp_path / "w", "--name", "mine")
    assert done.returncode == 0, done.stderr
    assert "query = query, response = response" in done.stderr
    assert "41 rows read, 40 imported, 1 refused; 40 responses, 40 pairs" in done.stdout
    assert "line 41: no query" in done.stdout
    assert asked(tmp_path / "w", "SELECT name, kind, status FROM runs") == [("mine", "import", "done")]


def test_json_events_tell_start_and_end(tmp_path: Path, small: Path) -> None:
    told = scalequest("import", small, "--workspace", tmp_path / "w", "--json", "--no-score")
    first, *_, last = events(told.stdout)
    assert (first["event"], first["mapping"]) == ("start", {"query": "query", "response": "response"})
    assert (last["event"], last["read"], last["imported"], last["refused"]) == ("end", 41, 40, 1)
    assert told.stderr == ""


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["none.jsonl"], "none.jsonl"),
        (["small.jsonl", "--map", "query=nope"], "it has query, response"),
        (["small.jsonl", "--map", "nope=query"], "use one of query"),
        (["small.jsonl", "--map", "query"], "is not FIELD=COLUMN"),
        (["small.txt"], "does not exist"),
    ],
)
def test_bad_input_is_one_sentence_and_makes_no_workspace(
    tmp_path: Path, small: Path, args: list[str], words: str
) -> None:
    said = sentence(scalequest("import", *args, "--workspace", tmp_path / "w", "--json", cwd=small.parent))
    assert words in said
    assert not (tmp_path / "w").exists()


def test_ctrl_c_ends_it_with_what_is_stored_and_the_way_on(tmp_path: Path, large: Path) -> None:
    args = ("import", large, "--workspace", tmp_path / "w", "--json")
    with started(*args) as process:
        run = until(process, lambda event: event["imported"] >= bulk_insert.ROWS)["run_id"]
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert f"scalequest delete {run} --workspace" in said
    end = events(out)[-1]
    assert end["status"] == "interrupted"
    stored = asked(tmp_path / "w", "SELECT count(*) FROM questions")[0][0]
    assert stored == end["imported"] >= bulk_insert.ROWS
    assert asked(tmp_path / "w", "SELECT status FROM runs") == [("interrupted",)]


def test_kill_9_leaves_whole_chunks_and_no_process(tmp_path: Path, large: Path) -> None:
    args = ("import", large, "--workspace", tmp_path / "w", "--json")
    with started(*args) as process:
        until(process, lambda event: event["imported"] >= bulk_insert.ROWS)
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    with Workspace.open(tmp_path / "w") as workspace, workspace.cursor() as cursor:
        (run,) = workspace.runs()
        assert run.status == "interrupted"
        stored = cursor.execute("SELECT count(*) FROM questions").fetchall()[0][0]
        assert stored > 0
        assert stored % bulk_insert.ROWS == 0
        assert cursor.execute("SELECT count(DISTINCT question_id) FROM verdicts").fetchall() == [(stored,)]
        assert cursor.execute("SELECT count(*) FROM solutions").fetchall() == [(stored,)]
        workspace.delete_run(run.run_id)
    assert scalequest("import", large, "--workspace", tmp_path / "w", "--no-score").returncode == 0


def test_through_the_app_it_is_as_if_done_here(tmp_path: Path, small: Path, large: Path) -> None:
    workspace = tmp_path / "w"
    with started("ui", "--workspace", workspace, "--port", 0) as app:
        assert "http://" in app.stdout.readline()
        done = scalequest("import", small.name, "--workspace", workspace, "--json", cwd=small.parent)
        assert done.returncode == 0, done.stderr
        refused = sentence(scalequest("import", small, "--workspace", workspace, "--map", "query=z", "--json"))
        with started("import", large, "--workspace", workspace, "--json") as process:
            run = until(process, lambda event: event["done"] > 0)["run_id"]
            busy = sentence(scalequest("import", small, "--workspace", workspace, "--json"))
            also = sentence(scalequest("run", "--workspace", workspace, "--questions", 2))
            process.send_signal(signal.SIGINT)
            out, said = process.communicate(timeout=120)
        app.send_signal(signal.SIGINT)
        app.communicate(timeout=60)
    first, *_, last = events(done.stdout)
    assert (first["event"], last["event"], last["imported"]) == ("start", "end", 40)
    assert "it has query, response" in refused
    assert f"'{run}' is being imported" in busy
    assert f"'{run}' is being imported" in also
    assert process.returncode == 130, said
    assert events(out)[-1]["status"] == "interrupted"
    assert app.returncode == 0
    assert asked(workspace, "SELECT status FROM runs ORDER BY created_at") == [("done",), ("interrupted",)]


def until(process: Forked, wanted: Any) -> dict[str, Any]:
    """The first event of the import that is as wanted."""
    ends = time.monotonic() + 240
    while time.monotonic() < ends:
        event: dict[str, Any] = json.loads(process.stdout.readline())
        assert event["event"] != "end", event
        if wanted(event):
            return event
    raise AssertionError("it did not come")
