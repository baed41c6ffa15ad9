"""A workspace that version 0.1 made (schema 3) opens in this version with everything in it.

``data/workspace_v0.1.tar.xz`` holds a nano run of 12 questions, an import of 6 rows, decisions of two reviewers, two
saved views, a queue, and a check that dropped a near-duplicate, which a reviewer then rescued. ``workspace_v0.1.json``
holds the rows that version 0.1 read from its views.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

import app
from store.database import schema
from store.database.sources import SourceSelector, pack
from store.database.workspace import DATABASE, Workspace
from store.filters import saved_views
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.review import decisions, queues
from store.transfer import attach, backup
from store.transfer.merge import merge
from tests.store import rows

DATA = Path(__file__).parent / "data"
NANO, IMPORTED = "rb9e35195", "re3773879"
DROPPED = f"{IMPORTED}-00000001"
"""The near-duplicate that a check dropped; its verdicts of five later stages are superseded."""
FILTERS = {
    "{}": 18,
    '{"run":["re3773879"],"topic":["Algebra","Prealgebra",null]}': None,
    '{"status":["accepted","rejected"]}': 3,
    '{"stage":"pair"}': 15,
    '{"drop_stage":["duplicate"]}': 1,
    '{"tags":["hard"],"edited":true}': 1,
    '{"words":"apples -\\"fifteen rolls\\"","status":["unreviewed"]}': 1,
    '{"regex":"bags? of four"}': 1,
    '{"text":"ROLLS"}': 2,
    '{"ids":["re3773879-00000001","no-00000001"]}': 1,
    '{"agreement":[0.5,null],"difficulty":[0,1],"reward":[null,0],"n_solutions":[1,null]}': None,
}
"""Filters as URLs and files of version 0.1 have them, and how many questions each selects (None: not counted)."""


RESPONSE_TOKENS = 16
"""The column of ``items``."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with tarfile.open(DATA / "workspace_v0.1.tar.xz") as archive:
        archive.extractall(tmp_path / "old", filter="data")
    return tmp_path / "old"


@pytest.fixture
def expected() -> dict[str, Any]:
    found = dict(json.loads((DATA / "workspace_v0.1.json").read_text(encoding="utf-8")))
    for item in found["items"]:  # version 8: nobody counted the tokens of imports
        item[RESPONSE_TOKENS] = item[RESPONSE_TOKENS] or None
    return found


def read(workspace: Workspace, expected: dict[str, Any]) -> dict[str, Any]:
    """The same of this workspace as ``expected`` holds: rows of views, or their number. Later versions append columns
    to the views, which have no value here.
    """
    found: dict[str, Any] = {}
    with workspace.cursor() as cursor:
        for view, wanted in expected.items():
            got = json.loads(json.dumps(cursor.execute(f"FROM {view}").fetchall(), default=str))
            if not isinstance(wanted, int) and wanted:
                width = len(wanted[0])
                got = [row[:width] for row in got]
            found[view] = len(got) if isinstance(wanted, int) else sorted(got, key=json.dumps)
    return found


def test_it_is_migrated_and_its_views_have_the_same_rows(old: Path, expected: dict[str, Any]) -> None:
    with Workspace.open(old, create=False) as workspace:
        assert read(workspace, expected) == expected
        with workspace.cursor() as cursor:
            assert schema.version(cursor) == schema.VERSION
            superseded = cursor.execute("SELECT DISTINCT question_id, count(*) OVER () FROM superseded_verdicts")
            assert superseded.fetchall() == [(DROPPED, 5)]
    assert backup.check(old) == []


