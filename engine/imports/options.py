"""The options of a question: how they are recognised, written and named by an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from engine.imports.values import is_null, parsed

_IN_TEXT = re.compile(r"(?:^|[\s,;(])[A-Ea-e] ?[).:]")
_COLUMN = re.compile(r"(?:op|opt|options?|choices?)?[_ ]?([A-H])", re.IGNORECASE)
"""A column of one option."""
_LABELLED = re.compile(r"\s*\(?(?:[A-Za-z]\s?[).:]|\d{1,2}\s?[).:]\s)")
_NUMBERED = re.compile(r"\s*\(?\d{1,2}\s?[).:]\s")
"""What begins an option that has a number of its own."""
_LETTER = re.compile(r"\s*\(?[A-Za-z]\)?\.?\s*")


def are_options(value: Any) -> bool:
    """Whether it is a list or an object of options, or a text with several of them."""
    value = parsed(value)
    if isinstance(value, str):
        return len(_IN_TEXT.findall(value)) > 1
    if isinstance(value, dict):
        return bool(value) and all(isinstance(one, (str, int, float, list)) for one in value.values())
    return isinstance(value, list) and len(value) > 1 and not any(isinstance(one, (dict, list)) for one in value)


def lines_of(value: Any, label: bool = False) -> list[str]:
    """The lines that a text, a list or an object of options makes: ``{"A": "21"}`` is ``(A) 21``.

    ``label``: texts of a list without labels get letters, since answers name them by such.
    """
    value = parsed(value)
    if is_null(value):
        return []
    if isinstance(value, dict):
        texts, labels = value.get("text"), value.get("label")
        if isinstance(texts, list) and isinstance(labels, list) and len(texts) == len(labels):
            value = dict(zip(map(str, labels), texts, strict=True))
        return [f"({key}) {one}" for key, one in value.items() if not is_null(one)]
    if isinstance(value, list):
        lines = [line for one in value for line in (lines_of(one) if isinstance(one, dict) else [str(one)])]
        if label and 1 < len(lines) <= 26 and not any(_LABELLED.match(line) for line in lines):
            return [f"({chr(65 + place)}) {line}" for place, line in enumerate(lines)]
        return lines
    return [str(value)]


def letter_of(column: str) -> str | None:
    """The letter of a column of one option (``A``, ``option_b``)."""
    found = _COLUMN.fullmatch(column)
    return found[1].upper() if found else None


def lettered(columns: Sequence[str]) -> list[str]:
    """The columns of one option each; none unless their letters run from A at least to C."""
    found = [column for column in columns if letter_of(column)]
    letters = "".join(letter_of(column) or "" for column in found)
    return found if letters.startswith("ABC") and "ABCDEFGH".startswith(letters) else []


def places(value: Any) -> int:
    """How many options a number can name by its place: those of a list of texts that have no numbers of their own."""
    several = parsed(value)
    if not isinstance(several, list) or not all(isinstance(one, str) and not _NUMBERED.match(one) for one in several):
        return 0
    return len(several)


def is_letter(answer: Any) -> bool:
    return isinstance(answer, str) and _LETTER.fullmatch(answer) is not None


def letter_at(answer: Any, count: int) -> str | None:
    """The letter of the option that an integer names by its place, from 0; None for another value."""
    return chr(65 + answer) if answer.__class__ is int and 0 <= answer < min(count, 26) else None
