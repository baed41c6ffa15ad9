"""Several backends of one model as one: the least loaded one works next, and the work of one that is gone moves on.

A member is gone when it answers with a fatal ``Failure``. What it had in flight is asked of the others, under the same
ids and seeds; only a request that no member can serve is fatal. A member that is gone is given one request now and
then, to see whether it is back. All that is logged as it happens. Knows nothing of servers, devices or models.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from engine.models.base import Completion, Failure, Request, Scored, ScoreModel, TextModel
from engine.models.resumed_stream import Retelling
from store.errors import BackendError, ScaleQuestError

REST = 60.0
"""Seconds after which a member that was gone is tried again."""

logger = logging.getLogger(__name__)


class _Model(Protocol):
    name: str
    window: int

    def close(self) -> None: ...


_M = TypeVar("_M", bound=_Model)


@dataclass(slots=True, eq=False)
class _Member(Generic[_M]):
    """``load``: how much it has in flight. ``error``: why it is gone; None while it works."""

    model: _M
    number: int
    load: int = 0
    error: ScaleQuestError | None = None
    again_at: float = 0.0


class _Members(Generic[_M]):
    """Who works next, and who is gone. Safe from any thread."""

    def __init__(self, models: Sequence[_M]) -> None:
        self.name, self.window = models[0].name, sum(model.window for model in models)
        self.lock = threading.RLock()
        self.all = [_Member(model, number) for number, model in enumerate(models, 1)]

    def take(self, load: int, tried: set[int]) -> _Member[_M] | None:
        """The member for this much work, which these have failed already; None where nobody is left to ask."""
        with self.lock:
            open_ = [member for member in self.all if member.error is None or member.number not in tried]
            due = [member for member in open_ if member.error is not None and time.monotonic() >= member.again_at]
            working = [member for member in open_ if member.error is None]
            chosen = min(due[:1] or working or open_, key=lambda m: m.load / m.model.window, default=None)
            if chosen is not None:
                chosen.load += load
                chosen.again_at = time.monotonic() + REST
            return chosen

    def give_back(self, member: _Member[_M], load: int, result: Completion | Scored | Failure) -> bool:
        """Whether the result stands; not so where the member is gone and another one is to be asked."""
        error = result.error if isinstance(result, Failure) and result.fatal else None
        with self.lock:
            member.load -= load
            before, member.error = member.error, error
            member.again_at = time.monotonic() + REST
        if error is not None and before is None:
            left = sum(m.error is None for m in self.all)
            logger.warning("%s %d of %d backends of '%s' are left.", error, left, len(self.all), self.name)
        elif error is None and before is not None:
            logger.warning("Backend %d of '%s' works again.", member.number, self.name)
        return error is None

    def nobody(self, request_id: str) -> Failure:
        """What a request gets that no member could serve."""
        told = "; ".join(str(m.error).rstrip(".") for m in self.all if m.error is not None)
        error = BackendError(f"All {len(self.all)} backends of '{self.name}' are gone: {told}.")
        return Failure(request_id, error, fatal=True)

    def close(self) -> None:
        for member in self.all:
            member.model.close()


@dataclass(slots=True, eq=False)
class _Flight:
    """One request: who has it, who has failed it, and whether it is to end."""

    request: Request
    on_done: Callable[[Completion | Failure], None]
    telling: Retelling | None
    member: _Member[TextModel] | None = None
    tried: set[int] = field(default_factory=set)
    cancelled: bool = False


class Pool:
    """A ``TextModel`` over several."""

    def __init__(self, models: Sequence[TextModel]) -> None:
        self._members: _Members[TextModel] = _Members(models)
        self.name, self.window = self._members.name, self._members.window
        self._flights: dict[str, _Flight] = {}

    def submit(
        self,
        requests: Sequence[Request],
        on_done: Callable[[Completion | Failure], None],
        on_text: Callable[[str, str], None] | None = None,
    ) -> None:
        flights = [
            _Flight(request, on_done, Retelling(request.request_id, on_text) if on_text else None)
            for request in requests
        ]
        with self._members.lock:
            self._flights |= {flight.request.request_id: flight for flight in flights}
        self._ask(flights)

    def cancel(self, request_ids: Sequence[str]) -> None:
        by_member: dict[int, list[str]] = {}
        with self._members.lock:
            for flight in [self._flights[i] for i in request_ids if i in self._flights]:
                flight.cancelled = True
                if flight.member is not None:
                    by_member.setdefault(flight.member.number, []).append(flight.request.request_id)
        for number, ids in by_member.items():
            self._members.all[number - 1].model.cancel(ids)

    def close(self) -> None:
        self.cancel(list(self._flights))  # so that nothing moves on
        self._members.close()

    def _ask(self, flights: list[_Flight]) -> None:
        """Give each to a member; those of one member in one call."""
        batches: dict[tuple[int, bool], list[_Flight]] = {}
        for flight in flights:
            flight.member = self._members.take(1, flight.tried)
            if flight.member is None:
                self._end(flight, self._members.nobody(flight.request.request_id))
            else:
                batches.setdefault((flight.member.number, flight.telling is not None), []).append(flight)
        for (number, told), batch in batches.items():
            model = self._members.all[number - 1].model
            asked = {flight.request.request_id: flight for flight in batch}
            requests = [flight.request for flight in batch]
            model.submit(requests, partial(self._take, asked), _teller(asked) if told else None)
            late = [flight.request.request_id for flight in batch if flight.cancelled]
            if late:  # while they were on their way
                model.cancel(late)

    def _take(self, asked: dict[str, _Flight], result: Completion | Failure) -> None:
        flight = asked[result.request_id]
        member = flight.member
        assert member is not None
        if self._members.give_back(member, 1, result):
            self._end(flight, result)
            return
        flight.tried.add(member.number)
        if flight.cancelled:
            self._end(flight, Completion(flight.request.request_id, "", 0, 0, 0.0, "cancelled"))
            return
        if flight.telling:
            flight.telling.restart()
        self._ask([flight])

    def _end(self, flight: _Flight, result: Completion | Failure) -> None:
        with self._members.lock:
            if self._flights.get(flight.request.request_id) is flight:
                del self._flights[flight.request.request_id]
        flight.on_done(result)


def _teller(flights: dict[str, _Flight]) -> Callable[[str, str], None]:
    def tell(request_id: str, new: str) -> None:
        telling = flights[request_id].telling
        assert telling is not None
        telling.add(new)

    return tell


class ScorePool:
    """A ``ScoreModel`` over several."""

    def __init__(self, models: Sequence[ScoreModel]) -> None:
        self._members: _Members[ScoreModel] = _Members(models)
        self.name, self.window = self._members.name, self._members.window
        self._open = True

    def submit(
        self,
        request_id: str,
        rows: Sequence[tuple[str, str | None]],
        on_done: Callable[[Scored | Failure], None],
    ) -> None:
        self._ask(request_id, rows, on_done, set())

    def close(self) -> None:
        self._open = False
        self._members.close()

    def _ask(self, request_id: str, rows: Any, on_done: Callable[[Scored | Failure], None], tried: set[int]) -> None:
        load = max(1, len(rows))
        member = self._members.take(load, tried)
        if member is None:
            on_done(self._members.nobody(request_id))
            return

        def take(result: Scored | Failure) -> None:
            if self._members.give_back(member, load, result) or not self._open:
                on_done(result)
            else:
                self._ask(request_id, rows, on_done, tried | {member.number})

        member.model.submit(request_id, rows, take)
