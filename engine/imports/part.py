"""Some thousand questions with their samples, as columns: what the reader makes and the store's tables are made of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.data.rows import Row
from engine.imports.rates import Rate
from store.database.arrow import as_json

PER_SAMPLE = "per_sample"
"""In ``extra`` of a question of several rows: what differs between its rows, one object a sample."""


@dataclass(slots=True)
class Part:
    """Columns of some thousand questions, in the file's order, and the rows refused among them.

    ``samples``: the texts of each question. By question, where any sample has one, in the order of the samples:
    ``reasoning``, ``rewards``, ``cut`` (whether the text was cut off), ``solvers`` and ``verdicts`` (of preference data
    with labels). Also by question: ``rejected`` (the sample that preference data rejects), ``contexts`` (earlier turns
    of a chat), ``rates``, and ``exported`` (further fields of our own exports). The columns from ``generators`` to
    ``difficulties`` stay empty where no column of the file is mapped to them. ``unread``: by field, the rows in which
    its value cannot be read; ``grouped``: rows that became samples of a question of an earlier row.
    """

    read: int = 0
    texts: list[str] = field(default_factory=list)
    samples: list[list[str]] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    generators: list[str | None] = field(default_factory=list)
    references: list[str | None] = field(default_factory=list)
    topics: list[str | None] = field(default_factory=list)
    levels: list[str | None] = field(default_factory=list)
    difficulties: list[float | None] = field(default_factory=list)
    reasoning: dict[int, list[str | None]] = field(default_factory=dict)
    rewards: dict[int, list[float | None]] = field(default_factory=dict)
    cut: dict[int, list[bool | None]] = field(default_factory=dict)
    solvers: dict[int, list[str | None]] = field(default_factory=dict)
    verdicts: dict[int, list[bool | None]] = field(default_factory=dict)
    rejected: dict[int, int] = field(default_factory=dict)
    contexts: dict[int, str] = field(default_factory=dict)
    rates: dict[int, list[Rate]] = field(default_factory=dict)
    exported: dict[int, Row] = field(default_factory=dict)
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)
    grouped: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    def append(self, one: Part) -> None:
        """Add the question of another part, which has one."""
        place = len(self.texts)
        for name in _COLUMNS:
            getattr(self, name).extend(getattr(one, name))
        for name in (*_PER_SAMPLE, *_SPARSE):
            for value in getattr(one, name).values():
                getattr(self, name)[place] = value
        self.unread.update(one.unread)

    def join(self, place: int, one: Part) -> None:
        """Add the samples of another part's question to the question at ``place``; its ``extra`` is the caller's."""
        before, more = len(self.samples[place]), len(one.samples[0])
        for name in _PER_SAMPLE:
            mine, theirs = getattr(self, name), getattr(one, name)
            if place in mine or theirs:
                mine[place] = _padded(mine.get(place, ()), before) + _padded(theirs.get(0, ()), more)
        self.samples[place] += one.samples[0]
        for rate in one.rates.get(0, ()):
            if rate not in self.rates.setdefault(place, []):
                self.rates[place].append(rate)
        self.unread.update(one.unread)
        self.grouped += 1


_COLUMNS = ("texts", "samples", "extra", "generators", "references", "topics", "levels", "difficulties")
_PER_SAMPLE = ("reasoning", "rewards", "cut", "solvers", "verdicts")
_SPARSE = ("rejected", "contexts", "rates", "exported")


def _padded(values: Sequence[Any], size: int) -> list[Any]:
    return [*values, *[None] * (size - len(values))]


def merged_extra(several: Sequence[str], sizes: Sequence[int]) -> str:
    """The extra of rows that are one question: what is equal in all, and by sample what differs."""
    if all(one == several[0] for one in several):
        return several[0]
    rows = [json.loads(one) for one in several]
    names = dict.fromkeys(name for row in rows for name in row)
    shared = [
        name
        for name in names
        if all(name in row for row in rows) and len({json.dumps(row[name], sort_keys=True) for row in rows}) == 1
    ]
    common = {name: rows[0][name] for name in shared}
    own = [{name: one for name, one in row.items() if name not in common} for row in rows]
    key = PER_SAMPLE if PER_SAMPLE not in names else f"_{PER_SAMPLE}"
    return to_json({**common, key: [one for one, size in zip(own, sizes, strict=True) for _ in range(max(1, size))]})


def to_json(row: Row) -> str:
    """A row as JSON in UTF-8, whole numbers of any size exactly."""
    try:
        return orjson.dumps(row, default=str).decode()
    except TypeError:  # a whole number of more than 64 bits, half a surrogate pair
        return as_json(row).encode("utf-8", "replace").decode()
