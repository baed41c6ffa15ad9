"""Calls of models that wait for their results."""

from __future__ import annotations

import queue
from collections.abc import Sequence

from engine.models.base import Completion, Failure, Request, Row, Scored, ScoreModel, TextModel


def complete(model: TextModel, requests: Sequence[Request]) -> list[Completion]:
    """In the order of the requests. Raises a failure's error."""
    done: queue.SimpleQueue[Completion | Failure] = queue.SimpleQueue()
    model.submit(requests, done.put)
    found: dict[str, Completion] = {}
    for _ in requests:
        result = done.get()
        if isinstance(result, Failure):
            raise result.error
        found[result.request_id] = result
    return [found[request.request_id] for request in requests]


def score(model: ScoreModel, rows: Sequence[Row]) -> Scored:
    """Raises a failure's error."""
    done: queue.SimpleQueue[Scored | Failure] = queue.SimpleQueue()
    model.submit("rows", rows, done.put)
    if isinstance(result := done.get(), Failure):
        raise result.error
    return result
