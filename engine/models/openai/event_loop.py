"""One thread with an asyncio loop, shared by all that talks to servers in the process; and one user's tasks on it.

The thread starts when its first user comes and ends when the last one has gone. Knows nothing of what runs on it.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar, Generic, TypeVar

_T = TypeVar("_T")
_Call = TypeVar("_Call")


class EventLoop:
    """``EventLoop.join`` gives the process's one; each ``join`` is to be followed by one ``leave``."""

    _shared: ClassVar[EventLoop | None] = None
    _lock = threading.Lock()

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._joined = 0
        self._thread = threading.Thread(target=self._run, name="servers", daemon=True)

    @classmethod
    def join(cls) -> EventLoop:
        with cls._lock:
            shared = cls._shared
            if shared is None:
                shared = cls._shared = cls()
                shared._thread.start()
            shared._joined += 1
            return shared

    def leave(self, last: Coroutine[Any, Any, None]) -> None:
        """Run ``last`` on the loop and be gone. Returns when that is done, or at once where the caller is the loop's
        own thread."""
        future = asyncio.run_coroutine_threadsafe(self._part(last), self.loop)
        if threading.current_thread() is not self._thread:
            future.result()

    def post(self, call: Callable[[], None]) -> None:
        """Have the thread run this, in the order posted."""
        self.loop.call_soon_threadsafe(call)

    async def _part(self, last: Coroutine[Any, Any, None]) -> None:
        try:
            await last
        finally:
            with EventLoop._lock:
                self._joined -= 1
                if not self._joined:
                    EventLoop._shared = None
                    self.loop.call_soon(self.loop.stop)

    def _run(self) -> None:
        try:
            self.loop.run_forever()
        finally:
            if left := asyncio.all_tasks(self.loop):
                for task in left:
                    task.cancel()
                self.loop.run_until_complete(asyncio.wait(left))
            self.loop.close()


class Tasks(Generic[_Call]):
    """The tasks of one user of the loop, each with what it is for. ``post`` and ``close`` are safe from any thread, the
    rest is for calls that were posted."""

    def __init__(self) -> None:
        self._events = EventLoop.join()
        self._gate = threading.Lock()
        self._open = True
        self._tasks: dict[asyncio.Task[Any], _Call] = {}

    def post(self, call: Callable[[], None]) -> bool:
        """Have the loop run this, in the order posted; False where it is closed and will not."""
        with self._gate:
            if self._open:
                self._events.post(call)
            return self._open

    def spawn(self, what: _Call, work: Coroutine[Any, Any, _T], ended: Callable[[asyncio.Task[_T]], None]) -> None:
        """Begin ``work``. ``ended`` gets its task, done or cancelled, even where it is cancelled before its first
        step."""
        task = self._events.loop.create_task(work)
        self._tasks[task] = what

        def end(done: asyncio.Task[_T]) -> None:
            del self._tasks[done]
            ended(done)

        task.add_done_callback(end)

    def cancel(self, chosen: Callable[[_Call], bool]) -> None:
        for task in [task for task, what in self._tasks.items() if chosen(what)]:
            task.cancel()

    def close(self, last: Callable[[], Awaitable[None]]) -> None:
        """Cancel all tasks, wait for their ends, run ``last``, and leave the loop. Again: nothing."""
        with self._gate:
            if not self._open:
                return
            self._open = False

        async def end() -> None:
            tasks = list(self._tasks)
            self.cancel(lambda _: True)
            await asyncio.gather(*tasks, return_exceptions=True)
            await last()

        self._events.leave(end())


@atexit.register
def _stop() -> None:
    """Where somebody forgot to leave: tasks that die with the interpreter would say so on stderr."""
    if (shared := EventLoop._shared) is not None:
        shared.post(shared.loop.stop)
        shared._thread.join(timeout=5)
