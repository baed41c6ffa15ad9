"""The filter: one JSON object, the same in the URL, the queue, exports and the command line.

Lists mean any-of (null in a list means "has none"; an empty list means no condition), pairs of numbers are closed
ranges with null for an open end. ``to_sql`` is the definition; user input becomes bound parameters, never SQL text.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from store.errors import InputError
from store.filters import search_syntax
from store.filters.map_area import Area
from store.filters.ranges import OPEN, ModelRange, Range, read_range, read_rate
from store.records import CORRECT, STAGES, STATUS_OF

View = Literal["items", "pairs"]
Values = tuple[str | None, ...]

MAJORITY = ("same", "different")
"""What ``majority`` can be."""
STATUSES = ("unreviewed", *STATUS_OF.values())


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that must all hold; by default every question passes.

    ``stage``: kept by that stage, as in the funnel (``generated``: every question). ``text``: in the query, or
    in the response of a pair, ignoring case. ``words`` and ``regex``: found in the query (``search_syntax.py``).
    ``solution_text``: in the response or the reasoning of any sample as it was sampled, ignoring case.
    ``reward``: of the best sample on items, of the chosen one on pairs. ``correct``, ``finish_reason`` and
    ``reasoning_tokens``: of the chosen solution. ``majority``: whether its answer is that of most samples (``same``)
    or another one (``different``). ``pass_rate``: of the model that it names, else of the one that was
    measured first. ``area``: a region of the map.
    """

    run: Values = ()
    generator: Values = ()
    topic: Values = ()
    level: Values = ()
    status: Values = ()
    tags: Values = ()
    drop_stage: Values = ()
    drop_reason: Values = ()
    ids: Values = ()
    difficulty: Range = (None, None)
    reward: Range = (None, None)
    agreement: Range = (None, None)
    n_solutions: Range = (None, None)
    near_duplicates: Range = (None, None)
    query_chars: Range = (None, None)
    response_chars: Range = (None, None)
    response_tokens: Range = (None, None)
    reasoning_tokens: Range = (None, None)
    pass_rate: Range | ModelRange = (None, None)
    repetition: Range = (None, None)
    correct: Values = ()
    majority: Values = ()
    checkability: Values = ()
    finish_reason: Values = ()
    solvable: bool | None = None
    contaminated: bool | None = None
    edited: bool | None = None
    stage: str | None = None
    text: str | None = None
    words: str | None = None
    regex: str | None = None
    solution_text: str | None = None
    area: Area | None = None

    @classmethod
    def from_json(cls, source: str | Mapping[str, Any]) -> Filter:
        """Read a filter from JSON text or a parsed object; InputError names the field that is wrong."""
        given = _parse(source)
        unknown = sorted(set(given) - set(_KINDS))
        if unknown:
            raise InputError("filter", unknown[0], "is not a field of a filter", f"the fields are {', '.join(_KINDS)}")
        read = {name: _FUNCTIONS[_KINDS[name]][0] for name in given}
        return cls(**{name: read[name](name, value) for name, value in given.items() if value is not None})

    def to_json(self) -> str:
        """The shortest JSON object for this filter, the same text for equal filters."""
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))

    def to_dict(self) -> dict[str, Any]:
        """The fields that differ from the default, by name in alphabetical order."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return {name: _plain(value) for name, value in sorted(given.items())}

    @property
    def rate_model(self) -> str | None:
        """The model whose pass rates are meant; None for the one measured first."""
        return self.pass_rate.model if isinstance(self.pass_rate, ModelRange) else None

    @property
    def rate_range(self) -> Range:
        return self.pass_rate.range if isinstance(self.pass_rate, ModelRange) else self.pass_rate

    def with_rate_range(self, ends: Range) -> Filter:
        """Another range of the same model's pass rates."""
        named = isinstance(self.pass_rate, ModelRange)
        return replace(self, pass_rate=replace(self.pass_rate, range=ends) if named else ends)  # type: ignore[type-var]

    def without(self, *names: str) -> Filter:
        """The same filter without the conditions of these fields."""
        plain: dict[str, Any] = {f.name: f.default for f in fields(self) if f.name in names}
        return replace(self, **plain)

    def to_sql(self, view: View = "items", map_keys: Collection[int] | None = None) -> tuple[str, list[Any]]:
        """``(condition, parameters)`` for ``SELECT ... FROM <view> WHERE <condition>``; ``TRUE`` for the default.

        ``map_keys``: the keys (``q``) of the questions in the filter's area, from
        ``store.map.files.keys_in_area``. InputError where the filter has an area and they are not given.
        """
        parts: list[str] = []
        values: list[Any] = []
        for name, kind in _KINDS.items():
            wanted = getattr(self, name)
            if wanted in ((), (None, None), None):
                continue
            sql, bound = _sql_area(map_keys) if kind == "area" else _FUNCTIONS[kind][1](name, wanted, view)
            # a column of `items` alone filters pairs by their question
            if view == "pairs" and name in _ITEMS_ONLY:
                sql = f"question_id IN (SELECT question_id FROM items WHERE {sql})"
            parts.append(sql)
            values += bound
        return " AND ".join(parts) or "TRUE", values


