"""The events of a job whose work is a number of rows: how many are done, how fast, and how long the rest will take."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from engine.jobs.result import OnEvent, Result

_INTERVAL = 0.5
"""Seconds between two progress events."""


class Progress:
    """Emits ``{"event": "start|progress|end", "run_id", "stage", "status", "done", "total", "rows_per_s", "eta_s",
    "elapsed_s"}``. The job sets ``done``, ``total`` (None while unknown), ``stage`` and ``status`` as it works;
    ``details`` gives its other counts, and may set these first.
    """

    def __init__(
        self, on_event: OnEvent, run_id: str, stage: str, details: Callable[[], Mapping[str, Any]] = dict
    ) -> None:
        self.run_id, self.stage, self.status = run_id, stage, "running"
        self.done, self.total = 0, None  # type: int, int | None
        self._on_event, self._details = on_event, details
        self.restart()

    def restart(self) -> None:
        """Measure the time, and the rate of rows, from now on."""
        self._started, self._done_before = time.monotonic(), self.done
        self._paused, self._paused_since = 0.0, None  # type: float, float | None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Inside, the job waits: this time is not counted in the rate, and nothing is said of the time left."""
        status, self.status = self.status, "paused"
        self._paused_since = began = time.monotonic()
        try:
            yield
        finally:
            self._paused, self._paused_since = self._paused + time.monotonic() - began, None
            self.status = status

    def emit(self, event: str, **more: Any) -> None:
        details, seconds, since = self._details(), self.seconds, self._paused_since
        worked = seconds - self._paused - (time.monotonic() - since if since is not None else 0.0)
        rate = (self.done - self._done_before) / worked if worked > 0 else 0.0
        remaining = (self.total - self.done) / rate if self.total is not None and rate and since is None else None
        self._on_event(
            {
                "event": event,
                "run_id": self.run_id,
                "stage": self.stage,
                "status": self.status,
                "done": self.done,
                "total": self.total,
                "rows_per_s": round(rate, 1),
                "eta_s": None if remaining is None else round(remaining, 1),
                "elapsed_s": round(seconds, 3),
                **details,
                **more,
            }
        )

    def end(self, status: str, message: str | None, **more: Any) -> Result:
        """Emit the last event; the job's result."""
        self.status = status
        self.emit("end", message=message, **more)
        return Result(self.run_id, status, message, self.seconds)

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """Inside, a thread emits progress twice a second."""
        ended = threading.Event()

        def tick() -> None:
            while not ended.wait(_INTERVAL):
                self.emit("progress")

        ticker = threading.Thread(target=tick, name="progress", daemon=True)
        ticker.start()
        try:
            yield
        finally:
            ended.set()
            ticker.join()
