"""How another thread steers a running pipeline. It holds the wish; the pipeline looks at it and obeys."""

from __future__ import annotations

import threading
from typing import Literal

Wish = Literal["run", "pause", "cancel", "interrupt"]


class Control:
    """Safe from any thread and from a signal handler. ``cancel`` and ``interrupt`` are final."""

    def __init__(self) -> None:
        self._wish: Wish = "run"
        self._ended = threading.Event()

    @property
    def wish(self) -> Wish:
        return self._wish

    def pause(self) -> None:
        """Submit nothing more; what is in flight ends and is recorded."""
        if self._wish == "run":
            self._wish = "pause"

    def resume(self) -> None:
        if self._wish == "pause":
            self._wish = "run"

    def cancel(self) -> None:
        """End now: what is in flight is given up."""
        self._wish = "cancel"

    def interrupt(self) -> None:
        """End soon: what is in flight has a moment to finish, the rest is left to a resume."""
        if self._wish != "cancel":
            self._wish = "interrupt"

    def wait(self, seconds: float | None = None) -> bool:
        """Until the pipeline has ended; False where it has not in time."""
        return self._ended.wait(seconds)

    def ended(self) -> None:
        """Called by whoever runs the pipeline, at its end."""
        self._ended.set()