_KINDS: dict[str, str] = {
    f.name: "values" if f.default == () else "range" if f.default == (None, None) else "flag" for f in fields(Filter)
} | {name: name for name in ("tags", "level", "pass_rate", "stage", "text", "words", "regex", "solution_text", "area")}
SEARCHED = ("text", "words", "regex", "solution_text")
"""The conditions on texts."""
IN_SOLUTION = "(contains(lower(text), lower(?)) OR contains(lower(coalesce(reasoning, '')), lower(?)))"
"""The condition on a row of ``solution_text``; binds the text twice."""
LOOKED_UP = (*SEARCHED, "area")
"""The conditions that need more than a frame's columns."""
_COLUMN = {"run": "run_id", "ids": "question_id"}
_ITEMS_ONLY = {
    *("drop_stage", "drop_reason", "near_duplicates", "query_chars", "response_tokens"),
    *("solvable", "contaminated", "majority"),
}


def _plain(value: Any) -> Any:
    if isinstance(value, Area | ModelRange):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value


def _parse(source: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(source, str):
        try:
            source = json.loads(source)
        except (ValueError, RecursionError) as error:
            raise InputError(
                "filter", str(source)[:200], f"is not JSON ({error})", 'write e.g. {"topic": ["Algebra"]}'
            ) from error
    if not isinstance(source, Mapping):
        raise InputError("filter", source, "is not a JSON object", 'write e.g. {"topic": ["Algebra"]}')
    return source


def _read_values(name: str, value: Any) -> Values:
    if not isinstance(value, (list, tuple)) or not all(v is None or isinstance(v, str) for v in value):
        raise InputError(f"filter.{name}", value, "is not a list of texts", f'write e.g. "{name}": ["..."]')
    known = {"status": STATUSES, "drop_stage": STAGES, "correct": CORRECT, "majority": MAJORITY}.get(name)
    for item in value:
        if known and item is not None and item not in known:
            raise InputError(f"filter.{name}", item, "is not known", f"choose from {', '.join(known)}")
    return tuple(dict.fromkeys(value))


def _read_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"filter.{name}", value, "is neither true nor false", f'write e.g. "{name}": true')
    return value


def _read_stage(name: str, value: Any) -> str:
    if not isinstance(value, str) or value not in ("generated", *STAGES):
        raise InputError(f"filter.{name}", value, "is not a stage", f"choose from generated, {', '.join(STAGES)}")
    return value


def _read_text(name: str, value: Any) -> str | None:
    if not isinstance(value, str):
        raise InputError(f"filter.{name}", value, "is not a text", f'write e.g. "{name}": "prime"')
    return value or None


def _read_words(name: str, value: Any) -> str | None:
    text = _read_text(name, value)
    if text is not None:
        search_syntax.words(text)
    return text


def _read_regex(name: str, value: Any) -> str | None:
    pattern = _read_text(name, value)
    return None if pattern is None else search_syntax.regex(pattern)


def _any_of(wanted: Values, has_none: str, has_any: str) -> tuple[str, list[Any]]:
    """The condition for a list of values: ``has_none`` is for null, ``has_any`` binds the others."""
    some = [value for value in wanted if value is not None]
    parts = [has_none] * (None in wanted) + [has_any] * bool(some)
    return f"({' OR '.join(parts)})", [some] if some else []


