"""Which columns hold what: a known layout, else guessed (``guess``), else given by the user.

A mapped column is a path (``paths``), of numbers an expression (``rates``). A field may be read from a text, a chat or
a list: ``rows`` looks at each value.
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.data import columns as usual
from engine.imports import guess, layouts, rates
from engine.imports.guess import OWN_FIELDS
from engine.imports.paths import Path, columns_of, is_there
from engine.imports.values import are_shares, number
from store.errors import InputError

FIELDS = (
    "query", "response", "answer", "reasoning", "rejected", "topic", "level", "difficulty", "pass_rate", "reward",
    "verdict", "finish_reason", "solver", "generator", "id",
)  # fmt: skip
"""What a user may map; ``answer`` is the reference answer."""
_EXPRESSIONS = ("difficulty", "pass_rate")


@dataclass(frozen=True, slots=True)
class Mapping:
    """Field -> columns. Besides ``FIELDS`` the ``OWN_FIELDS`` of our own exports. ``layout``: the known layout that it
    was taken from; ``grouped``: rows of one question are samples of it."""

    columns: dict[str, str] = field(default_factory=dict)
    layout: str = ""
    grouped: bool = False

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
    column (``""``) is read from none. InputError for a field or a column that there is not, and for numbers that are
    given as a difficulty and are none.
    """
    columns = usual.of(rows)
    first = [dict(row) for row in rows]
    for name, column in given.items():
        _check(name, column, first, columns, source)
    layout, known = layouts.of(first, columns)
    chosen = {**guess.fields(guess.Seen(first, columns), {**known, **given}), **known, **given}
    order = (*FIELDS, *OWN_FIELDS)
    return Mapping({name: chosen[name] for name in order if chosen.get(name)}, layout)


def _check(name: str, column: str, rows: Sequence[dict[str, Any]], columns: Sequence[str], source: str) -> None:
    shown = ", ".join(columns[:20]) or "none"
    if name not in FIELDS:
        raise InputError("--map", f"{name}={column}", f"'{name}' is not a field", f"use one of {', '.join(FIELDS)}")
    if not column:
        return
    there = rates.is_share_there if name in _EXPRESSIONS else is_there
    if not there(column, rows, columns):
        raise InputError("--map", f"{name}={column}", f"'{source}' has no such column", f"it has {shown}")
    if name == "difficulty":
        _check_scale(column, rows, columns)


def _check_scale(column: str, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """InputError for numbers that are no fail rates: one rule for the whole column has to make them such."""
    scale = rates.share_of(column, columns)
    found = sorted(one for row in rows if (one := number(scale.path.of(row))) is not None)
    scaled = [one for one in found if scale.divisor is None or not isinstance(scale.divisor, Path)]
    over = scale.divisor if isinstance(scale.divisor, float) and scale.divisor else 1.0
    if scaled and not are_shares([one / over for one in scaled]):
        problem = f"holds {found[0]:g} to {found[-1]:g}, and a difficulty is a fail rate from 0 to 1"
        remedy = f"divide the whole column, e.g. --map difficulty={column.partition('/')[0]}/{_scale(found[-1])}, "
        remedy += "or map it as level"
        raise InputError("--map", f"difficulty={column}", problem, remedy)


def _scale(highest: float) -> int:
    return next((scale for scale in (5, 10, 100, 1000) if highest <= scale), round(highest))


def used_columns(mapping: Mapping, columns: Sequence[str]) -> set[str]:
    """The columns of a file that a mapping reads."""
    used: set[str] = set()
    for name, spec in mapping.columns.items():
        if name in _EXPRESSIONS:
            for one in rates.shares_of(spec, columns):
                used.add(one.path.column)
        else:
            used.update(columns_of(spec, columns).names())
    return used
