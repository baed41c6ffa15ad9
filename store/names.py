"""Names that people enter: one line of visible characters."""

import unicodedata

from store.errors import InputError

_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Unicode's categories of characters that are invisible or change the writing direction."""


def line(field: str, text: object, longest: int) -> str:
    """The normalized text: composed (NFC), one space between words. InputError if it is empty, has more than
    ``longest`` characters, or any invisible character.
    """
    if not isinstance(text, str):
        raise InputError(field, repr(text)[:80], "is not a text", "use letters, digits and punctuation")
    kept = " ".join(unicodedata.normalize("NFC", text).split())
    if not kept:
        raise InputError(field, text[:longest], "is empty", "enter at least one visible character")
    if len(kept) > longest:
        raise InputError(field, kept[:longest] + "…", f"has {len(kept):,} characters", f"use at most {longest}")
    if any(unicodedata.category(char) in _UNSEEN for char in kept):
        shown = ascii(kept)[1:-1]
        raise InputError(field, shown, "has invisible characters", "use letters, digits and punctuation")
    return kept


def same(name: str) -> str:
    """A key that is equal for names that look alike: case and forms of a letter (NFKC) are ignored."""
    return unicodedata.normalize("NFKC", name).casefold()
