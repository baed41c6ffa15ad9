"""The addresses of the page: ``/explore``, ``/row/ID``, ``/runs/RUN`` and so on are all the one page at ``/``.

Its scripts (``assets/static/lib/address.js``) open what the address names. The page's own links are relative to the
root, hence a page below it gets another ``<base>``.
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
    """Answers every address of the page with the page. Pure ASGI; all other requests pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = scope.get("path", "").split("/")[1:2]
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or not SEGMENTS & {*first}:
            await self.app(scope, receive, send)
            return
        raw = scope.get("raw_path") or scope["path"].encode()
        page = {**scope, "path": "/", "raw_path": b"/"}
        await self.app(page, receive, _with_base(b"../" * (raw.count(b"/") - 1) or b"./", send))


def _with_base(base: bytes, send: Send) -> Send:
    """Sends a response whose ``<base>`` is this one."""
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
            body = body.replace(_BASE, b'<base href="%s" />' % base, 1)
            MutableHeaders(scope=start)["content-length"] = str(len(body))
        await send(start)
        await send({"type": "http.response.body", "body": body})

    return changed
