"""A whole run whose generator is two real vLLM servers, one of which dies in the middle of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import jobs
from engine.config import RunConfig, load_run_config
from store.workspace import Workspace
from tests.models.vllm import needs_vllm
from tests.models.vllm_server import VllmServer, serving
from tests.pipeline.rows import content, doubled

pytestmark = needs_vllm
QUESTIONS = 48


def config(*servers: VllmServer) -> RunConfig:
    """The nano profile with its first generator behind these servers, as the only one."""
    nano = load_run_config("nano", questions=QUESTIONS, seed=5)
    urls = tuple(server.url for server in servers)
    far = replace(nano.profile.generators[0], backend="openai", model=servers[0].model, urls=urls, slots=8)
    return replace(nano, profile=replace(nano.profile, generators=(far,)))


def ran(folder: Path, asked: RunConfig, on_event: Any) -> tuple[jobs.Result, dict[str, list[Any]]]:
    with Workspace.open(folder) as workspace:
        result = jobs.start(workspace, asked, run_id="r1", on_event=on_event)
        with workspace.cursor() as cursor:
            assert doubled(cursor) == []
            return result, content(cursor)


@pytest.fixture(scope="module")
def pair(nano: Path) -> Any:
    with serving(nano / "qgen-a", "--scheduling-policy", "priority", count=2) as servers:
        yield servers


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


def test_a_run_whose_servers_are_all_gone_fails_in_a_sentence_and_can_be_resumed(
    pair: list[VllmServer], tmp_path: Path
) -> None:
    dead = pair[0]
    dead.kill()
    with Workspace.open(tmp_path / "w") as workspace:
        result = jobs.start(workspace, config(dead), run_id="r1")
        assert result.status == "failed"
        assert result.message is not None
        assert result.message.startswith(f"The server {dead.url} is gone")
        assert "--resume r1" in result.message
