"""Models that take turns on one GPU (``shared_gpu``), to their callers like any others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from engine.models.base import BATCH, Completion, Failure, OnCompletion, OnScored, OnText, Request, Row
from engine.models.device import failure_message
from engine.models.shared_gpu import Call, SharedGpu, State
from store.errors import BackendError, ScaleQuestError

FILL = 8
"""Full batches that may wait for a model, where nothing better is known."""


class _TimeSharedModel:
    """One model of a shared GPU. ``slots``: rows that it works on at once; ``window``: rows that may wait for it or be
    in work. ``sizes``: bytes of its weights, and of all that it takes while awake."""

    def __init__(
        self,
        name: str,
        slots: int,
        gpu: SharedGpu,
        phase: int,
        load: Callable[[], Any],
        window: int = 0,
        sizes: tuple[int, int] = (1, 1),
    ) -> None:
        self.name, self.window = name, window or slots * FILL
        self.weights, self.memory = sizes
        self.state: State = "away"
        self.in_flight = 0
        """Rows in work; this and ``state`` belong to the GPU."""
        self.gpu, self._load = gpu, load
        self._queued: dict[str, Call] = {}
        self._model: Any = None
        self._error: ScaleQuestError | None = None
        self._closed = False
        self._lock = threading.Lock()
        self.phase = gpu.join(phase, self)

    # --- on the thread of the GPU ------------------------------------------------------------------------------------

    @property
    def can_prepare(self) -> bool:
        """Whether its weights can come before its cache."""
        return hasattr(self._model, "prepare")

    def prepare(self) -> None:
        """Have the weights come back, without the cache."""
        self._try(lambda: self._model.prepare())
        self.state = "prepared"

    def wake(self) -> None:
        """Become resident: load the model the first time, and every time where it cannot sleep."""
        self._try(self._load_model if self._model is None else lambda: self._model.wake())
        self.state = "awake"  # a model that failed is there to say so

    def sleep(self) -> None:
        if self._model is not None and hasattr(self._model, "sleep"):
            self._try(lambda: self._model.sleep())
        elif self._model is not None:
            self._model.close()
            self._model = None
        self.state = "away"

    def _try(self, move: Callable[[], None]) -> None:
        """Do this; where it fails, so do all calls from now on."""
        if self._error is not None:
            return
        try:
            move()
        except ScaleQuestError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001 - a model that cannot come or go must leave nobody waiting
            self._error = BackendError(failure_message(self.name, error))

    def _load_model(self) -> None:
        model = self._load()
        with self._lock:
            if not self._closed:
                self._model = model
                return
        model.close()

    # --- from any thread ---------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Free the model. Queued calls are abandoned; calls in flight end as the model ends them."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._abandon(list(self._queued))
        if self._model is not None:
            self._model.close()
        self.gpu.leave(self)

    def _enqueue(
        self, request_id: str, rows: int, priority: int, submit: Callable[..., None], on_done: Any, cancelled: Any
    ) -> None:
        """Queue a call: ``submit(model, on_done)`` starts it, ``on_done(cancelled)`` ends it where it never starts."""

        def finish(result: Any) -> None:
            self.gpu.done(self, rows, priority)
            on_done(result)

        def start() -> None:
            self._queued.pop(request_id, None)
            if self._error is not None:
                finish(Failure(request_id, self._error, fatal=True))
            elif (model := self._model) is None:  # it was closed while it was being loaded
                finish(cancelled)
            else:
                submit(model, finish)

        call = Call(self, rows, priority, start, lambda: on_done(cancelled))
        with self._lock:  # so that ``close`` finds every call that is queued
            closed = self._closed
            if not closed:
                self._queued[request_id] = call
                self.gpu.enqueue(call)
        if closed:
            call.abandon()

    def _abandon(self, request_ids: Sequence[str]) -> None:
        calls = {key: call for key in request_ids if (call := self._queued.get(key)) is not None}
        withdrawn = self.gpu.withdraw(self, list(calls.values()))
        for key, call in calls.items():
            if call in withdrawn:
                self._queued.pop(key, None)
                call.abandon()


class TimeSharedText(_TimeSharedModel):
    """A ``TextModel`` on a shared GPU."""

    def submit(self, requests: Sequence[Request], on_done: OnCompletion, on_text: OnText | None = None) -> None:
        for request in requests:
            key = request.request_id
            cancelled = Completion(key, "", 0, 0, 0.0, "cancelled")

            def submit(model: Any, finish: Any, request: Request = request) -> None:
                model.submit([request], finish, on_text)

            self._enqueue(key, 1, request.priority, submit, on_done, cancelled)

    def cancel(self, request_ids: Sequence[str]) -> None:
        self._abandon(request_ids)
        if (model := self._model) is not None and self.state == "awake":
            model.cancel(request_ids)


class TimeSharedScore(_TimeSharedModel):
    """A ``ScoreModel`` on a shared GPU."""

    def submit(self, request_id: str, rows: Sequence[Row], on_done: OnScored) -> None:
        closed = Failure(request_id, BackendError(f"The scorer '{self.name}' was closed."), fatal=False)

        def submit(model: Any, finish: Any) -> None:
            model.submit(request_id, rows, finish)

        self._enqueue(request_id, len(rows), BATCH, submit, on_done, closed)
