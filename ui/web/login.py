"""The name under which a browser has logged in.

Gradio passes it to events as ``gr.Request.username``. Server functions of a component get the web framework's request
instead, whose cookie is a key of Gradio's table of logins.
"""

from typing import Any


def username(request: Any) -> str | None:
    """None where the app has no logins, and for a request without a cookie."""
    app = getattr(request, "app", None)
    if app is None or getattr(app, "auth", None) is None:
        return None
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    token = next((request.cookies[name] for name in names if name in request.cookies), None)
    name = app.tokens.get(token)
    return name if isinstance(name, str) else None
