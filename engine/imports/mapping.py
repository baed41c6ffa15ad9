"""Which column holds what: guessed from the names that data sets use (``engine.data.columns``), or given by the user.

A field may be read from a text, a chat (a list of messages) or a list of texts: ``rows`` looks at each value.
"""

from collections.abc import Callable, Sequence
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from engine.data import columns as usual
from store.errors import InputError

FIELDS = ("query", "response", "answer", "topic", "level", "difficulty", "reward", "generator", "id")
"""What a user may map; ``answer`` is the reference answer."""
JOIN = "+"
"""``instruction+input``: the texts of both columns, the second where there is one."""
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
_SHORT, _HIGHEST = 20, 20
"""Of a level: characters of its name, and its number."""
_LONG = 80
"""Characters of an ``answer``, from which on it is a worked solution."""
_OWN = ("query", "response", "answer", "reference_answer", "majority_answer", "n_solutions", "status", "tags", "edited")
"""Columns by which our own full export is known: its ``answer`` is what the response states."""
OWN_FIELDS = ("stated", "agreement", "majority_answer", "status", "tags", "edited")


@dataclass(frozen=True, slots=True)
class Mapping:
    """Field -> column. Besides ``FIELDS``: ``rejected`` (a second response), and ``OWN_FIELDS`` of our own exports."""

    columns: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str | None:
        return self.columns.get(name)

    @property
    def words(self) -> str:
        """``query = problem, response = solution``."""
        return ", ".join(f"{name} = {column}" for name, column in self.columns.items())


def mapped(rows: Sequence[AnyMapping[str, Any]], given: AnyMapping[str, str], source: str) -> Mapping:
    """``found``, and InputError where no column of questions is."""
    mapping = found(rows, given, source)
    if mapping["query"] is None:
        columns = usual.of(rows)
        remedy = f"name it with --map query=COLUMN; it has {', '.join(columns[:20]) or 'none'}"
        raise InputError("FILE", source, "has no column that is known to hold questions", remedy)
    return mapping


def found(rows: Sequence[AnyMapping[str, Any]], given: AnyMapping[str, str], source: str) -> Mapping:
    """The mapping of a file that begins with these rows: as guessed, but for what is given; a field that is given no
    column (``""``) is read from none. InputError for a field or a column that there is not.
    """
    columns = usual.of(rows)
    shown = ", ".join(columns[:20]) or "none"
    for name, column in given.items():
        if name not in FIELDS:
            raise InputError("--map", f"{name}={column}", f"'{name}' is not a field", f"use one of {', '.join(FIELDS)}")
        if column and not all(part in columns for part in parts(column, columns)):
            raise InputError("--map", f"{name}={column}", f"'{source}' has no such column", f"it has {shown}")
    chosen = {**_guessed(columns, rows, given), **given}
    order = (*FIELDS, "rejected", *OWN_FIELDS)
    return Mapping({name: chosen[name] for name in order if chosen.get(name)})


def parts(column: str, columns: Sequence[str]) -> list[str]:
    """The columns that a mapping names: one, or several that are joined."""
    return [column] if column in columns or JOIN not in column else column.split(JOIN)


def _guessed(
    columns: Sequence[str], rows: Sequence[AnyMapping[str, Any]], given: AnyMapping[str, str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    own = all(name in columns for name in _OWN)
    if own:
        found = {name: name for name in OWN_FIELDS[1:] if name in columns} | {"stated": "answer"}
    query = given.get("query") or usual.find((*usual.QUESTION, *usual.CHAT), columns)
    if query is None and "chosen" in columns:  # of preference data whose texts are whole chats
        query = "chosen"
    if query is not None:
        found["query"] = "instruction+input" if query == "instruction" and "input" in columns else query
    response = given.get("response", usual.first((*usual.RESPONSE, *usual.CHAT), columns))
    if response is None and "answer" in columns and _worked(rows):
        response = "answer"
    if response is not None:
        found["response"] = response
    if response == "chosen" and "rejected" in columns:
        found["rejected"] = "rejected"
    names = ("reference_answer",) if "stated" in found else usual.ANSWER
    if (answer := usual.first(names, columns)) is not None:
        found["answer"] = answer  # the response itself, where that is `answer`: the text after its ####
    for name, parse in _VALUES.items():
        candidates = usual.TOPIC if name == "topic" else (name,)
        there = [one for one in candidates if one in columns]
        column = next((one for one in there if own or _mostly(rows, one, parse)), None)
        if column is not None:
            found[name] = column
    return found


def _worked(rows: Sequence[AnyMapping[str, Any]]) -> bool:
    """Whether ``answer`` holds worked solutions (GSM8K) and not final answers (MATH)."""
    texts = [row["answer"] for row in rows if isinstance(row.get("answer"), str)]
    return bool(texts) and (any("####" in text for text in texts) or median(map(len, texts)) > _LONG)


def _mostly(rows: Sequence[AnyMapping[str, Any]], column: str, parse: Callable[[object], object]) -> bool:
    """Whether more than half of the column's values can be parsed."""
    values = [row[column] for row in rows if row.get(column) not in (None, "")]
    return sum(parse(value) is not None for value in values) * 2 > len(values)


def topic(value: object) -> str | None:
    """The topic as MATH spells it; None for what is none of them."""
    if not isinstance(value, str):
        return None
    return _SPELLED.get(value) or _SPELLED.get(_bare(value))


def _bare(text: str) -> str:
    return text.casefold().replace("_", " ").replace(" and ", " & ").strip()


_SPELLED = {name: name for name in TOPICS} | {_bare(name): name for name in TOPICS}


def level(value: object) -> str | None:
    """A level as the data set calls it, ``Level 3`` or ``3``: a short text, or a small whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if 0 <= value <= _HIGHEST else None
    return value.strip() or None if isinstance(value, str) and len(value) <= _SHORT else None


def number(value: object) -> float | None:
    """A number, or a text that is one (cells of CSV are texts); None for anything else, NaN and infinity too."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if abs(found) < float("inf") else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _numbers(value: object) -> list[float] | None:
    """A number, or a list of numbers."""
    found = [number(one) for one in (value if isinstance(value, list) else [value])]
    return None if any(one is None for one in found) else [one for one in found if one is not None]


def share(value: object) -> float | None:
    """A number in [0, 1]."""
    found = number(value)
    return found if found is not None and 0.0 <= found <= 1.0 else None


_VALUES: dict[str, Callable[[object], object]] = {
    "topic": topic,
    "level": level,
    "difficulty": share,
    "reward": _numbers,
    "generator": _text,
}
"""Fields whose column must hold such values (not None), besides having the field's name."""
