"""Warnings of models as events of the runs in progress: a server in trouble, a replica that is gone.

Backends log them, since they belong to no single request and several runs may share a model.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_LOGGER = logging.getLogger("engine.models")


@contextmanager
def as_events(run_id: str, on_event: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """In the block, each warning is also an ``error`` event with stage ``models`` and idx None, sent from the models'
    threads."""
    handler = _EventHandler(run_id, on_event)
    _LOGGER.addHandler(handler)
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)


class _EventHandler(logging.Handler):
    def __init__(self, run_id: str, on_event: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(logging.WARNING)
        self._run_id, self._on_event = run_id, on_event

    def emit(self, record: logging.LogRecord) -> None:
        event = {"event": "error", "run_id": self._run_id, "stage": "models", "idx": None}
        self._on_event({**event, "message": record.getMessage()})
