"""The manifest: the same rows are the same bytes, what has changed is found, nothing half is left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.exports import folder, job, manifest, verify
from engine.exports.plan import Plan
from store.database import schema
from store.database.workspace import Workspace
from store.errors import InputError, StoreError
from store.export import rows as export_rows
from store.export.formats import FORMATS
from tests.engine.exports.conftest import Make, fill
from tests.store import rows


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "rl"])
def test_the_same_rows_twice_are_the_same_bytes(make: Make, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"validation": 0.3} if form != "rejected" else {}
    first = make(form, **options)
    monkeypatch.setattr(export_rows, "_FIRST", 7)  # read in other parts
    monkeypatch.setattr(export_rows, "_PART_BYTES", 1)
    second = make(form, **options)
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert Path(manifest.NAME) in files
    for name in files:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_a_manifest_tells_what_the_files_are_made_of(workspace: Workspace, make: Make) -> None:
    out = make("parquet", {"topic": ["Algebra"]}, validation=0.3)
    told = json.loads((out / manifest.NAME).read_text())
    assert (told["format"], told["filter"], told["options"]) == ("parquet", {"topic": ["Algebra"]}, {"validation": 0.3})
    assert told["runs"][0]["seed"] == 11
    assert told["runs"][0]["config"] == {"profile": "nano"}
    for name, one in told["files"].items():
        assert one["bytes"] == (out / name).stat().st_size
    assert str(out.parent) not in json.dumps(told)


def test_paths_stay_at_home() -> None:
    config = {"profile": {"solver": {"model": "/home/ana/models/mine", "template": {"text": "/x"}}}, "n": 3}
    bare = manifest.without_paths(config)
    assert bare == {"profile": {"solver": {"model": "mine", "template": {"text": "/x"}}}, "n": 3}


def test_exporting_writes_nothing_to_the_database(workspace: Workspace, make: Make) -> None:
    def counts() -> list[object]:
        with workspace.cursor() as cursor:
            tables = sorted(row[0] for row in cursor.execute("SELECT table_name FROM duckdb_tables()").fetchall())
            return [tables, *(cursor.execute(f"SELECT count(*) FROM {t}").fetchall() for t in schema.TABLES)]

    with workspace.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    before = counts(), (workspace.path / "explorer.duckdb").read_bytes()
    make("hf", validation=0.3)
    make("dpo")
    assert (counts(), (workspace.path / "explorer.duckdb").read_bytes()) == before


def test_verifying_finds_all_identical_then_a_changed_file_then_changed_rows(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        fill(workspace)
        out = tmp_path / "out"
        job.start(workspace, Plan("hf", validation=0.2), out)

        def said() -> str | None:
            return verify.start(workspace, out / manifest.NAME).message

        assert said() is None
        changed = tmp_path / "changed"
        shutil.copytree(out, changed)
        (changed / "README.md").write_text("mine")
        assert "'README.md' was changed after the export" in str(verify.start(workspace, changed).message)
        (changed / "data" / "train-00000-of-00001.parquet").unlink()
        assert "is missing" in str(verify.start(workspace, changed).message)
        workspace.writer.put([rows.decide("late", 2, "edit", query="Another question altogether?")])
        workspace.writer.flush()
        assert "some rows have changed since" in str(said())
        workspace.writer.put([rows.decide("later", 1, "reject")])
        workspace.writer.flush()
        assert "rows and would have" in str(said())
        workspace.delete_run("r1")
        assert said() == "The workspace no longer has any row of this export."


def test_a_folder_that_holds_something_is_left_as_it_is(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(InputError, match="is not empty"):
        job.start(workspace, Plan("jsonl"), tmp_path)
    with pytest.raises(InputError, match="is a file"):
        job.start(workspace, Plan("jsonl"), tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no device here that is always full")
    real = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *a, **k: real(full if path.suffix == ".jsonl" else path, *a, **k))
    with pytest.raises(StoreError, match="no space left") as caught:
        job.start(workspace, Plan("jsonl"), tmp_path / "out")
    assert str(caught.value).count("\n") == 0
    assert not list(tmp_path.iterdir())


def test_what_a_killed_export_left_is_cleared_by_the_next(workspace: Workspace, tmp_path: Path) -> None:
    left = tmp_path / f"out{folder.PARTIAL}999999999"
    left.mkdir()
    (left / "train.jsonl").write_text("{")
    other = tmp_path / f"other{folder.PARTIAL}999999999"
    other.mkdir()
    job.start(workspace, Plan("jsonl"), tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, "out"]
