"""Whole runs with every model in vLLM that can be: the same pipeline, the same store, live users before the batch."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from engine.config.run_config import RunConfig, load_run_config
from engine.job_registry import JobRegistry
from engine.job_requests import RunRequest
from engine.jobs.control import Control
from engine.models.model_cache import ModelCache
from engine.pipeline import run
from engine.pipeline.live import Live
from store.database.workspace import Workspace
from store.records import STAGES
from tests.engine.models.vllm import needs_vllm
from tests.engine.pipeline.rows import content, doubled

pytestmark = needs_vllm


def on_vllm(questions: int, seed: int = 11) -> RunConfig:
    config = load_run_config("nano", questions=questions, seed=seed)
    profile = config.profile
    profile = replace(
        profile,
        name="nano-vllm",
        generators=tuple(replace(role, backend="vllm") for role in profile.generators),
        solver=replace(profile.solver, backend="vllm"),
        judge=replace(profile.judge, backend="vllm-pooling"),
        difficulty=replace(profile.difficulty, backend="vllm-pooling"),
    )
    return replace(config, profile=profile)


def test_a_run_is_whole_and_the_same_for_the_same_seed(nano: Path, tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        with Workspace.open(tmp_path / name) as workspace:
            assert run.start(workspace, on_vllm(30), run_id="r1").status == "done"
            cursor = workspace.cursor()
            assert doubled(cursor) == []
            found.append(content(cursor))
    funnel = {row[0]: row[1:] for row in found[0]["funnel"]}
    assert all(funnel[stage][3] == 0 for stage in STAGES)
    assert len(found[0]["pairs"]) > 10
    assert found[0] == found[1]


def test_a_cancelled_run_goes_on_where_it_was(nano: Path, tmp_path: Path) -> None:
    control = Control()

    def stop_early(event: dict[str, object]) -> None:
        if event["event"] == "progress" and int(str(event.get("done", 0))) > 5:
            control.interrupt()

    with Workspace.open(tmp_path / "w") as workspace:
        first = run.start(workspace, on_vllm(60), run_id="r1", control=control, on_event=stop_early)
        assert first.status == "interrupted"
        assert run.resume(workspace, "r1").status == "done"
        cursor = workspace.cursor()
        assert doubled(cursor) == []
        assert len(content(cursor)["questions"]) == 60


def test_a_live_user_is_served_while_a_batch_runs_on_the_same_engines(nano: Path, tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace, closing(ModelCache()) as model_cache:
        jobs = JobRegistry(workspace, model_cache)
        jobs.start(RunRequest(config=on_vllm(300), name="batch"))
        begun = threading.Event()
        session = Live(workspace, model_cache).start(on_vllm(3, seed=5))
        for now in session.snapshots():
            if now.questions:
                begun.set()
        assert begun.is_set()
        running = jobs.running("run")
        assert running is not None  # the live run did not wait for the batch's end
        running.control.cancel()
        jobs.close()
