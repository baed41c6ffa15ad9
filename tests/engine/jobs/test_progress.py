"""The events of a job: rates and times left are of the time in which it worked."""

from __future__ import annotations

import time
from typing import Any

from engine.jobs.progress import Progress


def test_a_pause_is_counted_neither_in_the_rate_nor_in_the_time_left() -> None:
    events: list[dict[str, Any]] = []
    progress = Progress(events.append, "r1", "import")
    progress.total = 100
    time.sleep(0.1)
    progress.done = 50
    with progress.paused():
        time.sleep(0.6)
        progress.emit("progress")
    progress.emit("progress")
    paused, resumed = events
    assert (paused["status"], paused["eta_s"]) == ("paused", None)
    assert resumed["status"] == "running"
    assert resumed["elapsed_s"] >= 0.7
    assert resumed["rows_per_s"] > 50 / 0.6
    assert resumed["eta_s"] < 0.6
