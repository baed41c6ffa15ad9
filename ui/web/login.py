"""Who asks: the name under which a browser has logged in.

Gradio gives it to events as ``gr.Request.username``; a server function of a component gets the bare request of the web
framework instead, whose cookie Gradio's own table of logins knows.
"""

from __future__ import annotations

from typing import Any


def username(request: Any) -> str | None:
    """None where the app asks nobody to log in, and for a request without a browser."""
    app = getattr(request, "app", None)
    if app is None or getattr(app, "auth", None) is None:
        return None
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    token = next((request.cookies[name] for name in names if name in request.cookies), None)
    found = app.tokens.get(token)
    return found if isinstance(found, str) else None
