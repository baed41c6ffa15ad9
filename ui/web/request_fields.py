"""What a browser sends to the Curate tab, field by field: nothing in it is taken on trust."""

from __future__ import annotations

import math
from typing import Any

from store.errors import InputError


def field(asked: Any, name: str) -> Any:
    """None where there is no such field."""
    return asked.get(name) if isinstance(asked, dict) else None


def text(asked: Any, name: str) -> str:
    """InputError where it is not a text."""
    value = field(asked, name)
    if not isinstance(value, str):
        raise InputError("request", name, "is not a text", "reload the page")
    return value


def whole(asked: Any, name: str, default: int) -> int:
    """A whole number; ``default`` where none is given. InputError where it is none."""
    value = field(asked, name)
    if value is None or value == "":
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value % 1:
        raise InputError(name, str(value)[:60], "is not a whole number", f"write e.g. {default}")
    return int(value)
