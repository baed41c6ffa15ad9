"""How another thread steers a running pipeline. It holds what was requested; the pipeline looks at it and obeys."""

from __future__ import annotations

import threading
from typing import Literal

Requested = Literal["run", "pause", "cancel", "interrupt"]


class Control:
    """Safe from any thread and from a signal handler. ``cancel`` and ``interrupt`` are final."""

    def __init__(self) -> None:
        self._requested: Requested = "run"
        self._ended = threading.Event()

    @property
    def requested(self) -> Requested:
        return self._requested

    def pause(self) -> None:
        """Submit nothing more; what is in flight ends and is recorded."""
        if self._requested == "run":
            self._requested = "pause"

    def resume(self) -> None:
        if self._requested == "pause":
            self._requested = "run"

    def cancel(self) -> None:
        """End now: what is in flight is given up."""
        self._requested = "cancel"

    def interrupt(self) -> None:
        """End soon: what is in flight has a moment to finish, the rest is left to a resume."""
        if self._requested != "cancel":
            self._requested = "interrupt"

    def wait(self, seconds: float | None = None) -> bool:
        """Until the pipeline has ended; False where it has not in time."""
        return self._ended.wait(seconds)

    def ended(self) -> None:
        """Called by whoever runs the pipeline, at its end."""
        self._ended.set()
