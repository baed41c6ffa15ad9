"""Names that people give: one line of characters that can be seen. Knows nothing of what is named."""

from __future__ import annotations

import unicodedata

from store.errors import InputError

_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Unicode's categories of characters that cannot be seen, or turn the line around."""


def line(field: str, text: object, longest: int, empty: str = "is not a name") -> str:
    """The text as it is kept: composed, one space between words. InputError where it has nothing that can be seen, more
    than ``longest`` characters, or any that cannot be seen.
    """
    if not isinstance(text, str):
        raise InputError(field, _shown(text), "is not a text", "write letters, digits and signs")
    kept = " ".join(unicodedata.normalize("NFC", text).split())
    if not kept:
        raise InputError(field, text[:longest], empty, "write one that can be read")
    if len(kept) > longest:
        raise InputError(field, kept[:longest] + "…", f"has {len(kept):,} characters", f"take {longest} at most")
    if any(unicodedata.category(char) in _UNSEEN for char in kept):
        shown = ascii(kept)[1:-1]
        raise InputError(field, shown, "has characters that cannot be seen", "write letters, digits and signs")
    return kept


def same(name: str) -> str:
    """Names that look alike are one: no two differ only in case, or in the form of a letter."""
    return unicodedata.normalize("NFKC", name).casefold()


def _shown(value: object) -> str:
    return repr(value)[:80]
