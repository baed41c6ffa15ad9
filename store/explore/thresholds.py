"""What thresholds on the numbers of a row would keep, counted from the frame in memory: no query, no model.

The rows that are asked about are candidates: questions of a filter that the solution stage kept, so that each has a
chosen solution. Thresholds are a part of a filter like any other; what is counted here is what that filter lets
through. Knows no texts.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace

import numpy as np

from store.filters.filter import Filter, Range
from store.frame.bins import Bins
from store.frame.frame import Array, Frame, Selection
from store.records import STAGES

NUMBERS = ("difficulty", "reward", "agreement")
"""The numbers that have a threshold."""
NEAR = 5
"""Rows that are shown on each side of a threshold."""
DECIDED = 100
"""Decided rows at most whose accept rate is told."""
REACH = 0.05
"""How far from the threshold they may lie: a share of what the number's bins span, which is 1 for shares."""
_STRIDE = 64
_AFTER = STAGES[STAGES.index("solution") :]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A band of difficulty, floors of (the best) reward and of agreement, and whether near-duplicates may stay.

    An open end (None) asks nothing: rows without the number pass it. They fail any other.
    """

    difficulty: Range = (None, None)
    reward: float | None = None
    agreement: float | None = None
    duplicates: bool = True


@dataclass(frozen=True, slots=True)
class Edge:
    """One end of what thresholds let through; ``value`` None is an open end."""

    id: str
    name: str
    value: float | None
    upper: bool


@dataclass(frozen=True, slots=True)
class Base:
    """The candidates before any threshold. ``tokens``: of their chosen solutions, those with ``untold`` left out.

    ``topics`` in the frame's order; ``numbers``: bins, their counts and that of rows without the number;
    ``duplicates``: candidates that have near-duplicates.
    """

    count: int
    tokens: int
    untold: int
    topics: list[tuple[str | None, int]]
    numbers: dict[str, tuple[Bins, list[int], int]]
    duplicates: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What the thresholds keep of the candidates; ``pairs``: rows of it that are pairs as things stand.

    ``topics`` in the order of ``Base.topics``; ``fails``: by edge how many candidates it keeps out, and how many it
    alone does.
    """

    count: int
    pairs: int
    tokens: int
    topics: list[int]
    fails: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Decided:
    """Of the ``n`` decided rows nearest to a threshold, on either side and no farther than ``reach``, as many accepted;
    they span ``low`` to ``high`` (NaN where there are none).
    """

    accepted: int
    n: int
    reach: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Border:
    """Positions in the frame of the rows just kept and just dropped by one edge, nearest first, newest first among
    equals; all of them pass the other edges. An open end drops none; what it keeps would be dropped first.
    ``decided`` is None there, and for near-duplicates.
    """

    edge: Edge
    kept: list[int]
    dropped: list[int]
    decided: Decided | None


def split(asked: Filter) -> tuple[Filter, Thresholds]:
    """The candidates of a filter, and the thresholds that it has. Ends that no threshold is for stay in the filter."""
    off = asked.near_duplicates[1] == 0
    own = Thresholds(asked.difficulty, asked.reward[0], asked.agreement[0], not off)
    rest = replace(
        asked,
        difficulty=(None, None),
        reward=(None, asked.reward[1]),
        agreement=(None, asked.agreement[1]),
        near_duplicates=(None, None) if off else asked.near_duplicates,
        stage=asked.stage if asked.stage in _AFTER else "solution",
    )
    return rest, own


def join(rest: Filter, set_: Thresholds) -> Filter:
    """The filter that keeps what the thresholds keep of its candidates. InputError where an end lies beyond another."""
    duplicates = rest.near_duplicates if set_.duplicates else (rest.near_duplicates[0], 0.0)
    joined = replace(
        rest,
        difficulty=set_.difficulty,
        reward=(set_.reward, rest.reward[1]),
        agreement=(set_.agreement, rest.agreement[1]),
        near_duplicates=duplicates,
    )
    return Filter.from_json(joined.to_dict())


def edges(set_: Thresholds) -> list[Edge]:
    low, high = set_.difficulty
    return [
        Edge("difficulty_from", "difficulty", low, False),
        Edge("difficulty_to", "difficulty", high, True),
        Edge("reward", "reward", set_.reward, False),
        Edge("agreement", "agreement", set_.agreement, False),
        Edge("duplicates", "near_duplicates", None if set_.duplicates else 0.0, True),
    ]


def base(candidates: Selection) -> Base:
    """Count the candidates, a selection of what ``split`` gives."""
    frame, rows = candidates.frame, candidates.rows
    found = frame.counts(rows, (*NUMBERS, "topic"))
    tokens = frame.numbers["response_tokens"]
    return Base(
        int(np.count_nonzero(rows)),
        _tokens(frame, rows),
        int(np.count_nonzero(np.isnan(tokens) & rows)),
        list(zip(frame.values["topic"], found["topic"], strict=False)),
        {name: (frame.bins[name], found[name][:-1], found[name][-1]) for name in NUMBERS},
        int(np.count_nonzero((frame.numbers["near_duplicates"] > 0) & rows)),
    )


