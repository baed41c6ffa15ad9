"""The bundled linear level scorer as a ``ScoreModel``, without torch."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from engine.models.base import Failure, OnScored, Row, Scored
from engine.text.linear_classifier import LevelModel
from store.errors import ItemError


class LinearScore:
    """Scores the first text of each row: a level in [0, 1], not a logit; None outside mathematics in English."""

    def __init__(self, level: LevelModel, name: str | None = None) -> None:
        self.name, self.window = name or level.name, 256
        self._level = level
        self._closed = threading.Event()
        self._calls: deque[tuple[str, list[str], OnScored]] = deque()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="level scores")

    def submit(self, request_id: str, rows: Sequence[Row], on_done: OnScored) -> None:
        if self._closed.is_set():
            on_done(self._gone(request_id))
            return
        self._calls.append((request_id, [row[0] for row in rows], on_done))
        self._pool.submit(self._score_waiting)

    def close(self) -> None:
        """Queued calls fail as not fatal."""
        self._closed.set()
        self._pool.shutdown(wait=True)

    def _score_waiting(self) -> None:
        """Score all queued calls as one batch, which costs less a text."""
        calls = [self._calls.popleft() for _ in range(len(self._calls))]
        if self._closed.is_set():
            for request_id, _, on_done in calls:
                on_done(self._gone(request_id))
            return
        started = time.perf_counter()
        texts = [text for _, of_call, _ in calls for text in of_call]
        scores = iter(self._level.score(texts) if texts else [])
        share = (time.perf_counter() - started) / max(1, len(texts))
        for request_id, of_call, on_done in calls:
            on_done(Scored(request_id, tuple(next(scores) for _ in of_call), 0, share * len(of_call)))

    def _gone(self, request_id: str) -> Failure:
        return Failure(request_id, ItemError(f"The scorer '{self.name}' was closed before it was done."), fatal=False)
