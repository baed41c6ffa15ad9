"""Streams of live runs with the bundled models: whole after every change, several at once, ended by who leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from engine.config.profiles import load_profile
from engine.config.run_config import RunConfig
from engine.models.model_cache import ModelCache
from engine.pipeline import stored_live
from engine.pipeline.live import Live, settings
from store.database.workspace import Workspace
from store.errors import InputError
from ui.components import live_cards, live_stream
from ui.components.live_stream import LiveStreams

USERS = 8


class _Page(Request):
    """The request of a page that is closed once it has received ``messages`` messages."""

    def __init__(self, messages: int | None = None) -> None:
        super().__init__({"type": "http", "headers": []})
        self.left = messages

    async def is_disconnected(self) -> bool:
        return self.left is not None and self.left <= 0


@pytest.fixture(scope="module")
def model_cache(nano: Path) -> Iterator[ModelCache]:
    with closing(ModelCache()) as model_cache:
        yield model_cache


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "w") as workspace:
        yield workspace


@pytest.fixture
def streams(workspace: Workspace, model_cache: ModelCache) -> Iterator[LiveStreams]:
    with closing(Live(workspace, model_cache)) as live:
        yield LiveStreams(live)


def asked(questions: int, seed: int) -> RunConfig:
    return settings(load_profile("nano"), questions=questions, seed=seed)


def joined(state: dict[str, Any], message: dict[str, Any]) -> None:
    """Apply a message as the page does."""
    state.update({name: value for name, value in message.items() if name != "questions"})
    for change in message.get("questions", []):
        question = state.setdefault("questions", {}).setdefault(change["id"], {"fields": {}, "texts": {}})
        question["fields"].update(change.get("fields", {}))
        question["texts"].update(change.get("texts", {}))
        for name, more in change.get("more", {}).items():
            question["texts"][name] = question["texts"].get(name, "") + more


async def followed(streams: LiveStreams, token: str, page: _Page) -> tuple[dict[str, Any], int, bool]:
    """What the page has at the end, the number of messages, and whether the run ended."""
    state: dict[str, Any] = {}
    count = 0
    async for event in streams.events(token, page):
        if event.startswith("event: end"):
            return state, count, True
        data = [line.removeprefix("data: ") for line in event.splitlines() if line.startswith("data: ")]
        for message in data:
            count += 1
            joined(state, json.loads(message))
            page.left = None if page.left is None else page.left - 1
    return state, count, False


def stored(workspace: Workspace, streams: LiveStreams, run_id: str) -> dict[str, Any]:
    run = workspace.run(run_id)
    state: dict[str, Any] = {}
    snapshot = stored_live.snapshot(workspace, run, streams.live.pool)
    joined(state, live_cards.whole(snapshot, RunConfig.from_json(run.config)))
    return state


def test_eight_pages_stream_at_once_and_each_ends_with_what_is_stored(
    workspace: Workspace, streams: LiveStreams
) -> None:
    started = [streams.start(asked(2, seed)) for seed in range(USERS)]
    assert len({one["token"] for one in started}) == USERS

    async def all_of_them() -> list[tuple[dict[str, Any], int, bool]]:
        return await asyncio.gather(*(followed(streams, one["token"], _Page()) for one in started))

    workspace.writer.flush()
    for one, (state, messages, ended) in zip(started, asyncio.run(all_of_them()), strict=True):
        assert ended
        assert messages > 3
        assert state["state"] == "done"
        assert state["questions"] == stored(workspace, streams, one["run"])["questions"]
        assert any(question["texts"]["question"] for question in state["questions"].values())


def test_a_page_that_leaves_may_come_back_and_else_cancels(
    workspace: Workspace, streams: LiveStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_stream, "_GRACE", 1.0)
    back, gone = streams.start(asked(2, 1)), streams.start(asked(20, 2))

    async def reload_one_and_close_the_other() -> dict[str, Any]:
        await asyncio.gather(*(followed(streams, one["token"], _Page(2)) for one in (back, gone)))
        return (await followed(streams, back["token"], _Page()))[0]

    state = asyncio.run(reload_one_and_close_the_other())
    assert state["questions"] == stored(workspace, streams, back["run"])["questions"]
    assert streams.session(gone["token"]).wait(30)
    assert workspace.run(gone["run"]).status == "cancelled"
    assert workspace.run(back["run"]).status == "done"


def test_more_runs_than_the_app_has_room_for_are_refused(streams: LiveStreams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_stream, "AT_ONCE", 1)
    streams.start(asked(20, 1))
    with pytest.raises(InputError, match="try again in a moment"):
        streams.start(asked(1, 2))
