"""Whether a browser has logged in, and under which name.

Gradio passes it to events as ``gr.Request.username``. Server functions of a component get the web framework's request
instead, whose cookie is a key of Gradio's table of logins.
"""

from typing import Any

from fastapi import Request
from gradio.routes import App
from starlette.routing import Mount


def username(request: Any) -> str | None:
    """None where the app has no logins, and for a request without a cookie."""
    app = getattr(request, "app", None)
    if app is None or getattr(app, "auth", None) is None:
        return None
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    token = next((request.cookies[name] for name in names if name in request.cookies), None)
    name = app.tokens.get(token)
    return name if isinstance(name, str) else None


def allowed(request: Request) -> bool:
    """Whether the page itself would answer this request: there is no login, or its cookie is known."""
    app: Any = next(
        route.app for route in request.app.routes if isinstance(route, Mount) and isinstance(route.app, App)
    )
    if app.auth is None:
        return True
    cookies = (request.cookies.get(f"access-token{kind}-{app.cookie_id}") for kind in ("", "-unsecure"))
    return any(cookie is not None and cookie in app.tokens for cookie in cookies)
