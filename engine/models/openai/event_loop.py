"""One thread with an asyncio loop, shared by all models behind servers; it lives from its first user to its last."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar


class EventLoop:
    """``EventLoop.join`` returns the process's loop; each ``join`` needs one ``leave``."""

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
        """Run ``last`` on the loop, then leave it. Waits for that, except on the loop's own thread."""
        future = asyncio.run_coroutine_threadsafe(self._leave(last), self.loop)
        if threading.current_thread() is not self._thread:
            future.result()

    def post(self, call: Callable[[], None]) -> None:
        """Have the thread run this, in the order posted."""
        self.loop.call_soon_threadsafe(call)

    async def _leave(self, last: Coroutine[Any, Any, None]) -> None:
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


@atexit.register
def _stop() -> None:
    """Tasks of a model that was not closed would complain on stderr as the interpreter exits."""
    if (shared := EventLoop._shared) is not None:
        shared.post(shared.loop.stop)
        shared._thread.join(timeout=5)
