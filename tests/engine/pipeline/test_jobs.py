"""Runs in a real workspace: the record, the events, resume, the report, what other runs have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.config.run_config import RunConfig
from engine.pipeline import report
from engine.pipeline import run as jobs
from store.database import run_queries
from store.database.workspace import Workspace
from store.errors import InputError
from tests.engine.pipeline.instant import InstantText, dies_after
from tests.engine.pipeline.rows import content, doubled
from tests.engine.pipeline.run import config, models


def test_the_run_is_recorded_before_its_first_question_with_all_that_it_takes_to_repeat_it(tmp_path: Path) -> None:
    cfg = config(questions=20, seed=4)
    with Workspace.open(tmp_path / "w") as workspace:
        seen: list[str] = []

        def event(what: dict[str, Any]) -> None:
            if what["event"] == "start":
                with workspace.cursor() as cursor:
                    seen.append(workspace.run(what["run_id"]).status)
                    assert cursor.execute("SELECT count(*) FROM questions").fetchall() == [(0,)]

        result = jobs.start(workspace, cfg, "first", event, models=models())
        run = workspace.run(result.run_id)
    assert seen == ["running"]
    assert (run.name, run.status, run.seed, run.config_hash) == ("first", "done", 4, cfg.hash)
    assert RunConfig.from_json(run.config) == cfg
    assert result.exit_code == 0


def test_events_start_with_start_end_with_end_and_say_how_far(tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    with Workspace.open(tmp_path / "w") as workspace:
        result = jobs.start(workspace, config(questions=20), "", events.append, models=models())
    assert events[0]["event"] == "start"
    assert events[-1]["event"] == "end"
    assert {e["run_id"] for e in events} == {result.run_id}
    for event in events:
        assert {"stage", "done", "total", "accepted", "rows_per_s", "tokens_per_s", "eta_s"} <= event.keys()
    assert (events[-1]["done"], events[-1]["total"], events[-1]["status"]) == (20, 20, "done")


def test_pairs_have_topic_difficulty_reward_and_agreement(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        jobs.start(workspace, config(questions=40), models=models())
        cursor = workspace.cursor()
        rows = cursor.execute(
            "SELECT topic, difficulty, reward, agreement, majority_answer, answer FROM pairs"
        ).fetchall()
        assert rows
        assert all(value is not None for row in rows for value in row)
        assert all(0 <= row[1] <= 1 and 0 < row[3] <= 1 for row in rows)
        assert doubled(cursor) == []


def test_the_funnel_holds_together_in_a_run_with_failures(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        live = models(solver=InstantText("solution", window=40, faults=dies_after(60)))
        result = jobs.start(workspace, config(questions=60), models=live)
        assert (result.status, result.exit_code) == ("failed", 1)
        assert "The server went away" in (result.message or "")
        assert f"--resume {result.run_id}" in (result.message or "")
        assert jobs.resume(workspace, result.run_id, models=models()).exit_code == 0
        cursor = workspace.cursor()
        funnel = run_queries.funnel(cursor, result.run_id)
        before = None
        for row in funnel:
            assert row.entered == row.kept + row.dropped
            if before is not None:
                assert row.entered == before.kept - row.pending
            before = row
        assert funnel[-1].kept == cursor.execute("SELECT count(*) FROM pairs").fetchall()[0][0]
        assert [row.pending for row in funnel] == [0] * len(funnel)


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        run_id = jobs.start(workspace, config(questions=20), models=models()).run_id
        cursor = workspace.cursor()
        before = content(cursor)
        result = jobs.resume(workspace, run_id)
        assert (result.status, result.exit_code) == ("done", 0)
        assert content(cursor) == before


def test_resuming_an_unknown_run_is_bad_input(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace, pytest.raises(InputError, match="r404"):
        jobs.resume(workspace, "r404")


def test_a_target_out_of_reach_is_said_and_exits_1(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        result = jobs.start(workspace, config(accepted=50, max_questions=30), models=models())
        assert (result.status, result.exit_code) == ("done", 1)
        assert "--max-questions 30" in (result.message or "")
        assert workspace.run(result.run_id).error == result.message


def test_a_missing_benchmark_or_model_is_bad_input_and_stores_no_run(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        with pytest.raises(InputError, match="nowhere"):
            jobs.start(workspace, config(questions=5, benchmarks=["nowhere.jsonl"]), models=models())
        assert workspace.runs() == []


def test_what_another_run_has_is_marked_and_dropped_only_where_asked(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        cursor = workspace.cursor()
        first = jobs.start(workspace, config(questions=30), models=models()).run_id
        again = jobs.start(workspace, config(questions=30), models=models()).run_id
        dropping = jobs.start(workspace, config(questions=30, other_runs="drop"), models=models()).run_id

        def kept(run_id: str) -> int:
            return run_queries.funnel(cursor, run_id)[-1].kept

        assert kept(again) == kept(first) > 0
        assert kept(dropping) == 0
        marked = cursor.execute(
            "SELECT count(*) FROM pairs JOIN items USING (question_id) WHERE items.run_id = ? AND near_duplicates > 0",
            [again],
        )
        assert marked.fetchall()[0][0] == kept(again)


def test_the_report_shows_the_funnel_and_the_cost_of_a_thousand_pairs(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        result = jobs.start(workspace, config(questions=50), models=models())
        told = report.facts(workspace, result)
        shown = report.text(workspace, result)
    solution = next(row for row in told["costs"] if row["stage"] == "solution")
    assert solution["tokens_per_1000_pairs"] == round(solution["tokens"] * 1000 / told["pairs"])
    assert told["funnel"][0]["stage"] == "generated"
    assert f"{told['pairs']} pairs" in shown
    assert "pair" in shown


def test_a_report_without_pairs_has_no_cost_per_pair(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        result = jobs.start(workspace, config(questions=20, reward_floor=99.0), models=models())
        assert report.facts(workspace, result)["costs"][0]["tokens_per_1000_pairs"] is None
        assert "0 pairs" in report.text(workspace, result)
