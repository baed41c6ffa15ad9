"""Texts for the page: what a model or a file wrote made inert, numbers, and times in words."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"[\\`*_{}\[\]()#+\-.!|<>&~$:@⟦⟧]")
_UNSEEN = {
    **{code: chr(0x2400 + code) for code in range(0x20) if code != 0x0A},  # control characters by their pictures
    **{code: f"[U+{code:04X}]" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))},  # turn the line around
}


def visible(text: str) -> str:
    """The text with what cannot be seen, or turns the line around, named."""
    return text.translate(_UNSEEN)


def inert(text: str) -> str:
    """The text as Markdown that shows exactly it: what Markdown, HTML or KaTeX could read is escaped, and characters
    that cannot be seen, or that turn the line around, are named.
    """
    return _MARKUP.sub(lambda match: f"&#{ord(match.group())};", visible(text))


def clock(seconds: float) -> str:
    """``9 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def three(number: float) -> str:
    """Three decimals and no minus before a zero; what they would hide as a power of ten, as in JS."""
    if 0 < abs(number) < 0.0005:
        return f"{number:.1e}".replace("e-0", "e-")
    return f"{number + 0.0:.3f}"
