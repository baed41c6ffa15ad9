"""Warns once in a run where a judge that writes leaves too many questions without a verdict."""

from collections.abc import Callable
from typing import Any

from engine.config.profiles import Role
from engine.stages import solvability
from engine.text.verdict import undecided_warning
from store.records import Verdict

_FIRST_LOOK = 100
"""Judged questions before which a share means little."""


class JudgeWarning:
    """Counts the verdicts that this process makes, and emits one ``error`` event with idx None.

    A judge that scores has no replies to read: its ``no_verdict`` means a question outside its domain.
    """

    def __init__(self, run_id: str, judge: Role | None, on_event: Callable[[dict[str, Any]], None]) -> None:
        self._run_id, self._name, self._on_event = run_id, "" if judge is None else judge.name, on_event
        self._judged = self._without = 0
        self._warned = judge is None or not judge.writes

    def count(self, verdict: Verdict) -> None:
        """Count a verdict of stage solvability."""
        self._judged += 1
        self._without += verdict.reason == solvability.NO_VERDICT
        if self._judged >= _FIRST_LOOK:
            self.warn()

    def warn(self) -> None:
        """Emit the warning where the share is too high and it was not emitted before."""
        message = undecided_warning(self._name, self._without, self._judged)
        if message is None or self._warned:
            return
        self._warned = True
        event = {"event": "error", "run_id": self._run_id, "stage": solvability.STAGE, "idx": None}
        self._on_event({**event, "message": message})
