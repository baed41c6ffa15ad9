"""Protection of the app against other sites: which requests may change things, and what the page may load.

Pure ASGI, so that streams pass untouched. Logins (``--auth``) are Gradio's; this checks only a request's origin.
"""

import hmac
import ipaddress
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from store.errors import InputError

POLICY = "; ".join(
    (
        "default-src 'self'",
        # Gradio's start-up is an inline script, and its components' code is built in the page.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",  # pictures in a model's Markdown are never fetched
        "font-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "frame-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)
_HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_SAFE = {"GET", "HEAD", "OPTIONS"}


class Guard:
    """Refuses requests from other sites' pages with 403, and sets the content security policy on every response.

    Browsers name the page of a request in ``Origin`` or ``Sec-Fetch-Site``; programs send neither and pass. Without
    this, any site's page could post to a server on this machine.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if changes and foreign(Headers(scope=scope)):
            refusal = PlainTextResponse("This request comes from another site's page; open the app itself.", 403)
            await refusal(scope, receive, send)
            return

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, with_policy)


def foreign(headers: Headers) -> bool:
    """Whether a browser says that the request is from another site's page, or from a sandbox (``Origin: null``)."""
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return True
    return headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


def loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Login = Callable[[str, str], bool]


def read_logins(file: Path) -> Login:
    """Logins from a file with one ``name:password`` per line; blank lines and # comments are skipped. InputError."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("--auth", str(file), "cannot be read", "name a text file of name:password lines") from error
    known: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, password = line.partition(":")
        if not colon or not name.strip() or not password:
            problem = f"line {number} is not name:password"
            raise InputError("--auth", str(file), problem, "write one name:password per line")
        known[name.strip()] = password.encode()
    if not known:
        raise InputError("--auth", str(file), "has no logins", "write one name:password per line")

    def allowed(name: str, password: str) -> bool:
        expected = known.get(name)
        return hmac.compare_digest(expected or b"\0", password.encode()) and expected is not None

    return allowed
