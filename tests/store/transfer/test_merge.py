"""Another workspace's runs and decisions come by their ids, whole, in order, once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from store.database import ids, schema
from store.database.views import VIEWS
from store.database.workspace import DATABASE, Workspace
from store.errors import InputError, StoreError
from store.records import Preference, Spend
from store.transfer import attach, backup
from store.transfer.merge import BLOCK, Merged, Progress, merge
from tests.store import rows

ROOT = Path(__file__).resolve().parents[3]


def fill(folder: Path, *runs: str, questions: int = 3, status: str = "done") -> Path:
    """A workspace with these runs: every question became a pair, the first one was accepted and tagged."""
    with Workspace.open(folder) as workspace:
        for run in runs:
            workspace.create_run(rows.run(run, status=status))
            workspace.writer.put(record for idx in range(questions) for record in rows.whole(idx, run))
            tagged = rows.decide(f"{run}-2", 0, "tag", run, tag="hard")
            workspace.writer.put([rows.decide(f"{run}-1", 0, "accept", run), tagged])
            workspace.writer.put([Preference(f"{run}-p", "good", "bad", "solvable", "reviewer", f"{run}-00000000")])
    return folder


def copied(source: Path, to: Path) -> Path:
    return Path(shutil.copytree(source, to))


def merged(into: Path, source: Path, **how: Any) -> Merged:
    with Workspace.open(into) as workspace:
        done = merge(workspace, attach.find(into, str(source)), **how)
    assert backup.check(into) == []
    return done


def ask(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / DATABASE), read_only=True) as con:
        return con.execute(query).fetchall()


def seen(*folders: Path) -> dict[str, list[str]]:
    """What the views show of these workspaces together; lists of tags as text."""
    return {view: sorted(str(row) for folder in folders for row in ask(folder, f"FROM {view}")) for view in VIEWS}


def decide(folder: Path, *decisions: Any) -> None:
    with Workspace.open(folder) as workspace:
        workspace.writer.put(decisions)


def test_the_views_show_the_union_of_both(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a", "r1"), fill(tmp_path / "b", "r2", "r3")
    with Workspace.open(b) as workspace:
        workspace.writer.put(
            [Spend("r2", "solution", "m", 3, 10, 20, 0.25), Spend("r2", "solution", "m", 1, 1, 2, 0.5)]
        )
    want = seen(a, b)
    assert want["spend"] == ["('r2', 'solution', 'm', 4, 11, 22, 0.75)"]
    done = merged(a, b)
    assert (done.runs, done.questions, done.solutions, done.decisions, done.preferences) == (2, 6, 12, 4, 2)
    assert seen(a) == want
    assert ask(a, "SELECT count(DISTINCT q), count(DISTINCT q >> 32) FROM question_rows") == [(9, 3)]


def test_signatures_come_with_the_keys_that_their_questions_get(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a", "r1"), fill(tmp_path / "b", "r2")
    with Workspace.open(b) as workspace:
        workspace.writer.put([rows.signature(idx, "r2", place=2 - idx) for idx in range(3)])
    merged(a, b)
    joined = (
        "SELECT r.idx, s.place, s.exact FROM signature_rows s JOIN question_rows r USING (q, question_id) ORDER BY q"
    )
    assert ask(a, joined) == [(0, 2, 0), (1, 1, 1), (2, 0, 2)]


def test_what_is_written_after_the_merge_meets_what_came(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a", "r1"), fill(tmp_path / "b", "r2")
    with Workspace.open(a) as workspace:
        merge(workspace, attach.find(a, str(b)))
        workspace.writer.put([*rows.whole(0, "r2"), *rows.whole(3, "r2")])
        workspace.writer.flush()
        with workspace.cursor() as cursor:
            assert ids.find(cursor, "r2-00000003") == ids.key(2, 3)
            assert cursor.execute("SELECT count(*) FROM pairs WHERE run_id = 'r2'").fetchall() == [(4,)]
    assert backup.check(a) == []


def test_twice_adds_nothing(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a", "r1"), fill(tmp_path / "b", "r2")
    merged(a, b)
    before = seen(a)
    assert merged(a, b) == Merged(here=1)
    assert seen(a) == before


def test_decisions_of_both_sides_on_one_question_are_kept_and_those_that_come_are_later(tmp_path: Path) -> None:
    a = fill(tmp_path / "a", "r1")
    b = copied(a, tmp_path / "b")
    decide(a, rows.decide("mine", 1, "accept"))
    decide(b, rows.decide("first", 1, "reject"), rows.decide("then", 1, "tag", tag="odd"))
    assert merged(a, b) == Merged(here=1, decisions=2)
    events = ask(a, "SELECT event_id FROM decisions WHERE question_id = 'r1-00000001'")
    assert [event for (event,) in events] == ["mine", "first", "then"]
    assert ask(a, "SELECT status, tags FROM items WHERE question_id = 'r1-00000001'") == [("rejected", ["odd"])]


def test_an_undo_takes_back_the_decision_that_it_names_wherever_that_was_made(tmp_path: Path) -> None:
    a = fill(tmp_path / "a", "r1")
    decide(a, rows.decide("mine", 1, "reject"))
    b = copied(a, tmp_path / "b")
    decide(a, rows.decide("later", 2, "skip"))
    decide(b, rows.decide("back", 1, "undo", event_id="mine"))
    merged(a, b)
    assert ask(a, "SELECT status FROM items ORDER BY question_id") == [("accepted",), ("unreviewed",), ("skipped",)]


def test_models_rows_of_a_run_that_is_here_are_not_mixed(tmp_path: Path) -> None:
    a = fill(tmp_path / "a", "r1")
    b = copied(a, tmp_path / "b")
    with Workspace.open(b) as workspace:
        workspace.writer.put([*rows.whole(3), *rows.labels(0, topic="Geometry")])
        workspace.writer.put([rows.decide("there only", 3, "accept"), rows.decide("both", 2, "accept")])
    assert merged(a, b) == Merged(here=1, decisions=1, left=1)
    assert ask(a, "SELECT count(*) FROM questions") == [(3,)]


def test_a_decision_on_a_question_that_reads_otherwise_here_is_left_out(tmp_path: Path) -> None:
    a = fill(tmp_path / "a", "r1")
    b = copied(a, tmp_path / "b")
    for folder, text in ((a, "One thing?"), (b, "Another thing?")):
        with Workspace.open(folder) as workspace:
            workspace.writer.put([rows.question(3, text=text)])
    decide(b, rows.decide("on the other text", 3, "reject"))
    assert merged(a, b) == Merged(here=1, left=1)


def test_a_run_with_the_same_id_and_another_content_is_refused_and_the_others_come(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a", "r1"), fill(tmp_path / "b", "r1", "r2", questions=5)
    decide(b, rows.decide("elsewhere", 1, "reject"))
    done = merged(a, b)
    assert (done.refused, done.runs, done.questions) == (["r1"], 1, 5)
    assert ask(a, "SELECT count(*) FROM questions WHERE run_id = 'r1'") == [(3,)]
    assert ask(a, "SELECT count(*) FROM decisions WHERE event_id = 'elsewhere'") == [(0,)]


def test_pairs_of_no_run_come_by_their_id_and_one_with_other_texts_is_left_out(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a"), fill(tmp_path / "b")
    for folder, name in ((a, "a"), (b, "b")):
        with Workspace.open(folder) as workspace:
            mine = Preference(f"only-{name}", "good", "bad", "solvable", "rewriter")
            workspace.writer.put([mine, Preference("both", f"good of {name}", "bad", "solvable", "rewriter")])
    assert merged(a, b) == Merged(preferences=1, clashing=1)
    assert merged(a, b) == Merged(clashing=1)
    found = ask(a, "SELECT pair_id, chosen FROM preferences ORDER BY ALL")
    assert found == [("both", "good of a"), ("only-a", "good"), ("only-b", "good")]


@pytest.mark.parametrize("status", ["running", "paused"])
def test_a_run_that_was_under_way_there_is_interrupted_here(tmp_path: Path, status: str) -> None:
    a, b = fill(tmp_path / "a"), fill(tmp_path / "b", "r1", status=status)
    merged(a, b)
    assert ask(a, "SELECT status FROM runs") == [("interrupted",)]
    assert ask(b, "SELECT status FROM runs") == [(status,)]


def test_a_deleted_run_can_be_brought_back(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a", "r1"), fill(tmp_path / "b", "r2")
    merged(a, b)
    want = seen(a)
    with Workspace.open(a) as workspace:
        workspace.delete_run("r2")
    assert merged(a, b).runs == 1
    assert seen(a) == want


def test_what_checks_noted_and_set_aside_comes_with_its_run(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a", "r1"), fill(tmp_path / "b", "r2")
    with duckdb.connect(str(b / DATABASE)) as con:
        con.execute("INSERT INTO meta VALUES ('check:r2:contamination', ?)", [json.dumps({"done": 3})])
        con.execute("INSERT INTO superseded_verdicts FROM verdict_rows WHERE stage = 'pair'")
    merged(a, b)
    assert ask(a, "SELECT value FROM meta WHERE key = 'check:r2:contamination'") == [('{"done": 3}',)]
    assert ask(a, "SELECT count(*) FROM superseded_verdicts JOIN question_rows USING (q, question_id)") == [(3,)]


def test_rows_that_only_later_stretches_have_are_all_read(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a"), fill(tmp_path / "b")
    with Workspace.open(b) as workspace:
        workspace.create_run(rows.run("r1", status="done"))
        workspace.writer.put([rows.question(0), rows.question(2 * BLOCK)])
    many = f"""
        SELECT 'r1-' || i AS question_id, 'r1' AS run_id, 'topic' AS key, (1::BIGINT << 32) + i AS q
        FROM range({BLOCK}, {2 * BLOCK}) t(i)"""
    with duckdb.connect(str(b / DATABASE)) as con:
        con.execute(f"INSERT INTO label_rows BY NAME {many}")
    with Workspace.open(a) as workspace:
        merge(workspace, attach.find(a, str(b)))
        with workspace.cursor() as cursor:
            assert cursor.execute("SELECT count(*), max(q) & 4294967295 FROM label_rows").fetchall() == [
                (BLOCK, 2 * BLOCK - 1)
            ]


def test_a_stop_undoes_the_run_under_way_and_merging_again_goes_on(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a"), fill(tmp_path / "b", "r1", "r2")
    progress = Progress()
    done = merged(a, b, progress=progress, stop=lambda: progress.runs == 1 and progress.questions > 3)
    assert (done.stopped, done.runs, done.questions) == (True, 1, 3)
    assert ask(a, "SELECT DISTINCT run_id FROM question_rows") == [("r1",)]
    assert (merged(a, b).runs, seen(a)) == (1, seen(b))


KILLED = """
import os, sys
from store.transfer import attach
from store.transfer.merge import Progress, merge
from store.database.workspace import Workspace

