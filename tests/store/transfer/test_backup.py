"""Snapshot, backup, restore and check, on real files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from store.database.workspace import DATABASE, Workspace
from store.errors import InputError, StoreError
from store.filters import saved_views
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.review import queues, tags
from store.transfer import backup
from tests.store import rows


def test_a_snapshot_is_one_moment_while_writes_go_on(workspace: Workspace, tmp_path: Path) -> None:
    workspace.create_run(rows.run())
    stop, begun = threading.Event(), threading.Event()

    def write() -> None:
        for idx in range(100_000):
            workspace.writer.put(rows.whole(idx))
            if idx % 20 == 0:
                workspace.writer.flush()
                begun.set()
            if stop.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(60)
    backup.snapshot(workspace, tmp_path / "copy.duckdb")
    stop.set()
    writer.join()
    read = """
import json, sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
print(json.dumps(con.execute('''SELECT (SELECT count(*) FROM questions), (SELECT count(*) FROM verdicts) / 7,
    (SELECT count(*) FROM rewards) / 2, (SELECT count(*) FROM labels) / 4, (SELECT count(*) FROM pairs),
    (SELECT kept FROM funnel WHERE stage = 'pair')''').fetchone()))
"""
    command = [sys.executable, "-c", read, str(tmp_path / "copy.duckdb")]
    counts = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert counts[0] > 0
    assert counts == [counts[0]] * 6


def test_a_snapshot_overwrites_nothing_and_leaves_nothing_half_done(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        backup.snapshot(workspace, tmp_path / "taken")
    with pytest.raises(InputError, match="cannot be written"):
        backup.snapshot(workspace, tmp_path / "taken" / "copy.duckdb")
    assert sorted(os.listdir(tmp_path)) == ["taken", "w"]


def test_a_quote_in_a_path_is_a_quote(workspace: Workspace, tmp_path: Path) -> None:
    backup.snapshot(workspace, tmp_path / "it's.duckdb")
    assert (tmp_path / "it's.duckdb").exists()


def test_a_backup_comes_back_as_it_was(workspace: Workspace, tmp_path: Path) -> None:
    workspace.create_run(rows.run())
    workspace.writer.put([*rows.whole(0), *rows.whole(1)])
    workspace.writer.flush()
    saved_views.save(workspace.path, "hard ones", Filter(difficulty=(0.5, 1.0)))
    tags.keep_tags(workspace.path, ["typo"])
    queue = queues.make(workspace, Frames(), Filter(), "random", size=2)
    backup.backup(workspace, tmp_path / "backup")
    workspace.update_run("r1", status="done")
    workspace.delete_run("r1")
    backup.restore(tmp_path / "backup", tmp_path / "again")
    assert backup.check(tmp_path / "again") == []
    assert saved_views.views(tmp_path / "again") == saved_views.views(workspace.path) != {}
    assert tags.tag_list(tmp_path / "again") == ["typo"]
    assert queues.load(tmp_path / "again", queue.name).question_ids == queue.question_ids
    with Workspace.open(tmp_path / "again") as restored, restored.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM pairs").fetchone() == (2,)
        assert restored.run("r1").status == "interrupted"
        restored.writer.put(rows.whole(1))
        restored.writer.flush()
        assert restored.writer.ignored == len(rows.whole(1))


def test_restore_refuses_what_is_no_backup_was_changed_or_would_overwrite(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a complete backup"):
        backup.restore(tmp_path / "nothing", tmp_path / "again")
    backup.backup(workspace, tmp_path / "backup")
    with pytest.raises(InputError, match="has a database already"):
        backup.restore(tmp_path / "backup", workspace.path)
    with pytest.raises(InputError, match="exists already"):
        backup.backup(workspace, tmp_path / "backup")
    with (tmp_path / "backup" / DATABASE).open("ab") as file:
        file.write(b"more")
    with pytest.raises(StoreError, match="has changed since it was made"):
        backup.restore(tmp_path / "backup", tmp_path / "again")


def test_check_says_what_it_found_in_sentences(workspace: Workspace, tmp_path: Path) -> None:
    assert "is not there" in backup.check(tmp_path / "nowhere")[0]
    (tmp_path / "other").mkdir()
    with duckdb.connect(str(tmp_path / "other" / DATABASE)) as con:
        con.execute("CREATE TABLE t (a INTEGER)")
    assert "not a workspace's" in backup.check(tmp_path / "other")[0]


def test_check_of_a_workspace_in_use_says_so(tmp_path: Path) -> None:
    code = """
import sys
from store.transfer import backup
print(backup.check(sys.argv[1]))
"""
    root = Path(__file__).resolve().parents[3]
    with Workspace.open(tmp_path / "w"):
        command = [sys.executable, "-c", code, str(tmp_path / "w")]
        said = subprocess.run(command, capture_output=True, text=True, cwd=root, check=True).stdout
    assert f"in use by process {os.getpid()}" in said


def test_check_finds_damage_deep_in_a_file_that_opens(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        for idx in range(3000):
            workspace.writer.put(rows.whole(idx))
    file = tmp_path / "w" / DATABASE
    assert backup.check(tmp_path / "w") == []
    sound = file.read_bytes()
    found = []
    for place in range(12288 + 100_000, len(sound), 262_144):
        damaged = bytearray(sound)
        damaged[place : place + 64] = os.urandom(64)
        file.write_bytes(damaged)
        found.append(bool(backup.check(tmp_path / "w")))
    assert any(found)
    file.write_bytes(sound[: len(sound) // 2])
    (finding, *_) = backup.check(tmp_path / "w")
    assert "restore a backup" in finding


def test_check_finds_a_key_that_is_there_twice(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.writer.put(rows.whole(0))
    with duckdb.connect(str(tmp_path / "w" / DATABASE)) as con:
        con.execute("INSERT INTO verdict_rows SELECT * FROM verdict_rows LIMIT 1")
    (finding,) = backup.check(tmp_path / "w")
    assert "verdict_rows has 1 rows" in finding
