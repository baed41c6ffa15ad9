"""A frame that was updated with decisions equals the one that would be read now."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from store.database.workspace import Workspace
from store.errors import InputError
from store.explore import query
from store.filters.filter import Filter
from store.frame import load
from store.frame.cache import Frames
from store.frame.frame import Frame
from store.review import decisions
from store.search import search
from tests.store import rows
from tests.store.explore.test_query import filters
from tests.store.frame.compare import assert_same

WHO = ("ana", "ben")


def act(workspace: Workspace, seen: Frames, ids: list[str], luck: random.Random) -> None:
    who, key = luck.choice(WHO), luck.choice(ids)
    what = luck.choice(("accept", "accept", "reject", "skip", "edit", "tag", "untag", "note", "undo", "bulk", "sample"))
    try:
        if what == "undo":
            decisions.undo(workspace, who)
        elif what == "bulk":
            keys = decisions.matching_keys(workspace, seen, luck.choice(filters(30)))
            payload = {"tag": "many"} if (action := luck.choice(decisions.BULK_ACTIONS)) in ("tag", "untag") else {}
            decisions.decide_all(workspace, who, keys, action, payload, expected=len(keys))
        elif what == "edit":
            text = "y" * luck.randrange(1, 90)
            decisions.decide(workspace, who, key, "edit", {luck.choice(("query", "response", "answer")): text})
        elif what in ("tag", "untag"):
            decisions.decide(workspace, who, key, what, {"tag": luck.choice(("hard", "odd", "nice"))})
        elif what == "sample":
            decisions.decide(workspace, who, key, "accept", {"sample": luck.choice((0, 1, 2))})
        else:
            decisions.decide(workspace, who, key, what, {"text": "see"} if what == "note" else {})
    except InputError:  # nothing matches, nothing is changed, no such sample
        pass


@pytest.mark.parametrize("seed", range(3))
def test_a_patched_frame_is_the_one_that_is_read_reread(
    workspace: Workspace, ids: list[str], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    luck, seen = random.Random(seed), Frames()
    first = seen.of(workspace, now=True)
    full = 0
    reading = load.read

    def counted(*given: Any, **more: Any) -> Frame:
        nonlocal full
        full += 1
        return reading(*given, **more)

    monkeypatch.setattr("store.frame.cache.read", counted)
    for _ in range(8):
        for asked in filters(6):
            query.select(workspace, seen.of(workspace, now=True), asked)  # what is remembered must not be stale
        for _ in range(luck.randrange(1, 8)):
            act(workspace, seen, ids, luck)
        now = seen.of(workspace, now=True)
        assert full == 0  # patched, not read
        reread = Frames().of(workspace, now=True)
        assert_same(now, reread)
        for asked in filters(6):
            mine, theirs = (query.select(workspace, frame, asked).rows for frame in (now, reread))
            assert np.array_equal(mine, theirs)
        full = 0
    assert np.array_equal(first.q, now.q)
    assert set(first.values["status"]) == {"unreviewed"}  # the old one is as it was


def test_a_search_finds_the_edited_text_of_a_patched_frame(workspace: Workspace, frames: Frames, pair: str) -> None:
    asked = Filter(words="zeppelin")

    def found() -> list[str]:
        frame = frames.of(workspace, now=True)
        chosen = query.select(workspace, frame, asked)
        return [frame.key(int(at)) for at in np.flatnonzero(chosen.rows)]

    search.of(workspace).wait(workspace, frames.of(workspace, now=True))
    assert found() == []
    decisions.decide(workspace, "ana", pair, "edit", {"query": "How far flies a zeppelin?"})
    assert found() == [pair]
    decisions.undo(workspace, "ana")
    assert found() == []


def test_rows_that_come_beside_decisions_are_read(workspace: Workspace, frames: Frames, pair: str) -> None:
    before = frames.of(workspace, now=True)
    workspace.writer.put(rows.whole(500))
    decisions.decide(workspace, "ana", pair, "accept", {})
    now = frames.of(workspace, now=True)
    assert now.size == before.size + 1
    assert_same(now, Frames().of(workspace, now=True))
    workspace.update_run("r2", status="done")
    workspace.delete_run("r2")
    decisions.decide(workspace, "ana", pair, "reject", {})
    assert_same(frames.of(workspace, now=True), Frames().of(workspace, now=True))
