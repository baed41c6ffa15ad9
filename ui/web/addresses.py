"""The addresses of the page: ``/explore``, ``/row/ID``, ``/runs/RUN`` and so on are all the one page at ``/``.

Its scripts (``assets/static/lib/address.js``) open what the address names. The page's own links are relative to the
root, hence a page below it gets another ``<base>``. What belongs to the head is added here too: Gradio adds its own
``head`` when its scripts have started, which is too late for what they should find.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TABS = {
    "home": "Home",
    "sample": "Sample",
    "runs": "Runs",
    "explore": "Explore",
    "curate": "Curate",
    "export": "Export",
    "compare": "Compare",
    "train": "Train",
    "help": "Help",
}
"""Slug of each tab -> its name, in the order of the rail."""
SEGMENTS = {*TABS, "row"}
_BASE = b'<base href="./" />'


class PageAddresses:
    """Answers every address of the page with the page, ``head`` in its head. Pure ASGI; all other requests pass
    untouched.
    """

    def __init__(self, app: ASGIApp, head: str = "") -> None:
        self.app, self._head = app, head.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = scope.get("path", "")
        first = place.split("/")[1:2]
        if (
            scope["type"] != "http"
            or scope["method"] not in ("GET", "HEAD")
            or not (place == "/" or SEGMENTS & {*first})
        ):
            await self.app(scope, receive, send)
            return
        depth = (scope.get("raw_path") or place.encode()).count(b"/") - 1
        page = {**scope, "path": "/", "raw_path": b"/"}
        await self.app(page, receive, _with_head(b'<base href="%s" />' % (b"../" * depth or b"./") + self._head, send))


def _with_head(head: bytes, send: Send) -> Send:
    """Sends a response with this in place of Gradio's ``<base>``."""
    start: Message | None = None
    body = b""

    async def changed(message: Message) -> None:
        nonlocal start, body
        if message["type"] == "http.response.start":
            start = message
            return
        body += message.get("body", b"")
        if message.get("more_body") or start is None:
            return
        if body:  # HEAD has none
            body = body.replace(_BASE, head, 1)
            MutableHeaders(scope=start)["content-length"] = str(len(body))
        await send(start)
        await send({"type": "http.response.body", "body": body})

    return changed
