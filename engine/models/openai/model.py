"""What a text model and a score model behind a server have in common: their calls, how a call ends, and closing."""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from engine.config.profiles import Role
from engine.models.base import Billed, Completion, Failure, Scored
from engine.models.device import failure_message
from engine.models.openai.event_loop import EventLoop
from engine.models.openai.limiter import Limiter
from engine.models.openai.server import Server
from store.errors import BackendError, ItemError

_R = TypeVar("_R", Completion, Scored)


@dataclass(slots=True, eq=False)
class Call(Generic[_R]):
    """One request to the server. ``error``: why the model's calls all end, where the server is gone."""

    request_id: str
    on_done: Callable[[_R | Failure], None]
    error: BackendError | None = field(default=None, kw_only=True)

    @property
    def billed(self) -> Billed:
        """Tokens of all tries so far."""
        return (0, 0)


_C = TypeVar("_C", bound=Call[Any])


class ServerModel(ABC, Generic[_C, _R]):
    """A model over one server; at most ``role.slots`` calls at once. ``_post`` and ``close`` are safe from any thread.

    When the server is gone, all calls in flight get a fatal ``Failure``. Later calls are tried again, so that a server
    that comes back is used.
    """

    def __init__(self, role: Role, server: Server, window: int) -> None:
        self.name, self.window = role.name, window
        self._role, self._server, self._limiter = role, server, Limiter(role.slots)
        self._events = EventLoop.join()
        self._lock = threading.Lock()
        self._open = True
        self._tasks: dict[asyncio.Task[_R], _C] = {}

    def close(self) -> None:
        """Cancel all calls, wait for their ends, and close the connections."""
        with self._lock:
            if not self._open:
                return
            self._open = False

        async def end() -> None:
            tasks = list(self._tasks)
            self._cancel(lambda _: True)
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._server.close()

        self._events.leave(end())

    def _post(self, call: Callable[[], None]) -> bool:
        """Have the loop run this, in the order posted; False where the model is closed."""
        with self._lock:
            if self._open:
                self._events.post(call)
            return self._open

    # -- on the loop

    def _start(self, call: _C, work: Coroutine[Any, Any, _R]) -> None:
        task = self._events.loop.create_task(work)
        self._tasks[task] = call
        task.add_done_callback(self._end)  # also called for a task that is cancelled before its first step

    def _cancel(self, chosen: Callable[[_C], bool]) -> None:
        for task in [task for task, call in self._tasks.items() if chosen(call)]:
            task.cancel()

    def _end(self, task: asyncio.Task[_R]) -> None:
        call = self._tasks.pop(task)
        if task.cancelled():
            gone = call.error and Failure(call.request_id, call.error, fatal=True, billed=call.billed)
            call.on_done(gone or self._cancelled(call))
        elif (error := task.exception()) is None:
            call.on_done(task.result())
        elif isinstance(error, ItemError):
            call.on_done(Failure(call.request_id, error, fatal=False, billed=call.billed))
        else:
            gone = error if isinstance(error, BackendError) else BackendError(failure_message(self.name, error))
            for other in self._tasks.values():
                other.error = gone
            self._cancel(lambda _: True)
            call.on_done(Failure(call.request_id, gone, fatal=True, billed=call.billed))

    @abstractmethod
    def _cancelled(self, call: _C) -> _R | Failure:
        """The result of a call that was cancelled."""


def check_text(text: str, name: str) -> str:
    """The text. ItemError for one that is empty or not valid Unicode; ``name`` is the subject of the sentence."""
    if not text:
        raise ItemError(f"{name} is empty.")
    try:
        text.encode()
    except UnicodeError as error:
        raise ItemError(f"{name} is not valid Unicode: {error}.") from error
    return text
