"""Live runs as streams: ``/live/TOKEN/events`` sends a page what its models write, as server-sent events.

A token is known to the page that started the run alone. A page that closes its stream and does not come back soon
cancels its run; one that is reloaded comes back. Nothing of this goes through Gradio, whose values are copied, compared
and watched on their way: that took most of the time of a page with many solutions.
"""

import asyncio
import json
import secrets
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import StreamingResponse

from engine.config.run_config import RunConfig
from engine.pipeline.live import Live, Session
from store.errors import InputError
from ui.components import live_cards
from ui.web.login import allowed
from ui.web.security import foreign

AT_ONCE = 16
"""Runs that pages may sample at the same time."""
_EVERY = 0.1  # seconds between two looks at a run
_SILENCE = 5.0  # seconds after which a comment shows that the app lives
_GRACE = 6.0  # seconds in which a page that was closed may come back, as a reloaded one does
_KEPT = 64  # ended runs whose streams can still be read; later their rows are


@dataclass(slots=True)
class _Watched:
    """A session and the number of its open streams."""

    session: Session
    streams: int = 0


class LiveStreams:
    """The live runs of all open pages. Safe from any thread."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self._watched: dict[str, _Watched] = {}
        self._lock = threading.Lock()

    def start(self, config: RunConfig, name: str = "", regenerated_from: str | None = None) -> dict[str, str]:
        """Start a run; its ``run`` and the ``token`` of its stream. InputError where too many are running."""
        with self._lock:
            running = sum(not watched.session.over for watched in self._watched.values())
            if running >= AT_ONCE:
                raise InputError("sampling", running, "runs are going on in other pages", "try again in a moment")
            session = self.live.start(config, name, regenerated_from)
            token = secrets.token_urlsafe(16)
            watched = self._watched[token] = _Watched(session)
            ended = [key for key, other in self._watched.items() if other.session.over and not other.streams]
            for key in ended[:-_KEPT]:
                del self._watched[key]
        self._leave_later(watched)  # unless the page opens the stream
        return {"run": session.run_id, "token": token}

    def cancel(self, token: str) -> None:
        """Cancel the run of this token, if it is going on."""
        if (watched := self._watched.get(token)) is not None and not watched.session.over:
            watched.session.cancel()

    async def events(self, token: str, request: Request) -> AsyncIterator[str]:
        """The run as it is, then each change, then ``end``. KeyError for an unknown token."""
        watched = self._watched[token]
        session = watched.session
        changes, silent = live_cards.Changes(session.config), 0.0
        watched.streams += 1
        try:
            while not await request.is_disconnected():
                over = session.over
                with session.reading() as now:
                    message = changes.since_last(now)
                if message is not None:
                    read = int(1000 * time.time())  # by which a page can tell how far behind it is
                    yield f"id: {read}\ndata: {json.dumps(message, ensure_ascii=False)}\n\n"
                    silent = 0.0
                elif silent >= _SILENCE:
                    yield ":\n\n"
                    silent = 0.0
                if over:
                    yield "event: end\ndata: {}\n\n"
                    return
                await asyncio.sleep(_EVERY)
                silent += _EVERY
        finally:
            watched.streams -= 1
            self._leave_later(watched)

    def session(self, token: str) -> Session:
        """The run of this token. KeyError for an unknown one."""
        return self._watched[token].session

    def knows(self, token: str) -> bool:
        return token in self._watched

    def _leave_later(self, watched: _Watched) -> None:
        """Cancel the run if no page has its stream open after some seconds."""

        def leave() -> None:
            if not watched.streams and not watched.session.over:
                watched.session.cancel()

        if not watched.session.over:
            timer = threading.Timer(_GRACE, leave)
            timer.daemon = True
            timer.start()


def routes(streams: LiveStreams) -> APIRouter:
    """401 for who is not logged in, 403 for another site's page, 404 for an unknown token."""
    router = APIRouter()

    @router.get("/live/{token}/events")
    async def events(token: str, request: Request) -> StreamingResponse:
        if not allowed(request):
            raise HTTPException(401, "Log in on the page first.")
        if foreign(request.headers):
            raise HTTPException(403, "This request comes from another site's page; open the app itself.")
        if not streams.knows(token):
            raise HTTPException(404, "This run is not being watched any more; reload the page.")
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(streams.events(token, request), media_type="text/event-stream", headers=headers)

    return router
