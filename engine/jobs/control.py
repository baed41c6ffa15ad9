"""How another thread controls a running job: the control holds what was requested, the job reads it and obeys."""

from typing import Literal

Requested = Literal["run", "pause", "cancel", "interrupt"]
Outcome = Literal["done", "cancelled", "interrupted"]
_OUTCOMES: dict[Requested, Outcome] = {"cancel": "cancelled", "interrupt": "interrupted"}


class Control:
    """Safe from any thread and from a signal handler. ``cancel`` and ``interrupt`` are final."""

    def __init__(self) -> None:
        self._requested: Requested = "run"

    @property
    def requested(self) -> Requested:
        return self._requested

    @property
    def stopping(self) -> bool:
        """Whether the job has to end early."""
        return self.requested in _OUTCOMES

    @property
    def outcome(self) -> Outcome:
        """The status of a job that ends now."""
        return _OUTCOMES.get(self.requested, "done")

    def pause(self) -> None:
        """Submit nothing more; what is in flight is finished and stored."""
        if self._requested == "run":
            self._requested = "pause"

    def resume(self) -> None:
        if self._requested == "pause":
            self._requested = "run"

    def cancel(self) -> None:
        """End immediately: what is in flight is discarded."""
        self._requested = "cancel"

    def interrupt(self) -> None:
        """End soon: what is in flight has a moment to finish, the rest is left to a resume."""
        if self._requested != "cancel":
            self._requested = "interrupt"
