"""Whole runs whose generator is behind servers: real ones, one of which dies in the middle, and ones that fail."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.config.run_config import RunConfig, load_run_config
from engine.job_registry import JobRegistry
from engine.job_requests import RunRequest
from engine.jobs.result import Result
from engine.models.openai import server as servers_of
from engine.pipeline import run
from store.database.workspace import Workspace
from tests.engine.models.faulty import Faulty
from tests.engine.models.vllm import needs_vllm
from tests.engine.models.vllm_server import VllmServer, serving
from tests.engine.pipeline.rows import content, doubled

QUESTIONS = 48


def config(*servers: VllmServer | Faulty) -> RunConfig:
    """The nano profile with its first generator behind these servers, as the only one."""
    nano = load_run_config("nano", questions=QUESTIONS, seed=5)
    urls = tuple(server.url for server in servers)
    kind: Any = "vllm" if isinstance(servers[0], VllmServer) else "other"
    far = replace(
        nano.profile.generators[0], backend="openai", model="served", urls=urls, server=kind, slots=8, reproducible=True
    )
    return replace(nano, profile=replace(nano.profile, generators=(far,)))


def ran(folder: Path, asked: RunConfig, on_event: Any) -> tuple[Result, dict[str, list[Any]]]:
    with Workspace.open(folder) as workspace:
        result = run.start(workspace, asked, run_id="r1", on_event=on_event)
        with workspace.cursor() as cursor:
            assert doubled(cursor) == []
            return result, content(cursor)


@pytest.fixture(scope="module")
def pair(nano: Path) -> Any:
    with serving(nano / "qgen-a", "--scheduling-policy", "priority", count=2) as servers:
        yield servers


@needs_vllm
def test_a_run_ends_whole_when_one_of_its_servers_is_killed(pair: list[VllmServer], tmp_path: Path) -> None:
    dying, other = pair
    events: list[dict[str, Any]] = []
    killed_at: list[int] = []

    def hear(event: dict[str, Any]) -> None:
        events.append(event)
        if not killed_at and event.get("generated", 0) >= 8:
            killed_at.append(event["generated"])
            dying.kill()

    _, undisturbed = ran(tmp_path / "alone", config(other), lambda _: None)
    result, found = ran(tmp_path / "dying", config(dying, other), hear)
    assert killed_at[0] < QUESTIONS
    assert result.status == "done"
    assert len(found["questions"]) == QUESTIONS
    assert found == undisturbed  # the same texts, verdicts and scores, each once
    said = [event["message"] for event in events if event["event"] == "error"]
    assert any(f"The server {dying.url} is in trouble: " in message for message in said)
    assert any(f"The server {dying.url} is gone" in message for message in said)
    assert any("1 of 2 backends of 'qgen-a' are left." in message for message in said)
    assert all(event["idx"] is None for event in events if event["event"] == "error")  # no item has failed


@needs_vllm
def test_a_run_whose_servers_are_all_gone_fails_in_a_sentence_and_can_be_resumed(
    pair: list[VllmServer], tmp_path: Path
) -> None:
    dead = pair[0]
    dead.kill()
    with Workspace.open(tmp_path / "w") as workspace:
        result = run.start(workspace, config(dead), run_id="r1")
        assert result.status == "failed"
        assert result.message is not None
        assert result.message.startswith(f"The server {dead.url} is gone")
        assert "--resume r1" in result.message


def faults(number: int, body: dict[str, Any]) -> str | None:
    """Every third request fails in one of the ways that pass."""
    kinds = ["500", "429 0", "hang-up", "cut", "garbage", "error", "early"]
    return None if number % 3 else Random(number).choice(kinds)


def test_a_run_on_servers_that_fail_in_every_way_ends_as_if_they_did_not(
    nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers_of, "_FIRST_PAUSE", 0.02)
    events: list[dict[str, Any]] = []
    with Faulty() as sound, Faulty(faults) as one, Faulty(faults) as two:
        _, undisturbed = ran(tmp_path / "sound", config(sound), lambda _: None)
        result, found = ran(tmp_path / "faulty", config(one, two), events.append)
        assert len(one.asked) + len(two.asked) > QUESTIONS
    assert result.status == "done"
    assert len(found["questions"]) == QUESTIONS
    assert found == undisturbed
    assert any("is in trouble: " in event.get("message", "") for event in events if event["event"] == "error")


def test_a_batch_in_the_background_keeps_what_its_models_said(
    nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers_of, "_FIRST_PAUSE", 0.02)
    with (
        Faulty(lambda number, _: "503 loading" if number < 4 else None) as server,
        Workspace.open(tmp_path) as workspace,
    ):
        jobs = JobRegistry(workspace)
        job = jobs.start(RunRequest(config=config(server)))
        while not job.ended:
            time.sleep(0.05)
        jobs.close()
    assert job.message is None
    assert job.notice == f"The server {server.url} answers again."
