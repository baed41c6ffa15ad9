"""Values of a row as fields of the store hold them; None for what a field cannot hold."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from typing import Any

from engine.data import columns as usual

TOPICS = (
    "Algebra",
    "Arithmetic",
    "Counting & Probability",
    "Geometry",
    "Intermediate Algebra",
    "Number Theory",
    "Prealgebra",
    "Precalculus",
)
_NULLS = frozenset({"", "n/a", "none", "null", "nan"})
_LONGEST_NULL = 8
_LONGEST_PYTHON = 1 << 20
_SHORT, _HIGHEST = 20, 20
"""Of a level: characters of its name, and its number."""
_PATH = "->"
_SCORE_KEYS = ("score", "reward", "value", "rating")


def is_null(value: object) -> bool:
    """None, NaN, and the texts that stand for no value: ``n/a``, ``None``, ``null``, ``nan`` and blanks."""
    if value is None:
        return True
    if isinstance(value, str):
        return (len(value) <= _LONGEST_NULL or value.isspace()) and value.strip().casefold() in _NULLS
    return isinstance(value, float) and value != value


def parsed(value: object) -> Any:
    """What a text of JSON spells, where it is an object or a list; any other value as it is.

    Python's own spelling, as it gets into CSV and into carelessly written JSON (``['a', 'b']``), counts as well.
    """
    if not isinstance(value, str) or not value[:64].lstrip().startswith(("{", "[")):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = _python(value)
    return found if isinstance(found, (dict, list)) else value


def unpack_own(row: dict[str, Any]) -> None:
    """Give a row of our own full export the columns that it was imported with, which are in its ``extra``; its rates
    are read into the table ``rates``."""
    extra = parsed(row.get("extra"))
    if isinstance(extra, dict):
        del row["extra"]
        for name, value in extra.items():
            row.setdefault(name, value)
    for name in ("rates", "pass_rate"):
        row.pop(name, None)


def _python(text: str) -> Any:
    if len(text) > _LONGEST_PYTHON or not text.lstrip().startswith(("['", "{'", "[{'")):
        return None
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def topic(value: object) -> str | None:
    """The topic as MATH spells it. Of a path (``Mathematics -> Algebra``) or a list the last step that is one."""
    if isinstance(value, list):
        return next((found for one in value if (found := topic(one)) is not None), None)
    if not isinstance(value, str):
        return None
    if _PATH in value:
        return next((found for step in reversed(value.split(_PATH)) if (found := topic(step)) is not None), None)
    return _SPELLED.get(value) or _SPELLED.get(_bare(value))


def _bare(text: str) -> str:
    return text.casefold().replace("_", " ").replace(" and ", " & ").strip()


_SPELLED = {name: name for name in TOPICS} | {_bare(name): name for name in TOPICS}


def level(value: object) -> str | None:
    """A level as the data set calls it, ``Level 3``, ``3`` or ``5.5``: a short text, or a small number."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value) if 0 <= value <= _HIGHEST else None
    return value.strip() or None if isinstance(value, str) and len(value) <= _SHORT else None


def number(value: object) -> float | None:
    """A number, or a text that is one (cells of CSV are texts); None for anything else, NaN and infinity too."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < float("inf") else None


def share(value: object) -> float | None:
    """A number in [0, 1]."""
    found = number(value)
    return found if found is not None and 0.0 <= found <= 1.0 else None


def are_shares(found: Iterable[object]) -> bool:
    """Whether numbers are shares: most are in [0, 1], and where some are not, those are no whole numbers of a scale."""
    numbers = [one for value in found if (one := number(value)) is not None]
    inside = [one for one in numbers if 0.0 <= one <= 1.0]
    return len(inside) * 2 > len(numbers) and (len(inside) == len(numbers) or any(one % 1 for one in inside))


def reward(value: object) -> float | None:
    """A number, alone in a list (``[0.9]``), or the score of an object (``{"score": 0.9}``)."""
    if isinstance(value, list):
        return reward(value[0]) if len(value) == 1 else None
    if isinstance(value, dict):
        named = [number(value[key]) for key in _SCORE_KEYS if key in value]
        found = [one for one in (named or [number(one) for one in value.values()]) if one is not None]
        return found[0] if found and (named or len(found) == 1) else None
    return number(value)


def rewards(value: object) -> list[float | None] | None:
    """One number a sample; None where none can be read."""
    value = parsed(value)
    found = [reward(one) for one in (value if isinstance(value, list) else [value])]
    return None if all(one is None for one in found) else found


def name(value: object) -> str | None:
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) and not is_null(value) else None


def is_cut(value: object) -> bool | None:
    """Whether a finish reason (``length``), or the flag that a text is complete, says that it was cut off."""
    if isinstance(value, bool):
        return not value
    if not isinstance(value, str) or is_null(value):
        return None
    return value.strip().casefold() in ("length", "max_tokens", "max_length", "truncated", "cutoff", "false")


def answer(value: object) -> str | None:
    """A final answer: a text, number or truth value, a list of them, or an object that holds one.

    A text is read as a list only where it spells a list of texts: ``[0, 1]`` is an interval.
    """
    if is_null(value):
        return None
    if isinstance(value, str):
        found = parsed(value)
        if isinstance(found, dict) or (isinstance(found, list) and found and all(isinstance(x, str) for x in found)):
            return answer(found) or value.strip()
        return value.strip()
    if isinstance(value, (bool, int, float)):
        return str(value)
    if isinstance(value, list):
        several = [answer(one) for one in value if one is not None]
        return None if not several or None in several else ", ".join(one for one in several if one is not None)
    if isinstance(value, dict):
        if isinstance(value.get("text"), list) and "answer_start" in value:  # SQuAD: the same answer by several people
            return next((found for one in value["text"] if (found := answer(one)) is not None), None)
        keys = {usual.key(str(key)): key for key in value}
        names = (*usual.ANSWER, "value", "text")
        return next((answer(value[keys[usual.key(one)]]) for one in names if usual.key(one) in keys), None)
    return str(value)
