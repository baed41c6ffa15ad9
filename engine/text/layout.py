"""The layout of a final answer: what TeX and keyboards add to it, and mathematics does not mean."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

_FRACTIONS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8"}
_SYMBOLS = [
    "×times",
    "÷div",
    "√sqrt",
    "∞infty",
    "≤le",
    "≥ge",
    "≠ne",
    "≈approx",
    "∪cup",
    "∩cap",
    "∈in",
    "∅emptyset",
    "πpi",
    "θtheta",
    "αalpha",
    "βbeta",
    "γgamma",
    "δdelta",
    "λlambda",
    "μmu",
    "φphi",
    "ωomega",
    "±pm",
]
_UNICODE: dict[int, str] = {
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
    **{ord(char): f"^{{{digit}}}" for digit, char in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{ord(char): "\\frac{{{}}}{{{}}}".format(*text.split("/")) for char, text in _FRACTIONS.items()},
    **dict.fromkeys(map(ord, "−–‐‑"), "-"),
    **dict.fromkeys(map(ord, "·⋅∙"), r"\cdot "),
    **dict.fromkeys(map(ord, "\u00a0\u2009\u202f\u3000"), " "),
    **dict.fromkeys(map(ord, "€£¥"), ""),
    **{ord(symbol[0]): f"\\{symbol[1:]} " for symbol in _SYMBOLS},
    ord("°"): r"^\circ ",
}
_KEPT_OR_DROPPED = re.compile(
    r"(\\\\|\\[{}|])|\\(?:left|right|[bB]igg?[lr]?)(?![A-Za-z])\s*\.?(?=[^\w.]|$)|\\[,;:> ]"
    r"|\\(?:q?quad|displaystyle|limits)(?![A-Za-z])|\\(?:label|hspace)\s*\{[^{}]*\}|\\phantom\s*(?:\{[^{}]*\}|\S)|\\\(|\\\)|\\\[|\\\]|\$|~"
)
"""``\\\\`` ends a row of a matrix, whatever stands behind it."""
_FONT = re.compile(
    r"\\(?:text(?:bf|it|rm|normal|sf|tt)?|mathbf|mathrm|mathit|mathsf|mathnormal|boldsymbol|bm|mbox|hbox|emph|underline|"
    r"boxed|fbox)\s*\{"
)
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_GROUPED = re.compile(r"(?<=\d)(?:\{,\}|,?\\[!,]|\{,\}\\!)(?=\d{3}(?!\d))")
_DIGITS = re.compile(r"[\d\s.,()]+")
_NAMES = (
    (re.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\\[dt]binom(?![A-Za-z])"), r"\\binom"),
    (re.compile(r"\\(?:leqslant|leq)(?![A-Za-z])"), r"\\le "),
    (re.compile(r"\\(?:geqslant|geq)(?![A-Za-z])"), r"\\ge "),
    (re.compile(r"\\neq(?![A-Za-z])"), r"\\ne "),
    (re.compile(r"\\(?:varnothing)(?![A-Za-z])"), r"\\emptyset "),
    (re.compile(r"\\(?:lbrace)(?![A-Za-z])"), r"\\{"),
    (re.compile(r"\\(?:rbrace)(?![A-Za-z])"), r"\\}"),
    (re.compile(r"\\(frac|binom)\s*([0-9A-Za-z])\s*([0-9A-Za-z])"), r"\\\1{\2}{\3}"),
    (re.compile(r"\\(frac|binom)\s*([0-9A-Za-z])\s*\{"), r"\\\1{\2}{"),
    (re.compile(r"(\\(?:frac|binom)\s*\{[^{}]*\})\s*([0-9A-Za-z])"), r"\1{\2}"),
    (re.compile(r"(\\(?:frac|binom))\s*(\{[^{}]*\})\s*\{"), r"\1\2{"),
    (re.compile(r"\\sqrt\s*([0-9A-Za-z])"), r"\\sqrt{\1}"),
    (re.compile(r"\^\s*\{\s*\\circ\s*\}|\^\s*\\circ(?![A-Za-z])|\\degree(?![A-Za-z])"), r"^\\circ "),
    (re.compile(r"([\^_])\s*\{\s*([0-9A-Za-z])\s*\}"), r"\1\2"),
)


@functools.lru_cache(maxsize=4096)
def normalise(answer: str) -> str:
    """The answer without layout: delimiters, fonts, spacing commands, dollar signs, a final full stop.

    A word in another font stays ``\\text{word}``; one letter, numbers and "(A)" stay without it.
    """
    text = answer if answer.isascii() else answer.translate(_UNICODE)
    if text.isalnum():
        return text
    if "**" in text:
        text = _BOLD.sub(r"\1", text)
    text = text.replace("\\$", "")
    if any(char in text for char in "\\$~{"):
        text = _GROUPED.sub("", text).replace("{,}", ",").replace("\\!", "")
        text = _unwrapped(_KEPT_OR_DROPPED.sub(lambda match: match.group(1) or " ", text))
        for pattern, plain in _NAMES:
            text = pattern.sub(plain, text)
    return " ".join(text.split()).replace(" ^", "^").rstrip(".,;:").rstrip().removeprefix(r"\approx").lstrip()


def word_set(words: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(words.split())


def _unwrapped(text: str) -> str:
    """Without fonts, from the inside out."""
    for match in reversed(list(_FONT.finditer(text))):
        content = balanced(text, match.end() - 1)
        if content is None:
            continue
        end = match.end() + len(content) + 1
        text = text[: match.start()] + _plain(text[: match.start()], content, text[end : end + 1]) + text[end:]
    return text


def _plain(before: str, content: str, after: str) -> str:
    inner = content.strip()
    if _DIGITS.fullmatch(inner):  # inside a group of TeX's mathematics a space between digits is none
        return (" " if content[:1].isspace() else "") + inner.replace(" ", "")
    if inner.strip(".,") in {"and", "or"} or inner == ",":
        return f" {inner} "
    unit = inner in {"m", "g", "l", "s", "h"} and before.rstrip()[-1:] in {*"0123456789}"}
    if unit or (re.search(r"[A-Za-z]{2}", inner) and "\\" not in inner):
        return f"\\text{{{' '.join(inner.split())}}}"
    return (" " if before[-1:].isalpha() else "") + inner + (" " if inner[-1:].isalpha() and after.isalpha() else "")


def balanced(text: str, start: int) -> str | None:
    """The content of the brace group that opens at ``start``; None where it never closes."""
    depth = 0
    for match in _BRACE.finditer(text, start):
        found = match.group()
        depth += (found == "{") - (found == "}")
        if depth == 0:
            return text[start + 1 : match.start()]
    return None


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
r"""``\{`` and ``\}`` are printed braces, not grouping."""


@functools.lru_cache(maxsize=4096)
def tight(normal: str) -> str:
    """A normalised answer without the spaces that mean nothing: those not between two digits or two letters."""
    if " " not in normal:
        return normal
    return _LOOSE.sub(_kept_space, normal)


_LOOSE = re.compile(r"(?<=(.))\s+(?=(.))")


def _kept_space(match: re.Match[str]) -> str:
    left, right = match.groups()
    return " " if (left.isdigit() and right.isdigit()) or (left.isalpha() and right.isalpha()) else ""


_TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|.", re.DOTALL)
_OPEN, _CLOSE = {"(", "[", "{", r"\{", r"\lfloor", r"\lceil", r"\langle"}, {")", "]", "}", r"\}", r"\rfloor", r"\rceil"}
_CLOSE |= {r"\rangle"}


def split(text: str, separates: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    """(pieces, separators): the text split at the tokens of depth 0 that separate."""
    pieces, found, depth, last = [], [], 0, 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        depth += (token in _OPEN) - (token in _CLOSE)
        if depth == 0 and separates(token):
            pieces.append(text[last : match.start()].strip())
            found.append(token)
            last = match.end()
    return [*pieces, text[last:].strip()], found


def bracketed(text: str) -> tuple[str, str] | None:
    r"""("()", content) where one pair of brackets, as ``(...]`` or ``\{...\}``, holds the whole text."""
    if text[:1] not in {"(", "[", "\\"}:
        return None
    first, last, depth = None, None, 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if first is None:
            if token not in {"(", "[", r"\{"}:
                return None
            first = match
        depth += (token in _OPEN) - (token in _CLOSE)
        if depth == 0:
            last = match
            break
    if first is None or last is None or last.end() != len(text) or last.group() not in {")", "]", r"\}"}:
        return None
    return first.group()[-1] + last.group()[-1], text[first.end() : last.start()].strip()