def test_its_saved_views_queue_and_decisions_work(old: Path) -> None:
    with Workspace.open(old, create=False) as workspace, workspace.cursor() as cursor:
        views = saved_views.views(workspace.path)
        assert list(views) == ["Short and sure", "With a sum"]
        for asked in views.values():
            condition, values = asked.to_sql()
            assert cursor.execute(f"SELECT count(*) > 0 FROM items WHERE {condition}", values).fetchall() == [(True,)]
        queue = queues.load(workspace.path, "first look")
        assert len(queue.question_ids) == 6
        decisions.decide(workspace, "ana", queue.question_ids[1], "reject", {}, queue=queue.name)
        undone = decisions.undo(workspace, "ben")  # an undo is never undone: the newest event in force is an untag
        assert undone is not None
        assert (undone.action, undone.payload) == ("untag", {"tag": "odd"})
        statuses = dict(cursor.execute("SELECT status, count(*) FROM items GROUP BY status").fetchall())
        assert statuses == {"unreviewed": 13, "accepted": 2, "rejected": 2, "skipped": 1}
        assert decisions.tags(workspace) == [("hard", 1), ("odd", 1)]


def test_filters_in_old_addresses_and_files_select_the_same_questions(old: Path) -> None:
    frames = Frames()
    with Workspace.open(old, create=False) as workspace, workspace.cursor() as cursor:
        assert frames.of(workspace, now=True).size == 18
        for text, count in FILTERS.items():
            condition, values = Filter.from_json(text).to_sql()
            found = cursor.execute(f"SELECT count(*) FROM items WHERE {condition}", values).fetchall()[0][0]
            assert count in (None, found), text


def test_a_new_run_fits_in_and_a_deleted_one_takes_its_superseded_verdicts_with_it(old: Path) -> None:
    with Workspace.open(old, create=False) as workspace:
        workspace.create_run(rows.run("new"))
        workspace.writer.put(rows.whole(0, "new"))
        workspace.delete_run(IMPORTED)
        with workspace.cursor() as cursor:
            assert cursor.execute("SELECT count(*) FROM superseded_verdicts").fetchall() == [(0,)]
            assert cursor.execute("SELECT count(*), count(DISTINCT q) FROM question_rows").fetchall() == [(13, 13)]


def test_it_is_exported_from_the_command_line(old: Path, tmp_path: Path) -> None:
    command = ["export", "--workspace", str(old), "--format", "jsonl", "--full", "--out", str(tmp_path / "out")]
    assert app.main(command) == 0
    lines = [json.loads(line) for line in (tmp_path / "out" / "train.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) == 15  # all pairs except a rejected one
    edited = next(line for line in lines if line["edited"])
    assert edited["query"] == "How many apples are there in three bags of four?"


def test_it_is_checked_merged_and_restored_without_being_opened_first(
    old: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    assert backup.check(old) == []
    before = (old / DATABASE).read_bytes()
    with Workspace.open(tmp_path / "w") as workspace:
        merged = merge(workspace, attach.find(workspace.path, str(old)))
        assert (merged.runs, merged.questions, merged.stopped) == (2, 18, False)
        assert read(workspace, expected) == expected
        with workspace.cursor() as cursor:
            assert cursor.execute("SELECT count(*) FROM superseded_verdicts").fetchall() == [(5,)]
    assert (old / DATABASE).read_bytes() == before


def test_a_backup_of_version_0_1_is_restored(old: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    receipt = {
        "created_at": "2026-11-28T21:00:00+00:00",
        "sha256": hashlib.sha256((old / DATABASE).read_bytes()).hexdigest(),
    }
    (old / backup.RECEIPT).write_text(json.dumps(receipt), encoding="utf-8")
    backup.restore(old, tmp_path / "again")
    with Workspace.open(tmp_path / "again", create=False) as workspace:
        assert read(workspace, expected) == expected
        assert list(saved_views.views(workspace.path)) == ["Short and sure", "With a sum"]


def test_a_demo_that_version_0_1_packed_is_read(old: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    with Workspace.open(old, create=False) as workspace:
        pack(workspace, demo)
    shutil.move(demo / "superseded_verdicts.parquet", demo / "verdicts_aside.parquet")
    with Workspace.open(tmp_path / "w") as empty, SourceSelector(empty, demo).current().cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM superseded_verdicts").fetchall() == [(5,)]
        assert cursor.execute("SELECT count(*) FROM pairs").fetchall() == [(len(expected["pairs"]),)]
