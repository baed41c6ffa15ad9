"""The pipeline with the bundled models: real questions, solutions and scores, the same for the same seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config.run_config import RunConfig, load_run_config
from engine.pipeline import report, run
from store.database import run_queries
from store.database.workspace import Workspace
from store.records import STAGES
from tests.engine.pipeline.rows import content, doubled


def ran(folder: Path, config: RunConfig, events: list[dict[str, Any]] | None = None) -> dict[str, list[Any]]:
    with Workspace.open(folder) as workspace:
        result = run.start(workspace, config, run_id="r1", on_event=(events if events is not None else []).append)
        assert (result.status, result.message) == ("done", None)
        cursor = workspace.cursor()
        assert doubled(cursor) == []
        return content(cursor)


@pytest.fixture(scope="module")
def first(nano: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    return ran(tmp_path_factory.mktemp("first") / "w", load_run_config("nano", questions=40, seed=11))


def test_nothing_becomes_pairs_that_passed_every_stage(first: dict[str, list[Any]]) -> None:
    assert len(first["questions"]) == 40
    assert len(first["pairs"]) >= 8
    funnel = {row[0]: row[1:] for row in first["funnel"]}
    assert all(funnel[stage][3] == 0 for stage in STAGES)
    assert funnel["pair"][1] == len(first["pairs"])


def test_the_same_seed_gives_the_same_texts_verdicts_and_scores(first: dict[str, list[Any]], tmp_path: Path) -> None:
    assert ran(tmp_path / "w", load_run_config("nano", questions=40, seed=11)) == first


def test_texts_do_not_depend_on_how_many_are_decoded_together(nano: Path, tmp_path: Path) -> None:
    config = load_run_config("nano", questions=8, seed=11)
    profile = config.profile
    alone = replace(
        profile,
        generators=tuple(replace(g, slots=1) for g in profile.generators),
        solver=replace(profile.solver, slots=1),
    )
    many, few = ran(tmp_path / "many", config), ran(tmp_path / "few", replace(config, profile=alone))
    assert many == few


def test_an_accepted_target_is_met_exactly_with_the_questions_of_lowest_number(
    first: dict[str, list[Any]], tmp_path: Path
) -> None:
    wanted = 5
    found = ran(tmp_path / "w", load_run_config("nano", accepted=wanted, seed=11))
    assert found["pairs"] == first["pairs"][:wanted]


def test_the_report_tells_what_the_run_has_cost(nano: Path, tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        result = run.start(workspace, load_run_config("nano", questions=12, seed=3))
        told = report.facts(workspace, result)
        costs = {row["stage"]: row for row in told["costs"]}
        assert costs["generated"]["tokens"] > 0
        assert costs["solution"]["calls"] == 5 * run_queries.funnel(workspace.cursor(), result.run_id)[6].entered
