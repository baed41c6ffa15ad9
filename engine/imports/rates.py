"""Numbers that a mapping names: ``difficulty``, ``difficulty/10``, ``1-pass_rate``, ``n_correct/n_samples``.

A whole column is rescaled by one rule, never value by value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.data import columns as usual
from engine.data.rows import Row
from engine.imports.paths import JOIN, Path, is_there, path_of
from engine.imports.values import is_null, number, parsed, share

_COMPLEMENT, _OVER = re.compile(r"\s*1\s*-\s*"), re.compile(r"\s*/\s*")
_NAMED = re.compile(r"(?:(?P<before>\w+?)[_-])?(?:solve|pass|success|correct)[_-]?rates?(?:[_-](?P<after>\w+))?", re.I)
UNNAMED = "import"
"""The model of a rate whose column names none."""
Rate = tuple[str, float, int | None, int | None]
"""Model, pass rate, rollouts and how many of them are correct, where known."""


@dataclass(frozen=True, slots=True)
class Share:
    """A column as a share: the value, over ``divisor`` (a number or a column), or what is missing to 1."""

    path: Path
    complement: bool = False
    divisor: float | Path | None = None

    def of(self, row: Row) -> float | None:
        """In [0, 1]; None for no value or another."""
        found = self.rate(self.path.of(row), row)
        return None if found is None else found[0]

    def rate(self, value: Any, row: Row) -> tuple[float, int | None, int | None] | None:
        """The share; and of a whole number over another the two."""
        over = number(self.divisor.of(row)) if isinstance(self.divisor, Path) else self.divisor
        found = number(value)
        if found is None or (self.divisor is not None and not over):
            return None
        part = share(found if over is None else found / over)
        if part is None:
            return None
        part = 1.0 - part if self.complement else part
        if over is None or over != int(over) or found != int(found):
            return part, None, None
        return part, int(over), int(over - found) if self.complement else int(found)


def share_of(spec: str, columns: Sequence[str]) -> Share:
    if spec in columns:
        return Share(Path(spec))
    complement = _COMPLEMENT.match(spec)
    rest = spec[complement.end() :] if complement else spec
    top, *over = _OVER.split(rest, maxsplit=1) if rest not in columns else [rest]
    divisor = None if not over else number(over[0]) if number(over[0]) is not None else path_of(over[0], columns)
    return Share(path_of(top, columns), complement is not None, divisor)


def shares_of(spec: str, columns: Sequence[str]) -> list[Share]:
    """Several columns of rates are joined by ``+``."""
    return [share_of(one, columns) for one in ([spec] if spec in columns else spec.split(JOIN))]


def is_share_there(spec: str, rows: Sequence[Row], columns: Sequence[str]) -> bool:
    """Whether the columns that it names are there."""
    return all(
        is_there(".".join((path.column, *path.steps)), rows, columns)
        for one in shares_of(spec, columns)
        for path in (one.path, one.divisor)
        if isinstance(path, Path)
    )


def rates(shares: Sequence[Share], row: Row) -> tuple[list[Rate], bool]:
    """The rates of a row by model, and whether all values could be read. An object holds one rate a model."""
    found: list[Rate] = []
    whole = True
    for one in shares:
        value = parsed(one.path.of(row))
        named = value if isinstance(value, dict) else {model_of(one.path): value}
        for model, given in named.items():
            if is_null(given) or number(given) == -1:  # a rate that was not measured
                continue
            rate = one.rate(given, row)
            if rate is None:
                whole = False
            else:
                found.append((str(model), *rate))
    return found, whole


def model_of(path: Path) -> str:
    """``llama8b`` of ``llama8b_solve_rate``, ``72b_tir`` of ``pass_rate_72b_tir``."""
    match = _NAMED.fullmatch(path.steps[-1] if path.steps else path.column)
    return (match["before"] or match["after"] or UNNAMED) if match is not None else UNNAMED


def is_rate_name(name: str) -> bool:
    return _NAMED.fullmatch(name) is not None and usual.key(name) not in ("correctrate",)