def _sql_values(name: str, wanted: Values, view: View) -> tuple[str, list[Any]]:
    column = _COLUMN.get(name, name)
    return _any_of(wanted, f"{column} IS NULL", f"{column} IN (SELECT unnest(CAST(? AS VARCHAR[])))")


def _sql_tags(name: str, wanted: Values, view: View) -> tuple[str, list[Any]]:
    return _any_of(wanted, "len(tags) = 0", "list_has_any(tags, CAST(? AS VARCHAR[]))")


def _sql_level(name: str, wanted: Values, view: View) -> tuple[str, list[Any]]:
    levels = "SELECT question_id FROM label_rows WHERE key = 'level'"
    has_any = f"question_id IN ({levels} AND value IN (SELECT unnest(CAST(? AS VARCHAR[]))))"
    return _any_of(wanted, f"question_id NOT IN ({levels})", has_any)


def _sql_range(name: str, wanted: Range, view: View) -> tuple[str, list[Any]]:
    return _between("best_reward" if (name, view) == ("reward", "items") else name, wanted)


def _sql_rate(name: str, wanted: Range | ModelRange, view: View) -> tuple[str, list[Any]]:
    if not isinstance(wanted, ModelRange):
        return _between(name, wanted)
    if wanted.range == OPEN:
        return "TRUE", []
    condition, ends = _between("arg_max(pass_rate, rowid)", wanted.range)
    measured = f"SELECT question_id FROM rate_rows WHERE model = ? GROUP BY question_id HAVING {condition}"
    return f"question_id IN ({measured})", [wanted.model, *ends]


def _between(column: str, wanted: Range) -> tuple[str, list[Any]]:
    ends = [(f"{column} >= ?", wanted[0]), (f"{column} <= ?", wanted[1])]
    return " AND ".join(sql for sql, end in ends if end is not None), [end for _, end in ends if end is not None]


def _sql_flag(name: str, wanted: bool, view: View) -> tuple[str, list[Any]]:
    return f"{name} = ?", [wanted]


def _sql_stage(name: str, wanted: str, view: View) -> tuple[str, list[Any]]:
    if wanted == "generated":
        return "TRUE", []
    return "question_id IN (SELECT question_id FROM verdict_rows WHERE stage = ? AND kept)", [wanted]


def _sql_text(name: str, wanted: str, view: View) -> tuple[str, list[Any]]:
    columns = ("query", "response") if view == "pairs" else ("query",)
    return f"({' OR '.join(f'contains(lower({c}), lower(?))' for c in columns)})", [wanted] * len(columns)


def _sql_solution_text(name: str, wanted: str, view: View) -> tuple[str, list[Any]]:
    return f"question_id IN (SELECT question_id FROM solution_text WHERE {IN_SOLUTION})", [wanted, wanted]


def _sql_words(name: str, wanted: str, view: View) -> tuple[str, list[Any]]:
    return search_syntax.sql(search_syntax.words(wanted))


def _sql_regex(name: str, wanted: str, view: View) -> tuple[str, list[Any]]:
    return "regexp_matches(query, ?)", [wanted]


def _sql_area(map_keys: Collection[int] | None) -> tuple[str, list[Any]]:
    if map_keys is None:
        raise InputError("filter.area", "", "cannot be used here", "leave it out")
    return (
        "question_id IN (SELECT question_id FROM question_rows WHERE q IN (SELECT unnest(CAST(? AS BIGINT[]))))",
        [[*map_keys]],
    )


_FUNCTIONS: dict[str, tuple[Any, Any]] = {
    "values": (_read_values, _sql_values),
    "tags": (_read_values, _sql_tags),
    "level": (_read_values, _sql_level),
    "range": (read_range, _sql_range),
    "pass_rate": (read_rate, _sql_rate),
    "flag": (_read_flag, _sql_flag),
    "stage": (_read_stage, _sql_stage),
    "text": (_read_text, _sql_text),
    "words": (_read_words, _sql_words),
    "regex": (_read_regex, _sql_regex),
    "solution_text": (_read_text, _sql_solution_text),
    "area": (Area.read, None),
}
"""By kind: how a condition is read, and its SQL (that of an area needs keys, see ``_sql_area``)."""
