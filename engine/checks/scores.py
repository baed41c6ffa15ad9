"""Scores many questions by one model within its window of rows in flight, with results in order."""

from collections.abc import Callable, Sequence
from queue import SimpleQueue

from engine.models.base import Failure, Scored, ScoreModel
from store.errors import BackendError

GIVE_UP = 32
"""Consecutive failures, none of them fatal, after which the model counts as broken."""
Call = tuple[str, Sequence[tuple[str, str | None]]]
"""A unique id, and the rows (prompt, solution or None)."""


def score_all(model: ScoreModel, calls: Sequence[Call], stopped: Callable[[], bool]) -> list[Scored | Failure]:
    """One result per call, in order; a call without rows needs no model.

    When ``stopped`` becomes true, only the first calls are made and have results. Raises the model's fatal error, and
    BackendError after ``GIVE_UP`` failures in a row.
    """
    inbox: SimpleQueue[Scored | Failure] = SimpleQueue()
    results: dict[str, Scored | Failure] = {}
    in_flight: dict[str, int] = {}

    def receive() -> None:
        result = inbox.get()
        del in_flight[result.request_id]
        if isinstance(result, Failure) and result.fatal:
            raise result.error
        results[result.request_id] = result

    submitted = 0
    for key, rows in calls:
        if stopped():
            break
        submitted += 1
        if not rows:
            results[key] = Scored(key, (), 0, 0.0)
            continue
        while in_flight and sum(in_flight.values()) + len(rows) > max(1, model.window):
            receive()
        in_flight[key] = len(rows)
        model.submit(key, rows, inbox.put)
    while in_flight:
        receive()
    ordered = [results[key] for key, _ in calls[:submitted]]
    give_up(ordered)
    return ordered


def give_up(results: Sequence[object]) -> None:
    """BackendError where the model failed ``GIVE_UP`` times in a row."""
    in_a_row = 0
    for result in results:
        in_a_row = in_a_row + 1 if isinstance(result, Failure) else 0
        if in_a_row >= GIVE_UP and isinstance(result, Failure):
            raise BackendError(f"The model failed {GIVE_UP} times in a row, last with: {result.error}")
