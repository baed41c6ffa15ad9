"""Opening a workspace: its lock, its versions, and one sentence for everything that can be wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from store.database import schema
from store.database.workspace import DATABASE, Workspace
from store.errors import InputError, StoreError
from store.records import Run
from tests.store import rows

ROOT = Path(__file__).resolve().parents[3]


def child(code: str, *args: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *args]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_a_new_workspace_has_its_folders_and_names_its_owner(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "a" / "w") as workspace:
        assert {"models", "exports", "logs", DATABASE} <= set(os.listdir(workspace.path))
        owner = json.loads((workspace.path / "explorer.owner.json").read_text())
        assert owner["pid"] == os.getpid()
        assert set(owner) == {"pid", "host", "started", "command"}
    assert not (tmp_path / "a" / "w" / "explorer.owner.json").exists()


def test_a_second_process_gets_one_sentence_with_the_owners_pid(tmp_path: Path) -> None:
    code = """
import sys
from store.database.workspace import Workspace
with Workspace.open(sys.argv[1]):
    print("open", flush=True)
    input()
"""
    owner = child(code, str(tmp_path / "w"))
    assert owner.stdout is not None
    assert owner.stdout.readline() == "open\n"
    with pytest.raises(StoreError) as caught:
        Workspace.open(tmp_path / "w")
    sentence = str(caught.value)
    assert f"process {owner.pid} on" in sentence
    assert "stop it" in sentence
    assert "\n" not in sentence
    owner.kill()
    owner.communicate()
    with Workspace.open(tmp_path / "w") as workspace:  # its owner file was left behind, and means nothing
        assert workspace.runs() == []


def test_a_second_open_in_this_process_is_refused(workspace: Workspace) -> None:
    with pytest.raises(StoreError, match="already open in this process"):
        Workspace.open(workspace.path)


def test_backup_and_reads_leave_the_lock_in_place(workspace: Workspace, tmp_path: Path) -> None:
    from store.transfer import backup

    backup.backup(workspace, tmp_path / "b")
    backup.snapshot(workspace, tmp_path / "s.duckdb")
    code = "import sys, duckdb\ntry: duckdb.connect(sys.argv[1])\nexcept duckdb.Error: print('locked')"
    assert child(code, str(workspace.path / DATABASE)).communicate()[0] == "locked\n"


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "w").write_text("hello")
    with pytest.raises(InputError, match="is a file, not a folder; name a folder"):
        Workspace.open(tmp_path / "w")


def test_a_folder_below_a_file_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("hello")
    with pytest.raises(InputError, match="cannot be created"):
        Workspace.open(tmp_path / "f" / "w")


def test_a_missing_workspace_is_not_made_where_one_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a workspace"):
        Workspace.open(tmp_path / "w", create=False)
    assert not (tmp_path / "w").exists()


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w").close()
    with duckdb.connect(str(tmp_path / "w" / DATABASE)) as con:
        con.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    with pytest.raises(StoreError, match=r"newer version of this program \(schema 99.*update this program"):
        Workspace.open(tmp_path / "w")
    with duckdb.connect(str(tmp_path / "w" / DATABASE)) as con:  # the lock was given back
        assert con.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone() == ("99",)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    with duckdb.connect(str(tmp_path / "w" / DATABASE)) as con:
        con.execute("CREATE TABLE runs (a INTEGER)")
    with pytest.raises(StoreError, match="not a workspace's"):
        Workspace.open(tmp_path / "w")


@pytest.mark.parametrize("damage", ["no database at all", "header"])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, damage: str) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        workspace.writer.put(rows.whole(0))
    file = tmp_path / "w" / DATABASE
    content = bytearray(file.read_bytes())
    content[:12288] = os.urandom(12288) if damage == "header" else b"not a database. " * 768
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"damaged database .*restore a backup") as caught:
        Workspace.open(tmp_path / "w")
    assert "\n" not in str(caught.value)


def test_runs_of_a_process_that_died_are_interrupted(tmp_path: Path) -> None:
    code = """
import os, sys
from store.database.workspace import Workspace
from tests.store import rows
w = Workspace.open(sys.argv[1])
for name in ("a", "b"):
    w.create_run(rows.run(name))
w.update_run("b", status="paused")
os.kill(os.getpid(), 9)
"""
    child(code, str(tmp_path / "w")).communicate()
    with Workspace.open(tmp_path / "w") as workspace:
        assert [(run.run_id, run.status) for run in workspace.runs()] == [("a", "interrupted"), ("b", "paused")]


def test_an_unknown_run_is_named_with_those_there_are(workspace: Workspace) -> None:
    workspace.create_run(rows.run("known"))
    for verb in (workspace.run, workspace.delete_run):
        with pytest.raises(InputError, match=r"run 'x' is not in this workspace.*'known'"):
            verb("x")
    with pytest.raises(InputError):
        workspace.update_run("x", status="done")


def test_a_running_run_is_not_deleted(workspace: Workspace) -> None:
    workspace.create_run(rows.run())
    with pytest.raises(InputError, match="cancel or pause it first"):
        workspace.delete_run("r1")


def test_deleting_a_run_leaves_nothing_of_it_and_all_of_the_others(workspace: Workspace) -> None:
    from store.records import ErrorRow, Preference, Spend

    for name in ("r1", "r2"):
        workspace.create_run(rows.run(name))
        event = rows.decide(f"{name}-e", 0, "accept", name)
        choice = Preference(f"{name}-p", "good", "bad", "solvable", "reviewer", f"{name}-00000000")
        workspace.writer.put([*rows.whole(0, name), rows.rate(0, name), event, choice, ErrorRow(name, 1, "pair", "no")])
        workspace.writer.put([rows.signature(0, name), Spend(name, "pair", "m", 1, 2, 3, 0.5)])
        workspace.update_run(name, status="done")
    workspace.writer.call(
        lambda cursor: cursor.execute(f"INSERT INTO {schema.SUPERSEDED} FROM verdict_rows").fetchall()
    )
    workspace.delete_run("r1")
    with workspace.cursor() as cursor:
        for table in schema.OF_RUNS:
            found = cursor.execute(f"SELECT DISTINCT run_id FROM {table}").fetchall()
            assert found == [("r2",)], table
    workspace.create_run(rows.run("r1"))
    workspace.writer.put(rows.whole(0, "r1"))
    workspace.writer.flush()
    with workspace.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM pairs").fetchone() == (2,)


def test_a_program_that_forgets_to_close_ends_well_and_loses_nothing(tmp_path: Path) -> None:
    code = """
import sys
from store.database.workspace import Workspace
from tests.store import rows
w = Workspace.open(sys.argv[1])
w.create_run(rows.run())
w.writer.put(rows.whole(0))
"""
    process = child(code, str(tmp_path / "w"))
    process.communicate()
    assert process.returncode == 0
    with Workspace.open(tmp_path / "w") as workspace, workspace.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM pairs").fetchone() == (1,)
        assert isinstance(workspace.run("r1"), Run)