into, source = sys.argv[1:]
progress = Progress()

def stop():
    if progress.runs == 1 and progress.questions > progress.total // 2:
        os.kill(os.getpid(), 9)
    return False

with Workspace.open(into) as workspace:
    merge(workspace, attach.find(into, source), progress, stop)
"""


def test_a_kill_in_the_middle_leaves_whole_runs_only(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a"), fill(tmp_path / "b", "r1", "r2", questions=300)
    done = subprocess.run([sys.executable, "-c", KILLED, str(a), str(b)], cwd=ROOT, check=False)
    assert done.returncode == -9
    with Workspace.open(a) as workspace, workspace.cursor() as cursor:
        assert [run.run_id for run in workspace.runs()] == ["r1"]
        for table in schema.OF_RUNS:
            assert cursor.execute(f"SELECT count(*) FROM {table} WHERE run_id <> 'r1'").fetchall() == [(0,)], table
        assert cursor.execute("SELECT count(*) FROM pairs").fetchall() == [(300,)]
    assert merged(a, b).runs == 1
    assert seen(a) == seen(b)


def test_a_snapshot_and_a_backup_are_read_as_the_workspace_is(tmp_path: Path) -> None:
    b = fill(tmp_path / "b", "r1")
    with Workspace.open(b) as workspace:
        backup.snapshot(workspace, tmp_path / "copy.duckdb")
        backup.backup(workspace, tmp_path / "backup")
    for name in ("copy.duckdb", "backup"):
        into = fill(tmp_path / f"from {name}")
        assert merged(into, tmp_path / name).runs == 1
        assert seen(into) == seen(b)


def test_an_older_schema_is_read_from_a_copy_and_left_as_it_is(tmp_path: Path) -> None:
    new = fill(tmp_path / "new", "r1", "r2")
    old = tmp_path / "old.duckdb"
    with duckdb.connect(str(old)) as con:
        for statement in schema.MIGRATIONS[0]:
            con.execute(statement)
        con.execute("CREATE TABLE meta AS SELECT 'schema_version' AS key, '1' AS value")
        con.execute(f"ATTACH '{new / DATABASE}' AS new (READ_ONLY)")
        for table in set(schema.OF_RUNS) - {schema.SUPERSEDED, "rate_rows", "signature_rows", "spend_rows"}:
            columns = ", ".join(str(c[0]) for c in con.execute(f"DESCRIBE {table}").fetchall())
            con.execute(f"INSERT INTO {table} SELECT {columns} FROM new.{table}")
    before = old.read_bytes()
    into = fill(tmp_path / "w")
    assert merged(into, old).runs == 2
    assert seen(into) == seen(new)
    assert old.read_bytes() == before
    assert not list(into.glob("merging*"))


def test_the_other_is_never_written_to(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a", "r1"), fill(tmp_path / "b", "r2", status="running")
    before = (b / DATABASE).read_bytes()
    merged(a, b)
    assert (b / DATABASE).read_bytes() == before


def refused(into: Path, source: Path, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        attach.find(into, str(source))
    return str(caught.value)


def test_what_cannot_be_merged_is_refused_in_a_sentence(tmp_path: Path) -> None:
    a, newer = fill(tmp_path / "a"), fill(tmp_path / "newer")
    with duckdb.connect(str(newer / DATABASE)) as con:
        con.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    with duckdb.connect(str(tmp_path / "strange.duckdb")) as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS x")
    duckdb.connect(str(tmp_path / "empty.duckdb")).close()
    (tmp_path / "text.duckdb").write_text("no database " * 1000)
    assert "newer version" in refused(a, newer, StoreError)
    assert "not a workspace's database" in refused(a, tmp_path / "strange.duckdb", InputError)
    assert "not a workspace's database" in refused(a, tmp_path / "empty.duckdb", InputError)
    assert "damaged" in refused(a, tmp_path / "text.duckdb", StoreError)
    assert "check the path" in refused(a, tmp_path / "none", InputError)
    for itself in (a, a / DATABASE):
        assert "is the workspace itself" in refused(a, itself, InputError)


def test_one_that_this_program_has_open_is_refused_and_stays_locked(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a"), fill(tmp_path / "b", "r1")
    with Workspace.open(b):
        assert "open in this program" in refused(a, b, InputError)
        other = subprocess.run(
            [sys.executable, "-c", f"import duckdb; duckdb.connect({str(b / DATABASE)!r})"],
            capture_output=True,
            check=False,
        )
        assert b"lock" in other.stderr


def test_a_damaged_block_there_fails_its_run_alone_and_the_workspace_goes_on(tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a"), fill(tmp_path / "b", "r1")
    with duckdb.connect(str(b / DATABASE)) as con:
        con.execute("DROP VIEW solutions")
        con.execute("ALTER TABLE solution_text RENAME TO gone")
    with Workspace.open(a) as workspace:
        with pytest.raises(StoreError, match=r"run 'r1' of .* could not be merged"):
            merge(workspace, attach.find(a, str(b)))
        workspace.create_run(rows.run("mine"))
        workspace.writer.put(rows.whole(0, "mine"))
    assert ask(a, "SELECT run_id FROM runs") == [("mine",)]
    assert backup.check(a) == []
