"""A model that scores, asked for many questions: never more rows in flight than it likes, answers in order.

Knows nothing of stages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue

from engine.models.base import Failure, Scored, ScoreModel
from store.errors import BackendError

GIVE_UP = 32
"""Failures in a row, none of them fatal by itself, after which the model is held to be broken."""
Call = tuple[str, Sequence[tuple[str, str | None]]]
"""An id of its own, and the rows (prompt, solution or None)."""


def ask(model: ScoreModel, calls: Sequence[Call], stopped: Callable[[], bool]) -> list[Scored | Failure]:
    """One result for each call, in their order; a call without rows is answered without the model.

    Where ``stopped`` comes true, no further call is made and the results are those of the first calls only. Raises
    the model's error where it is gone, BackendError where it fails again and again.
    """
    inbox: SimpleQueue[Scored | Failure] = SimpleQueue()
    found: dict[str, Scored | Failure] = {}
    flying: dict[str, int] = {}

    def take() -> None:
        result = inbox.get()
        del flying[result.request_id]
        if isinstance(result, Failure) and result.fatal:
            raise result.error
        found[result.request_id] = result

    asked = 0
    for key, rows in calls:
        if stopped():
            break
        asked += 1
        if not rows:
            found[key] = Scored(key, (), 0, 0.0)
            continue
        while flying and sum(flying.values()) + len(rows) > max(1, model.window):
            take()
        flying[key] = len(rows)
        model.submit(key, rows, inbox.put)
    while flying:
        take()
    results = [found[key] for key, _ in calls[:asked]]
    _give_up(results)
    return results


def _give_up(results: Sequence[Scored | Failure]) -> None:
    in_a_row = 0
    for result in results:
        in_a_row = in_a_row + 1 if isinstance(result, Failure) else 0
        if in_a_row >= GIVE_UP and isinstance(result, Failure):
            raise BackendError(f"The model failed {GIVE_UP} times in a row, last with: {result.error}")
