"""The value of a row that a mapping names: ``answer``, ``reward_model.ground_truth``, ``body+question``, ``sample_*``.

A column of exactly that name goes first. A dot names a field of an object, or of the objects of a list, and a whole
number an element; JSON text counts as what it spells. ``*`` stands for the numbers of several columns (``sample_1``,
``sample_2``). ``+`` joins columns; ``a|b`` is the first of them that has a value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.data.rows import Row
from engine.imports.values import is_null, parsed

JOIN, ELSE, NUMBERS, AT = "+", "|", "*", "@"
JOINED = "joined"


@dataclass(frozen=True, slots=True)
class Path:
    """A column and the steps into its values; ``several`` columns give a list."""

    column: str
    steps: tuple[str, ...] = ()
    several: tuple[str, ...] = ()
    place: Path | None = None

    @property
    def flat(self) -> bool:
        """Whether it is a column itself."""
        return not self.steps and not self.several and self.place is None

    def of(self, row: Row) -> Any:
        """The value; None where there is none."""
        if self.several:
            return [row.get(name) for name in self.several]
        value = row.get(self.column)
        for step in self.steps:
            value = _field(value, step)
        if self.place is not None:
            at = self.place.of(row)
            return _field(value, str(at[0] if isinstance(at, list) and len(at) == 1 else at))
        return value


@dataclass(frozen=True, slots=True)
class Columns:
    """Alternatives, each one path or several that are joined."""

    choices: tuple[tuple[Path, ...], ...]

    @property
    def plain(self) -> str | None:
        """The column, where it is only one."""
        (first, *rest), *others = self.choices
        return first.column if first.flat and not rest and not others else None

    def values(self, row: Row) -> list[tuple[Path, Any]]:
        """The paths of the first alternative with a value, and their values."""
        found: list[tuple[Path, Any]] = []
        for paths in self.choices:
            found = [(path, path.of(row)) for path in paths]
            if any(not _empty(value) for _, value in found):
                break
        return found

    def names(self) -> list[str]:
        """All columns that are read."""
        return [name for paths in self.choices for path in paths for name in (path.several or (path.column,))]


def columns_of(spec: str, columns: Sequence[str]) -> Columns:
    """The columns that ``spec`` names among those of a file."""
    choices = [spec] if spec in columns else spec.split(ELSE)
    return Columns(tuple(tuple(path_of(one, columns) for one in _joined(choice, columns)) for choice in choices))


def _joined(spec: str, columns: Sequence[str]) -> list[str]:
    return [spec] if spec in columns or JOIN not in spec else [one.strip() for one in spec.split(JOIN)]


def path_of(spec: str, columns: Sequence[str]) -> Path:
    if spec in columns:
        return Path(spec)
    if AT in spec:
        listed, place = (path_of(one, columns) for one in spec.split(AT, 1))
        return Path(listed.column, listed.steps, place=place)
    if NUMBERS in spec:
        pattern = re.compile(re.escape(spec).replace(re.escape(NUMBERS), r"(\d+)"))
        found = [(int(match[1]), name) for name in columns if (match := pattern.fullmatch(name))]
        return Path(spec, several=tuple(name for _, name in sorted(found)))
    steps = spec.split(".")
    for length in range(len(steps) - 1, 0, -1):
        column = ".".join(steps[:length])
        if column in columns:
            return Path(column, tuple(steps[length:]))
    return Path(spec)


def is_there(spec: str, rows: Sequence[Row], columns: Sequence[str]) -> bool:
    """Whether all that ``spec`` names is in some row."""
    every = [path for paths in columns_of(spec, columns).choices for path in paths]
    return all(_is_path(path, rows, columns) for path in every)


def _is_path(path: Path, rows: Sequence[Row], columns: Sequence[str]) -> bool:
    if path.several:
        return True
    return path.column in columns and (not path.steps or any(path.of(row) is not None for row in rows))


_STATED = ("\\boxed", "####")


def _field(value: Any, step: str) -> Any:
    value = parsed(value)
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list):
        if step == JOINED and value and all(isinstance(one, str) for one in value):
            return None if any(mark in one for one in value[:-1] for mark in _STATED) else "\n".join(value)
        if step.lstrip("-").isdigit():
            return value[int(step)] if -len(value) <= int(step) < len(value) else None
        found = [_field(one, step) for one in value if isinstance(one, (dict, list))]
        return found if any(one is not None for one in found) else None
    return None


def _empty(value: Any) -> bool:
    return is_null(value) or (isinstance(value, list) and all(is_null(one) for one in value))
