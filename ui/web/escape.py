"""Texts for the page: safe markup of what a model or a file wrote, and numbers, sizes and durations in words."""

import re

_MARKUP = re.compile(r"[\\`*_{}\[\]()#+\-.!|<>&~$:@⟦⟧]")
_INVISIBLE = {
    **{code: chr(0x2400 + code) for code in range(0x20) if code != 0x0A},  # control characters by their pictures
    **{code: f"[U+{code:04X}]" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))},  # turn the line around
}


def visible(text: str) -> str:
    """The text with names in place of characters that cannot be seen or that change the writing direction."""
    return text.translate(_INVISIBLE)


def inert(text: str) -> str:
    """The text as Markdown that shows exactly it: nothing in it is read as Markdown, HTML or KaTeX."""
    return _MARKUP.sub(lambda match: f"&#{ord(match.group())};", visible(text))


def shorten(text: str, most: int) -> str:
    """The first ``most`` characters, with an ellipsis where there are more."""
    return text if len(text) <= most else f"{text[:most]}…"


def plural(number: int, noun: str) -> str:
    """``1 question``, ``2,000 questions``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def percent(share: float, digits: int = 0) -> str:
    """``84 %``, with a space that does not break."""
    return f"{100 * share:.{digits}f}\u00a0%"


def compact(number: float) -> str:
    """Three digits at most: ``950``, ``17.3 k``, ``1.73 M``."""
    for unit, size_ in (("M", 1e6), ("k", 1e3)):
        if number >= size_:
            return f"{number / size_:.3g} {unit}"
    return f"{number:.0f}"


def sentence(text: str) -> str:
    """The text as ``inert`` gives it, but with what is between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return inert(text)
    return "".join(f"<code>{inert(part)}</code>" if i % 2 else inert(part) for i, part in enumerate(parts))


def clock(seconds: float) -> str:
    """``9 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def duration(seconds: float) -> str:
    """The largest unit alone, for estimates: ``9 s``, ``3 min``, ``10 h``."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.0f} s"


def size(count: float) -> str:
    """``3.4 MB``."""
    if count < 1000:
        return f"{count:,.0f} bytes"
    for unit in ("kB", "MB"):
        count /= 1000
        if count < 1000:
            return f"{count:.3g} {unit}"
    return f"{count / 1000:,.3g} GB"


def three(number: float) -> str:
    """Three decimals, no minus before a zero; smaller numbers as a power of ten, as the scripts of the page do."""
    if 0 < abs(number) < 0.0005:
        return f"{number:.1e}".replace("e-0", "e-")
    return f"{number + 0.0:.3f}"
