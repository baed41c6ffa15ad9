"""What models say beside their results: a server in trouble, a backend that is gone and whose work moved on.

Backends log it as warnings, since it belongs to no request. Here it becomes events of the runs under way, all of which
may share the model. Knows no models.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_LOGGER = logging.getLogger("engine.models")


@contextmanager
def told(run_id: str, on_event: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """While inside, each warning is also an ``error`` event: of stage ``models``, its ``idx`` None. They come from the
    models' threads."""
    handler = _Teller(run_id, on_event)
    _LOGGER.addHandler(handler)
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)


class _Teller(logging.Handler):
    def __init__(self, run_id: str, on_event: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(logging.WARNING)
        self._run_id, self._on_event = run_id, on_event

    def emit(self, record: logging.LogRecord) -> None:
        what = {"run_id": self._run_id, "stage": "models", "idx": None, "message": record.getMessage()}
        self._on_event({"event": "error", **what})
