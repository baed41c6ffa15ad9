"""Several replicas of one model as one model: requests go to the least loaded one, and move on when a replica fails.

A replica is gone when it answers with a fatal ``Failure``. Its requests in flight are sent to the others, with the same
ids and seeds; a request is fatal only when no replica can serve it. A replica that is gone gets one request now and
then, to see whether it works again. Changes are logged as warnings.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from engine.models.base import (
    Billed,
    Completion,
    Failure,
    OnCompletion,
    OnScored,
    OnText,
    Request,
    Row,
    Scored,
    ScoreModel,
    TextModel,
)
from engine.models.resumed_stream import ResumedStream
from store.errors import BackendError, ScaleQuestError

RETRY_SECONDS = 60.0
"""Time after which a replica that is gone is tried again."""

logger = logging.getLogger(__name__)


class _Model(Protocol):
    name: str
    window: int

    def close(self) -> None: ...


_M = TypeVar("_M", bound=_Model)


@dataclass(slots=True, eq=False)
class _Replica(Generic[_M]):
    """``load``: rows in flight. ``error``: why the replica is gone; None while it works."""

    model: _M
    number: int
    load: int = 0
    error: ScaleQuestError | None = None
    retry_at: float = 0.0


class _Replicas(Generic[_M]):
    """Which replica gets the next request, and which are gone. Safe from any thread."""

    def __init__(self, models: Sequence[_M]) -> None:
        self.name, self.window = models[0].name, sum(model.window for model in models)
        self.lock = threading.RLock()
        self.all = [_Replica(model, number) for number, model in enumerate(models, 1)]

    def acquire(self, load: int, tried: set[int]) -> _Replica[_M] | None:
        """The replica for this many rows; None where all are gone and ``tried`` already."""
        with self.lock:
            candidates = [replica for replica in self.all if replica.error is None or replica.number not in tried]
            due = [one for one in candidates if one.error is not None and time.monotonic() >= one.retry_at]
            working = [one for one in candidates if one.error is None]
            chosen = min(due[:1] or working or candidates, key=lambda m: m.load / m.model.window, default=None)
            if chosen is not None:
                chosen.load += load
                chosen.retry_at = time.monotonic() + RETRY_SECONDS
            return chosen

    def release(self, replica: _Replica[_M], load: int, result: Completion | Scored | Failure) -> bool:
        """Whether the result is final; False where the replica is gone and another one should be tried."""
        error = result.error if isinstance(result, Failure) and result.fatal else None
        with self.lock:
            replica.load -= load
            before, replica.error = replica.error, error
            replica.retry_at = time.monotonic() + RETRY_SECONDS
        if error is not None and before is None:
            left = sum(m.error is None for m in self.all)
            logger.warning("%s %d of %d backends of '%s' are left.", error, left, len(self.all), self.name)
        elif error is None and before is not None:
            logger.warning("Backend %d of '%s' works again.", replica.number, self.name)
        return error is None

    def all_gone(self, request_id: str) -> Failure:
        """The result of a request that no replica could serve."""
        reasons = "; ".join(str(m.error).rstrip(".") for m in self.all if m.error is not None)
        error = BackendError(f"All {len(self.all)} backends of '{self.name}' are gone: {reasons}.")
        return Failure(request_id, error, fatal=True)

    def close(self) -> None:
        for replica in self.all:
            replica.model.close()


@dataclass(slots=True, eq=False)
class _InFlight:
    """One request: which replica has it, which have failed it, and whether it was cancelled. ``wasted``: the tokens of
    the replicas that failed it."""

    request: Request
    on_done: OnCompletion
    stream: ResumedStream | None
    replica: _Replica[TextModel] | None = None
    tried: set[int] = field(default_factory=set)
    cancelled: bool = False
    wasted: Billed = (0, 0)


class Pool:
    """A ``TextModel`` over several replicas."""

    def __init__(self, models: Sequence[TextModel]) -> None:
        self._replicas: _Replicas[TextModel] = _Replicas(models)
        self.name, self.window = self._replicas.name, self._replicas.window
        self._in_flight: dict[str, _InFlight] = {}

    def submit(self, requests: Sequence[Request], on_done: OnCompletion, on_text: OnText | None = None) -> None:
        calls = [
            _InFlight(request, on_done, ResumedStream(request.request_id, on_text) if on_text else None)
            for request in requests
        ]
        with self._replicas.lock:
            self._in_flight |= {call.request.request_id: call for call in calls}
        self._submit(calls)

    def cancel(self, request_ids: Sequence[str]) -> None:
        by_replica: dict[int, list[str]] = {}
        with self._replicas.lock:
            for call in [self._in_flight[i] for i in request_ids if i in self._in_flight]:
                call.cancelled = True
                if call.replica is not None:
                    by_replica.setdefault(call.replica.number, []).append(call.request.request_id)
        for number, ids in by_replica.items():
            self._replicas.all[number - 1].model.cancel(ids)

    def close(self) -> None:
        self.cancel(list(self._in_flight))  # so that no request moves on to another replica
        self._replicas.close()

    def _submit(self, calls: list[_InFlight]) -> None:
        """Send each to a replica; those of one replica in one call."""
        batches: dict[tuple[int, bool], list[_InFlight]] = {}
        for call in calls:
            call.replica = self._replicas.acquire(1, call.tried)
            if call.replica is None:
                self._end(call, self._replicas.all_gone(call.request.request_id))
            else:
                batches.setdefault((call.replica.number, call.stream is not None), []).append(call)
        for (number, streamed), batch in batches.items():
            model = self._replicas.all[number - 1].model
            sent = {call.request.request_id: call for call in batch}
            requests = [call.request for call in batch]
            model.submit(requests, partial(self._receive, sent), _stream(sent) if streamed else None)
            late = [call.request.request_id for call in batch if call.cancelled]
            if late:  # cancelled while they were being submitted
                model.cancel(late)

    def _receive(self, sent: dict[str, _InFlight], result: Completion | Failure) -> None:
        call = sent[result.request_id]
        replica = call.replica
        assert replica is not None
        if self._replicas.release(replica, 1, result):
            self._end(call, result)
            return
        call.tried.add(replica.number)
        call.wasted = call.wasted[0] + result.billed[0], call.wasted[1] + result.billed[1]
        if call.cancelled:
            self._end(call, Completion(call.request.request_id, "", 0, 0, 0.0, "cancelled"))
            return
        if call.stream:
            call.stream.restart()
        self._submit([call])

    def _end(self, call: _InFlight, result: Completion | Failure) -> None:
        with self._replicas.lock:
            if self._in_flight.get(call.request.request_id) is call:
                del self._in_flight[call.request.request_id]
        if call.wasted != (0, 0):
            read, written = call.wasted
            result = replace(result, billed=(read + result.billed[0], written + result.billed[1]))
        call.on_done(result)


def _stream(calls: dict[str, _InFlight]) -> Callable[[str, str], None]:
    def on_text(request_id: str, new: str) -> None:
        stream = calls[request_id].stream
        assert stream is not None
        stream.add(new)

    return on_text


class ScorePool:
    """A ``ScoreModel`` over several replicas."""

    def __init__(self, models: Sequence[ScoreModel]) -> None:
        self._replicas: _Replicas[ScoreModel] = _Replicas(models)
        self.name, self.window = self._replicas.name, self._replicas.window
        self._open = True

    def submit(self, request_id: str, rows: Sequence[Row], on_done: OnScored) -> None:
        self._submit(request_id, rows, on_done, set())

    def close(self) -> None:
        self._open = False
        self._replicas.close()

    def _submit(self, request_id: str, rows: Any, on_done: OnScored, tried: set[int]) -> None:
        load = max(1, len(rows))
        replica = self._replicas.acquire(load, tried)
        if replica is None:
            on_done(self._replicas.all_gone(request_id))
            return

        def receive(result: Scored | Failure) -> None:
            if self._replicas.release(replica, load, result) or not self._open:
                on_done(result)
            else:
                self._submit(request_id, rows, on_done, tried | {replica.number})

        replica.model.submit(request_id, rows, receive)
