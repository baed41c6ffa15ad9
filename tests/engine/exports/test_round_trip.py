"""What is exported in full imports again: the same pairs, with status, tags and edits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.exports import job
from engine.exports.plan import Plan
from engine.imports import job as imports
from store.database.workspace import Workspace
from tests.engine.exports.conftest import Make
from tests.engine.exports.test_imported import fill as fill_imported

COLUMNS = "query, response, answer, topic, difficulty, reward, agreement, majority_answer, status, tags, edited"


@pytest.mark.parametrize(
    ("form", "file"), [("jsonl", "train.jsonl"), ("parquet", "train.parquet"), ("csv", "train.csv"), ("hf", "")]
)
def test_a_full_export_imports_again_as_it_was(
    workspace: Workspace, make: Make, tmp_path: Path, form: str, file: str
) -> None:
    if form == "hf":
        datasets = pytest.importorskip("datasets", reason="the extra train is not installed")
        datasets.config.HF_DATASETS_CACHE = tmp_path / "cache"
    asked = {"status": ["unreviewed", "accepted", "rejected"]}
    out = make(form, asked, full=form != "hf")
    with Workspace.open(tmp_path / "again") as other:
        result = imports.start(other, f"hf:{out}" if form == "hf" else str(out / file), scored=False)
        assert result.status == "done"
        with other.cursor() as cursor:
            found = cursor.execute(f"SELECT {COLUMNS} FROM pairs ORDER BY question_id").fetchall()
    with workspace.cursor() as cursor:
        assert found == cursor.execute(f"SELECT {COLUMNS} FROM pairs ORDER BY question_id").fetchall()


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_reasoning_gold_answers_and_levels_come_back_too(tmp_path: Path, form: str) -> None:
    columns = "query, response, reasoning, reference_answer, answer, finish_reason, reward"
    level = "SELECT value FROM labels WHERE key = 'level' ORDER BY ALL"
    with Workspace.open(tmp_path / "w") as first:
        fill_imported(first)
        job.start(first, Plan(form, full=True), tmp_path / "out")
        with first.cursor() as cursor:
            pairs = cursor.execute(f"SELECT {columns} FROM pairs ORDER BY question_id").fetchall()
            levels = cursor.execute(level).fetchall()
    assert any(pair[2] for pair in pairs)
    with Workspace.open(tmp_path / "again") as other:
        imports.start(other, str(tmp_path / "out" / f"train.{form}"), scored=False)
        with other.cursor() as cursor:
            again = cursor.execute(f"SELECT {columns} FROM pairs ORDER BY question_id").fetchall()
            assert cursor.execute(level).fetchall() == levels
    assert [(*pair[:2], pair[2] or None, *pair[3:]) for pair in again] == [
        (*pair[:2], pair[2] or None, *pair[3:]) for pair in pairs
    ]


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_columns_of_the_first_import_and_rates_by_model_come_back_too(tmp_path: Path, form: str) -> None:
    extra = "SELECT json_extract(extra, ['$.source', '$.tags_of', '$.id']) FROM questions ORDER BY question_id"
    rates = "SELECT model, pass_rate FROM rates ORDER BY ALL"
    rows = [
        {"id": f"x-{n}", "problem": f"What is {n} plus {n}?", "solution": f"It is \\boxed{{{2 * n}}}.",
         "answer": str(2 * n), "source": "hand", "tags_of": ["a", {"b": n}], "llama8b_solve_rate": n / 8}
        for n in range(1, 6)
    ]  # fmt: skip
    (tmp_path / "first.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with Workspace.open(tmp_path / "w") as first:
        imports.start(first, str(tmp_path / "first.jsonl"), scored=False)
        job.start(first, Plan(form, full=True), tmp_path / "out")
        with first.cursor() as cursor:
            told = cursor.execute(extra).fetchall(), cursor.execute(rates).fetchall()
    assert told[0][0][0] == ['"hand"', '["a",{"b":1}]', '"x-1"']
    assert told[1][0] == ("llama8b", 0.125)
    with Workspace.open(tmp_path / "again") as other:
        imports.start(other, str(tmp_path / "out" / f"train.{form}"), scored=False)
        with other.cursor() as cursor:
            assert (cursor.execute(extra).fetchall(), cursor.execute(rates).fetchall()) == told


def test_an_apostrophe_in_anybody_elses_csv_stays(tmp_path: Path) -> None:
    (tmp_path / "theirs.csv").write_text('query,response\n\'=1+1,"It is \\boxed{2}"\n', encoding="utf-8")
    with Workspace.open(tmp_path / "w") as other:
        imports.start(other, str(tmp_path / "theirs.csv"), scored=False)
        with other.cursor() as cursor:
            assert cursor.execute("SELECT query FROM pairs").fetchall() == [("'=1+1",)]
