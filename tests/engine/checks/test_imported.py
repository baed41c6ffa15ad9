"""Checks of runs that the import itself made, scored and not: the funnel stays whole. Skipped without the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.checks.job import run
from engine.checks.request import check_of
from engine.imports import job as imports
from engine.models.model_cache import ModelCache
from store.database.workspace import Workspace
from tests.engine.checks.stored import rows, whole


@pytest.mark.parametrize("scored", [True, False])
def test_every_check_leaves_the_funnel_of_a_real_import_whole(
    workspace: Workspace, model_cache: ModelCache, data_dir: Path, tmp_path: Path, nano: Path, scored: bool
) -> None:
    few = tmp_path / "few.jsonl"
    lines = (data_dir / "math_train.jsonl").read_text("utf-8").splitlines()[:600]
    planted = (data_dir / "math500.jsonl").read_text("utf-8").splitlines()[:20]
    nothing = '{"problem": "A question that nobody answered?"}'
    few.write_text("\n".join([*lines, *planted, lines[0], nothing]) + "\n", "utf-8")
    run_id = imports.start(workspace, str(few), scored=scored).run_id
    before = whole(workspace, run_id)
    checks = (
        check_of("near-duplicates"),
        check_of("near-duplicates", drop=True),
        check_of("contamination", [data_dir / "math500.jsonl"]),
        check_of("difficulty", profile="nano"),
        check_of("solvability", profile="nano"),
        check_of("reward", profile="nano"),
        check_of("near-duplicates"),
    )
    for check in checks:
        assert run(workspace, run_id, check, model_cache=model_cache).status == "done"
        now = whole(workspace, run_id)
        assert now["generated"] == before["generated"]
    dropped = rows(workspace, "SELECT count(*) FROM items WHERE contaminated AND run_id = ?", run_id)[0][0]
    assert dropped >= len(planted)
    reasons = dict(rows(workspace, "SELECT reason, count(*) FROM verdicts WHERE NOT kept GROUP BY ALL"))
    assert {"exact_duplicate", "benchmark_overlap"} <= set(reasons)
    assert "no_answer" not in reasons  # a question without solutions waits for them
    assert "near_duplicate" not in reasons
