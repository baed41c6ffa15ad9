"""The map's part of ``explore``: how long embedding takes, a view of tiles, the neighbours of a question."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from engine.embedding import job
from engine.job_registry import JobRegistry
from store.database.workspace import Workspace
from store.frame.cache import Frames
from ui.tabs.explore.map import MapRequest, look
from ui.tabs.row import neighbours
from ui.web.requests import parse

GOALS = {
    "embed_seconds": "s to put every question on a new map by the offline embedder",
    "map_tiles": "ms for a view of the map, of a filter and a colour, whole or zoomed; goal p95 <= 30",
    "neighbours": "ms for the ten questions nearest to one, with their texts; goal p95 <= 100",
}
_COLOURS = ("density", "topic", "difficulty", "reward")


def figures(workspace: Workspace, timed: Callable[[Callable[[int], object]], dict[str, float]]) -> dict[str, Any]:
    """By name; ``timed`` measures an act that is told how often it was done before."""
    began = time.perf_counter()
    job.run(workspace, rebuild=True)
    found: dict[str, Any] = {"embed_seconds": round(time.perf_counter() - began, 1)}
    frames, jobs, luck = Frames(), JobRegistry(workspace), random.Random(2)
    frame = frames.of(workspace, now=True)

    def tiles(number: int) -> None:
        span = 100 if number % 2 else luck.uniform(5, 60)
        left, low = luck.uniform(0, 100 - span), luck.uniform(0, 100 - span)
        asked = {"difficulty": [0.001 * number, None]} if number % 3 else {}
        view = [left, low, left + span, low + span]
        reply = look(
            workspace,
            frames,
            jobs,
            parse(MapRequest, {"filter": asked, "view": view, "colour": _COLOURS[number % 4]}),
        )
        if "count" not in reply:
            raise RuntimeError(f"the map does not answer: {reply}")

    found["map_tiles"] = timed(tiles)
    found["neighbours"] = timed(lambda _: neighbours.view(workspace, frames, frame.key(luck.randrange(frame.size))))
    return found
