"""A limit on the requests at a server, with live users' requests before a batch's. For use on one asyncio loop."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.models.base import LIVE

LIVE_EXTRA = 16
"""Requests beyond the limit that only live users may have, so that they never wait for a batch's request to end."""


class Limiter:
    """At most ``limit`` requests, and ``LIVE_EXTRA`` more of live users; waiting ones go by priority, then arrival."""

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()

    @asynccontextmanager
    async def acquire(self, priority: int) -> AsyncIterator[None]:
        """Wait until the request may be sent; it counts until the end of the block."""
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._arrivals), granted))
        self._grant()
        try:
            await granted
            yield
        finally:
            if granted.done() and not granted.cancelled():
                self._held -= 1
            granted.cancel()
            self._grant()

    def _grant(self) -> None:
        while self._waiting:
            priority, _, granted = self._waiting[0]
            if not granted.cancelled():
                if self._held >= self._limit + (LIVE_EXTRA if priority <= LIVE else 0):
                    return
                self._held += 1
                granted.set_result(None)
            heapq.heappop(self._waiting)
