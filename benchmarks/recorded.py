"""Models that remember the calls made of them, so that the very same calls can be made again without a pipeline."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from engine.models.base import Completion, Failure, Request, Scored, ScoreModel, TextModel
from store.errors import BackendError

Rows = Sequence[tuple[str, str | None]]
Done = Callable[[Completion | Scored | Failure], None]


class RecordedText:
    """A TextModel that passes requests on to another and keeps them."""

    def __init__(self, model: TextModel) -> None:
        self.name, self.window = model.name, model.window
        self.calls: list[Request] = []
        self.model = model

    def submit(
        self,
        requests: Sequence[Request],
        on_done: Callable[[Completion | Failure], None],
        on_text: Callable[[str, str], None] | None = None,
    ) -> None:
        self.calls.extend(requests)
        self.model.submit(requests, on_done, on_text)

    def cancel(self, request_ids: Sequence[str]) -> None:
        self.model.cancel(request_ids)

    def close(self) -> None:
        self.model.close()

    def replay(self) -> None:
        """All calls again, handed over at once; returns when the last has been answered."""
        with answered(len(self.calls)) as done:
            self.model.submit(self.calls, done)


class RecordedScore:
    """A ScoreModel that passes rows on to another and keeps them."""

    def __init__(self, model: ScoreModel) -> None:
        self.name, self.window = model.name, model.window
        self.calls: list[tuple[str, Rows]] = []
        self.model = model

    def submit(self, request_id: str, rows: Rows, on_done: Callable[[Scored | Failure], None]) -> None:
        self.calls.append((request_id, rows))
        self.model.submit(request_id, rows, on_done)

    def close(self) -> None:
        self.model.close()

    def replay(self) -> None:
        """All calls again, handed over at once; returns when the last has been answered."""
        with answered(len(self.calls)) as done:
            for request_id, rows in self.calls:
                self.model.submit(request_id, rows, done)

    def replay_row_by_row(self) -> None:
        """Every row by itself, each handed over when the one before has been answered."""
        for request_id, rows in self.calls:
            for i, row in enumerate(rows):
                with answered(1) as done:
                    self.model.submit(f"{request_id}/{i}", [row], done)


@contextmanager
def answered(calls: int) -> Iterator[Done]:
    """Gives a callback, and leaves when it has been called so often. BackendError where a call failed."""
    left = threading.Semaphore(0)
    failed: list[Failure] = []

    def done(result: Completion | Scored | Failure) -> None:
        if isinstance(result, Failure):
            failed.append(result)
        left.release()

    yield done
    for _ in range(calls):
        left.acquire()
    if failed:
        raise BackendError(f"A call of the benchmark failed: {failed[0].error}")
