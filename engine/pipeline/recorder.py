"""What becomes of a run's questions: the rows to write, the counts, and the failures.

Everything runs on the pipeline's coordinating thread.
"""

import itertools
import time
from collections.abc import Callable
from typing import Any

from engine.pipeline.request_queue import Item
from engine.pipeline.types import Counts
from store.errors import BackendError, ScaleQuestError
from store.records import STAGES, ErrorRow, Record, Verdict

GIVE_UP = 32
"""Consecutive failures at one stage, none of them fatal by itself, after which the model counts as broken."""
FAILED = "failed"
"""The stage of an item that has failed; its later results are ignored."""
NEXT = dict(itertools.pairwise(STAGES))


class Recorder:
    """``rows``: to be written. ``open``: started questions without an outcome. ``fatal``: why the run must end.
    ``first_pair``: seconds from ``started`` to the first pair."""

    def __init__(self, run_id: str, on_event: Callable[[dict[str, Any]], None]) -> None:
        self._run_id, self._on_event = run_id, on_event
        self.counts = Counts()
        self.rows: list[Record] = []
        self.open = 0
        self.fatal: ScaleQuestError | None = None
        self.started = time.monotonic()
        self.first_pair: float | None = None
        self._failures_in_a_row: dict[str, int] = {}

    def verdict(self, item: Item, verdict: Verdict) -> bool:
        """Record a verdict; True where the item goes on to the next stage."""
        self.rows.append(verdict)
        (self.counts.kept if verdict.kept else self.counts.dropped)[verdict.stage] += 1
        if verdict.kept and verdict.stage != STAGES[-1]:
            item.stage = NEXT[verdict.stage]
            return True
        if verdict.kept and self.first_pair is None:
            self.first_pair = time.monotonic() - self.started
        self.open -= 1
        self.counts.decided += 1
        self.counts.decided_here += 1
        return False

    def succeeded(self, stage: str) -> None:
        """Note that the model of this stage works."""
        self._failures_in_a_row[stage] = 0

    def fail(self, item: Item, stage: str, message: str) -> None:
        """Record that the item failed, without a verdict, so that a resume tries it again."""
        self.rows.append(ErrorRow(self._run_id, item.idx, stage, message, attempt=item.attempt))
        self.counts.failed += 1
        self.open -= 1
        self._on_event({"event": "error", "run_id": self._run_id, "stage": stage, "idx": item.idx, "message": message})
        self._failures_in_a_row[stage] = self._failures_in_a_row.get(stage, 0) + 1
        if self._failures_in_a_row[stage] >= GIVE_UP and self.fatal is None:
            self.fatal = BackendError(f"Stage {stage} failed {GIVE_UP} times in a row, last with: {message}")
        item.stage = FAILED
