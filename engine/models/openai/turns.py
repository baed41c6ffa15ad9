"""Whose turn it is at a server: a limit on requests at once, and a live user's before a batch's.

Knows nothing of requests. All of it runs on one asyncio loop.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.models.base import LIVE

LIVE_EXTRA = 16
"""Requests beyond the limit that only live users may have, so that they never wait for a batch's request to end."""


class Turns:
    """At most ``limit`` at once, ``LIVE_EXTRA`` more where they are live; those who wait go by priority, then by
    arrival."""

    def __init__(self, limit: int) -> None:
        self._limit, self._taken = limit, 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()

    @asynccontextmanager
    async def take(self, priority: int) -> AsyncIterator[None]:
        """Wait for a turn and hold it for as long as the block lasts."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._arrivals), turn))
        self._give()
        try:
            await turn
            yield
        finally:
            if turn.done() and not turn.cancelled():
                self._taken -= 1
            turn.cancel()
            self._give()

    def _give(self) -> None:
        while self._waiting:
            priority, _, turn = self._waiting[0]
            if not turn.cancelled():
                if self._taken >= self._limit + (LIVE_EXTRA if priority <= LIVE else 0):
                    return
                self._taken += 1
                turn.set_result(None)
            heapq.heappop(self._waiting)
