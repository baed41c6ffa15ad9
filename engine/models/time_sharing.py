"""Time sharing of one GPU: the models of one phase are resident, requests to the others wait for their phase.

A phase keeps the GPU while it has work. It yields when it is idle, when another phase's queue is past the watermark and
it has had its own share, or when a live user waits for another phase. Models that leave go to sleep where they can
(vLLM); others are closed and loaded again later. ``placement`` decides which models form a phase.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.models.base import BATCH, LIVE, Completion, Failure, OnCompletion, OnScored, OnText, Request, Row
from engine.models.device import failure_message
from store.errors import BackendError, ScaleQuestError

FILL = 8
"""Full batches that a phase may work off, and that another phase must have queued, before the GPU changes hands."""


@dataclass(slots=True, eq=False)
class _Call:
    """A queued call: its rows, its priority, how it starts, and what its caller gets if it never starts."""

    rows: int
    priority: int
    start: Callable[[], None]
    abandon: Callable[[], None]


@dataclass(slots=True, eq=False)
class _Phase:
    """``started_rows``: since the phase became resident. ``live``: rows of live users in flight."""

    models: list[_TimeSharedModel] = field(default_factory=list)
    queue: deque[_Call] = field(default_factory=deque)
    in_flight: int = 0
    live: int = 0
    started_rows: int = 0

    @property
    def queued_rows(self) -> int:
        return sum(call.rows for call in self.queue)

    @property
    def live_user_waits(self) -> bool:
        return any(call.priority <= LIVE for call in self.queue)

    @property
    def batch(self) -> int:
        return sum(model.batch for model in self.models)


class SharedGpu:
    """One GPU and its phases. Safe from any thread; a thread of this object switches between the phases."""

    def __init__(self, phases: int) -> None:
        self._phases = [_Phase() for _ in range(phases)]
        self._resident: _Phase | None = None
        self._changed = threading.Condition()
        self._models = 0
        self.history: list[int] = []
        """The number of each phase that became resident, in order."""
        self._thread = threading.Thread(target=self._run, name="phases", daemon=True)

    def join(self, phase: int, model: _TimeSharedModel) -> None:
        with self._changed:
            self._phases[phase].models.append(model)
            self._models += 1
            if self._models == 1 and not self._thread.is_alive():
                self._thread.start()

    def leave(self, model: _TimeSharedModel) -> None:
        """Remove a model that has withdrawn its queued calls. The thread ends with the last model."""
        with self._changed:
            for phase in self._phases:
                if model in phase.models:
                    phase.models.remove(model)
                    self._models -= 1
            self._changed.notify_all()

    def enqueue(self, model: _TimeSharedModel, call: _Call) -> None:
        with self._changed:
            self._phase_of(model).queue.append(call)
            self._changed.notify_all()

    def withdraw(self, model: _TimeSharedModel, calls: Sequence[_Call]) -> list[_Call]:
        """Take these calls out of the queue; returns the ones that were still queued; they never start."""
        with self._changed:
            queue = self._phase_of(model).queue
            withdrawn = [call for call in calls if call in queue]
            for call in withdrawn:
                queue.remove(call)
            return withdrawn

    def done(self, model: _TimeSharedModel, rows: int, priority: int) -> None:
        with self._changed:
            phase = self._phase_of(model)  # a model leaves after its last result
            phase.in_flight -= rows
            phase.live -= rows if priority <= LIVE else 0
            self._changed.notify_all()

    def _phase_of(self, model: _TimeSharedModel) -> _Phase:
        return next(phase for phase in self._phases if model in phase.models)

    # --- the thread that switches phases -----------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._models and not self._has_work():
                    self._changed.wait()
                if not self._models:
                    return
                following = self._next_phase()
                resident = self._resident
            if following is not None and following is not resident:
                self._switch(resident, following)
            with self._changed:
                calls = self._dequeue()
            for call in calls:
                call.start()

    def _has_work(self) -> bool:
        """Whether calls can start in the resident phase, or another phase can become resident."""
        resident = self._resident
        if resident is not None and resident.queue and not self._should_yield(resident):
            return True
        return self._next_phase() is not None and (resident is None or not resident.in_flight)

    def _next_phase(self) -> _Phase | None:
        """The phase that should be resident now; None where no call is queued."""
        resident = self._resident
        if resident is not None and (resident.queue or resident.in_flight) and not self._should_yield(resident):
            return resident
        others = [phase for phase in self._phases if phase.queue and phase is not resident]
        if not others:
            return resident if resident is not None and resident.queue else None
        return max(others, key=lambda phase: (phase.live_user_waits, phase.queued_rows))

    def _should_yield(self, resident: _Phase) -> bool:
        others = [phase for phase in self._phases if phase is not resident and phase.queue]
        if any(phase.live_user_waits for phase in others) and not (resident.live_user_waits or resident.live):
            return True
        past_watermark = any(phase.queued_rows >= phase.batch * FILL // 2 for phase in others)
        return past_watermark and resident.started_rows >= resident.batch * FILL

    def _switch(self, resident: _Phase | None, following: _Phase) -> None:
        if resident is not None:
            for model in resident.models:
                model.sleep()
        self._resident = following
        following.started_rows = 0
        self.history.append(self._phases.index(following))
        for model in list(following.models):
            model.wake()

    def _dequeue(self) -> list[_Call]:
        """The calls that start now: all that are queued for the resident phase."""
        resident = self._resident
        if resident is None or self._should_yield(resident):
            return []
        calls = list(resident.queue)
        resident.queue.clear()
        rows = sum(call.rows for call in calls)
        resident.in_flight += rows
        resident.started_rows += rows
        resident.live += sum(call.rows for call in calls if call.priority <= LIVE)
        return calls


class _TimeSharedModel:
    """One model of a shared GPU: resident, asleep or not loaded yet. ``batch``: rows that it works on at once."""

    def __init__(self, name: str, batch: int, gpu: SharedGpu, phase: int, load: Callable[[], Any]) -> None:
        self.name, self.batch = name, batch
        self.window = batch * FILL
        self.gpu, self._load = gpu, load
        self._queued: dict[str, _Call] = {}
        self._model: Any = None
        self._load_error: ScaleQuestError | None = None
        self._asleep = self._closed = False
        self._lock = threading.Lock()
        gpu.join(phase, self)

    def wake(self) -> None:
        """Become resident: load the model the first time, and every time where it cannot sleep."""
        if self._model is not None:
            self._model.wake()
        elif self._load_error is None:
            try:
                model = self._load()
            except ScaleQuestError as error:
                self._load_error = error
                return
            except Exception as error:  # noqa: BLE001 - a model that cannot be loaded must leave nobody waiting
                self._load_error = BackendError(failure_message(self.name, error))
                return
            with self._lock:
                if not self._closed:
                    self._model = model
                    return
            model.close()
        self._asleep = False

    def sleep(self) -> None:
        if self._model is None:
            return
        if hasattr(self._model, "sleep"):
            self._model.sleep()
            self._asleep = True
        else:
            self._model.close()
            self._model = None

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
            if self._load_error is not None:
                finish(Failure(request_id, self._load_error, fatal=True))
            else:
                submit(self._model, finish)

        call = _Call(rows, priority, start, lambda: on_done(cancelled))
        self._queued[request_id] = call
        if self._closed:
            self._queued.pop(request_id).abandon()
        else:
            self.gpu.enqueue(self, call)

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
        if (model := self._model) is not None and not self._asleep:
            model.cancel(request_ids)


class TimeSharedScore(_TimeSharedModel):
    """A ``ScoreModel`` on a shared GPU."""

    def submit(self, request_id: str, rows: Sequence[Row], on_done: OnScored) -> None:
        closed = Failure(request_id, BackendError(f"The scorer '{self.name}' was closed."), fatal=False)

        def submit(model: Any, finish: Any) -> None:
            model.submit(request_id, rows, finish)

        self._enqueue(request_id, len(rows), BATCH, submit, on_done, closed)