class Cut:
    """The thresholds on the candidates. About ten passes over the frame; nothing of it is remembered."""

    def __init__(self, candidates: Selection, set_: Thresholds) -> None:
        self.frame = candidates.frame
        self.edges = edges(set_)
        self._candidates = candidates
        self._fails = {edge.id: _fails(self.frame, edge) for edge in self.edges if edge.value is not None}
        self._misses = np.zeros(self.frame.size, np.uint8)
        for fails in self._fails.values():
            self._misses += fails.view(np.uint8)
        self.rows: Array = candidates.rows & (self._misses == 0)

    def kept(self) -> Kept:
        frame, rows = self.frame, self.rows
        alone = (self._misses == 1) & self._candidates.rows
        fails = {
            name: (int(np.count_nonzero(fails & self._candidates.rows)), int(np.count_nonzero(fails & alone)))
            for name, fails in self._fails.items()
        }
        return Kept(
            int(np.count_nonzero(rows)),
            int(np.count_nonzero(frame.pair & rows)),
            _tokens(frame, rows),
            _topics(frame, rows),
            fails,
        )

    def borders(self) -> list[Border]:
        """Both sides of every edge. The decisions are counted whatever statuses the filter asks for."""
        return [self._border(edge) for edge in self.edges]

    def _border(self, edge: Edge) -> Border:
        column = self.frame.numbers[edge.name]
        passing = self._passing(edge, self._candidates.rows)
        if edge.name == "near_duplicates":  # rows that have none say nothing of an end that can only be 0
            passing = passing & (column > 0)
        if edge.value is None:
            # the least of all, or the greatest: what the first step of a threshold would drop
            return Border(edge, _nearest(passing, column, -np.inf if not edge.upper else np.inf, NEAR), [], None)
        beyond = column > edge.value if edge.upper else column < edge.value
        kept = _nearest(passing & ~beyond, column, edge.value, NEAR)
        dropped = _nearest(passing & beyond, column, edge.value, NEAR)
        return Border(edge, kept, dropped, None if edge.name == "near_duplicates" else self._decided(edge))

    def _passing(self, edge: Edge, rows: Array) -> Array:
        """Those of some rows that pass every edge but this."""
        fails = self._fails.get(edge.id)
        passing: Array = rows & (self._misses == (0 if fails is None else fails.view(np.uint8)))
        return passing

    def _decided(self, edge: Edge) -> Decided:
        assert edge.value is not None
        statuses, span = self.frame.values["status"], self.frame.bins[edge.name].edges
        reach = REACH * (span[-1] - span[0])
        codes, column = self.frame.codes["status"], self.frame.numbers[edge.name]
        decided = np.array([*(status in ("accepted", "rejected") for status in statuses), False])
        rows = decided[codes] & (np.abs(column - edge.value) <= reach * (1 + 1e-9))
        near = _nearest(self._passing(edge, rows & self._candidates.but("status")), column, edge.value, DECIDED)
        accepted = sum(statuses[codes[at]] == "accepted" for at in near)
        ends = (float(column[near].min()), float(column[near].max())) if near else (np.nan, np.nan)
        return Decided(accepted, len(near), reach, *ends)


def _fails(frame: Frame, edge: Edge) -> Array:
    column = frame.numbers[edge.name]
    assert edge.value is not None
    end = np.float64(edge.value)  # in the filter's own precision: an end is a 64-bit number in SQL too
    passes: Array = column <= end if edge.upper else column >= end
    return ~passes  # what is NaN passes nothing


def _topics(frame: Frame, rows: Array) -> list[int]:
    """Counts of some rows by topic. Each topic is looked for: at a million rows, a tenth of what gathering takes."""
    codes = frame.codes["topic"]
    return [int(np.count_nonzero(rows & (codes == code))) for code in range(len(frame.values["topic"]))]


_tokens_of: weakref.WeakKeyDictionary[Frame, Array] = weakref.WeakKeyDictionary()
"""The tokens of each row as a factor, 0 where they are not known: their sum over some rows is one product."""


def _tokens(frame: Frame, rows: Array) -> int:
    known = _tokens_of.get(frame)
    if known is None:
        known = np.nan_to_num(frame.numbers["response_tokens"].astype(np.float64))
        _tokens_of[frame] = known
    return int(np.dot(known, rows.astype(np.float64)))  # exact: whole numbers far below 2 ** 53


def _nearest(rows: Array, column: Array, to: float, count: int) -> list[int]:
    """The positions, among some rows that have a number, of those nearest to a value; newest first among equals."""
    away = np.abs(column - to) if np.isfinite(to) else -np.sign(to) * column
    # as many of a sample of the rows are no nearer than those of all: all that lie beyond need no look
    some = away[::_STRIDE][rows[::_STRIDE]]
    some = some[~np.isnan(some)]
    limit = np.partition(some, count - 1)[count - 1] if len(some) >= count else np.inf
    at = np.flatnonzero(rows & (away <= limit))
    away = away[at]
    if len(at) > count:
        last = np.partition(away, count - 1)[count - 1]
        closer, equal = np.flatnonzero(away < last), np.flatnonzero(away == last)
        keep = np.concatenate([closer, equal[len(equal) - (count - len(closer)) :]])
        at, away = at[keep], away[keep]
    found: list[int] = at[np.lexsort((-at, away))].tolist()
    return found
