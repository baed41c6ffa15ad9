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

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def emit(self, event: str, **more: Any) -> None:
        details, seconds = self._details(), self.seconds
        rate = (self.done - self._done_before) / seconds if seconds else 0.0
        remaining = (self.total - self.done) / rate if self.total is not None and rate else None
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
