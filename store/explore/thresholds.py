"""What thresholds on the numbers of a row would keep, counted from the frame in memory.

The candidates are the questions of a filter that the solution stage kept, so that each has a chosen solution.
Thresholds are parts of a filter like any other.
"""

import weakref
from dataclasses import dataclass, replace

import numpy as np

from store.filters.filter import Filter
from store.filters.ranges import Range
from store.frame.bins import Bins
from store.frame.frame import Array, Frame, Selection
from store.records import STAGES

NUMBERS = ("difficulty", "pass_rate", "reward", "agreement")
"""The numbers that have a threshold."""
NEAR = 5
"""Example rows on each side of a threshold."""
DECIDED = 100
"""An accept rate near a threshold is of at most so many decided rows."""
REACH = 0.05
"""Their largest distance from the threshold, as a share of the span of the number's bins."""
_STRIDE = 64
_AFTER = STAGES[STAGES.index("solution") :]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Bands of difficulty and of the pass rate, minima of the best reward and of agreement, and whether near-duplicates
    are kept. The filter names the pass rate's model.

    Rows without a number pass an open end (None) and fail any other.
    """

    difficulty: Range = (None, None)
    reward: float | None = None
    agreement: float | None = None
    duplicates: bool = True
    pass_rate: Range = (None, None)


@dataclass(frozen=True, slots=True)
class Edge:
    """One threshold; ``value`` is None where it is open. ``upper``: it is a maximum."""

    id: str
    name: str
    value: float | None
    upper: bool


@dataclass(frozen=True, slots=True)
class CandidateCounts:
    """The candidates before any threshold. ``tokens`` and ``chars`` (reasoning included) of their chosen solutions;
    ``unknown_tokens``: solutions whose tokens nobody counted, as those of imports. ``topics`` in the frame's order.
    ``numbers``: bins, their counts, and rows without the number. ``duplicates``: candidates that have near-duplicates.
    """

    count: int
    tokens: int
    chars: int
    unknown_tokens: int
    topics: list[tuple[str | None, int]]
    numbers: dict[str, tuple[Bins, list[int], int]]
    duplicates: int


@dataclass(frozen=True, slots=True)
class KeptCounts:
    """What the thresholds keep; ``pairs``: the kept rows that are pairs now. ``topics`` as ``CandidateCounts.topics``;
    ``fails``: by edge the candidates that fail it, and how many of them fail only this edge. ``correct``: the kept rows
    by how their chosen solution compares with the gold answer; rows without a gold answer under None.
    """

    count: int
    pairs: int
    tokens: int
    chars: int
    topics: list[int]
    fails: dict[str, tuple[int, int]]
    correct: dict[str | None, int]


@dataclass(frozen=True, slots=True)
class NearbyDecisions:
    """``accepted`` of the ``n`` decided rows nearest to a threshold, on both sides within ``reach``; their numbers go
    from ``low`` to ``high`` (NaN for no rows).
    """

    accepted: int
    n: int
    reach: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Border:
    """Frame positions of the rows that one edge just keeps and just drops, nearest first, newest first among equals;
    all pass the other edges. An open end drops none; ``kept`` has the rows that a threshold would drop first.
    ``decided`` is None for an open end and for near-duplicates.
    """

    edge: Edge
    kept: list[int]
    dropped: list[int]
    decided: NearbyDecisions | None


def split(filter_: Filter) -> tuple[Filter, Thresholds]:
    """The filter of the candidates, and the thresholds. Conditions that are not thresholds stay in the filter."""
    drops_duplicates = filter_.near_duplicates[1] == 0
    floors = filter_.reward[0], filter_.agreement[0]
    thresholds = Thresholds(filter_.difficulty, *floors, not drops_duplicates, filter_.rate_range)
    rest = replace(
        filter_.with_rate_range((None, None)),
        difficulty=(None, None),
        reward=(None, filter_.reward[1]),
        agreement=(None, filter_.agreement[1]),
        near_duplicates=(None, None) if drops_duplicates else filter_.near_duplicates,
        stage=filter_.stage if filter_.stage in _AFTER else "solution",
    )
    return rest, thresholds


def join(rest: Filter, thresholds: Thresholds) -> Filter:
    """The inverse of ``split``. InputError where a lower end exceeds an upper one."""
    duplicates = rest.near_duplicates if thresholds.duplicates else (rest.near_duplicates[0], 0.0)
    joined = replace(
        rest.with_rate_range(thresholds.pass_rate),
        difficulty=thresholds.difficulty,
        reward=(thresholds.reward, rest.reward[1]),
        agreement=(thresholds.agreement, rest.agreement[1]),
        near_duplicates=duplicates,
    )
    return Filter.from_json(joined.to_dict())


def edges(thresholds: Thresholds) -> list[Edge]:
    bands = {"difficulty": thresholds.difficulty, "pass_rate": thresholds.pass_rate}
    return [
        *(
            Edge(f"{name}_{end}", name, value, end == "to")
            for name, band in bands.items()
            for end, value in zip(("from", "to"), band, strict=True)
        ),
        Edge("reward", "reward", thresholds.reward, False),
        Edge("agreement", "agreement", thresholds.agreement, False),
        Edge("duplicates", "near_duplicates", None if thresholds.duplicates else 0.0, True),
    ]


def count_candidates(candidates: Selection) -> CandidateCounts:
    """Count a selection by the filter that ``split`` gives."""
    frame, rows = candidates.frame, candidates.rows
    counts = frame.counts(rows, (*NUMBERS, "topic"))
    tokens = frame.numbers["response_tokens"]
    return CandidateCounts(
        int(np.count_nonzero(rows)),
        _total(frame, "response_tokens", rows),
        _total(frame, "response_chars", rows),
        int(np.count_nonzero(np.isnan(tokens) & rows)),
        list(zip(frame.values["topic"], counts["topic"], strict=False)),
        {name: (frame.bins[name], counts[name][:-1], counts[name][-1]) for name in NUMBERS},
        int(np.count_nonzero((frame.numbers["near_duplicates"] > 0) & rows)),
    )


class ThresholdedSelection:
    """The candidates that pass the thresholds, in about ten passes over the frame."""

    def __init__(self, candidates: Selection, thresholds: Thresholds) -> None:
        self.frame = candidates.frame
        self.edges = edges(thresholds)
        self._candidates = candidates
        self._fails = {edge.id: _fails(self.frame, edge) for edge in self.edges if edge.value is not None}
        self._failed = np.zeros(self.frame.size, np.uint8)
        for fails in self._fails.values():
            self._failed += fails.view(np.uint8)
        self.rows: Array = candidates.rows & (self._failed == 0)

    def kept(self) -> KeptCounts:
        frame, rows = self.frame, self.rows
        alone = (self._failed == 1) & self._candidates.rows
        fails = {
            name: (int(np.count_nonzero(fails & self._candidates.rows)), int(np.count_nonzero(fails & alone)))
            for name, fails in self._fails.items()
        }
        return KeptCounts(
            int(np.count_nonzero(rows)),
            int(np.count_nonzero(frame.pair & rows)),
            _total(frame, "response_tokens", rows),
            _total(frame, "response_chars", rows),
            _topics(frame, rows),
            fails,
            dict(zip(frame.values["correct"], frame.counts(rows, ["correct"])["correct"], strict=False)),
        )

    def borders(self) -> list[Border]:
        """Both sides of every edge. Decisions are counted regardless of the filter's status."""
        return [self._border(edge) for edge in self.edges]

    def _border(self, edge: Edge) -> Border:
        column = self.frame.numbers[edge.name]
        passing = self._passing(edge, self._candidates.rows)
        if edge.name == "near_duplicates":  # the maximum can only be 0: rows without any are not near it
            passing = passing & (column > 0)
        if edge.value is None:
            # the smallest, or the greatest: what a threshold would drop first
            return Border(edge, _nearest(passing, column, -np.inf if not edge.upper else np.inf, NEAR), [], None)
        beyond = column > edge.value if edge.upper else column < edge.value
        kept = _nearest(passing & ~beyond, column, edge.value, NEAR)
        dropped = _nearest(passing & beyond, column, edge.value, NEAR)
        return Border(edge, kept, dropped, None if edge.name == "near_duplicates" else self._decided_nearby(edge))

    def _passing(self, edge: Edge, rows: Array) -> Array:
        """The rows that pass every edge but this."""
        fails = self._fails.get(edge.id)
        passing: Array = rows & (self._failed == (0 if fails is None else fails.view(np.uint8)))
        return passing

    def _decided_nearby(self, edge: Edge) -> NearbyDecisions:
        assert edge.value is not None
        statuses, span = self.frame.values["status"], self.frame.bins[edge.name].edges
        reach = REACH * (span[-1] - span[0])
        codes, column = self.frame.codes["status"], self.frame.numbers[edge.name]
        decided = np.array([*(status in ("accepted", "rejected") for status in statuses), False])
        rows = decided[codes] & (np.abs(column - edge.value) <= reach * (1 + 1e-9))
        near = _nearest(self._passing(edge, rows & self._candidates.but("status")), column, edge.value, DECIDED)
        accepted = sum(statuses[codes[at]] == "accepted" for at in near)
        ends = (float(column[near].min()), float(column[near].max())) if near else (np.nan, np.nan)
        return NearbyDecisions(accepted, len(near), reach, *ends)


def _fails(frame: Frame, edge: Edge) -> Array:
    column = frame.numbers[edge.name]
    assert edge.value is not None
    end = np.float64(edge.value)  # 64 bits, as in SQL
    passes: Array = column <= end if edge.upper else column >= end
    return ~passes  # NaN fails


def _topics(frame: Frame, rows: Array) -> list[int]:
    """Counts by topic. One comparison for each topic takes a tenth of the time of a gather at a million rows."""
    codes = frame.codes["topic"]
    return [int(np.count_nonzero(rows & (codes == code))) for code in range(len(frame.values["topic"]))]


_lengths_of: weakref.WeakKeyDictionary[Frame, dict[str, Array]] = weakref.WeakKeyDictionary()
"""Lengths by name and row, 0 where unknown: a sum over selected rows is a dot product."""


def _total(frame: Frame, name: str, rows: Array) -> int:
    known = _lengths_of.setdefault(frame, {})
    if name not in known:
        known[name] = np.nan_to_num(frame.numbers[name].astype(np.float64))
    return int(np.dot(known[name], rows.astype(np.float64)))  # exact: whole numbers far below 2 ** 53


def _nearest(rows: Array, column: Array, to: float, count: int) -> list[int]:
    """The positions of the ``count`` rows whose number is nearest to a value; newest first among equals."""
    away = np.abs(column - to) if np.isfinite(to) else -np.sign(to) * column
    # the result lies within the count-th distance of a sample: rows beyond it are skipped
    sample = away[::_STRIDE][rows[::_STRIDE]]
    sample = sample[~np.isnan(sample)]
    limit = np.partition(sample, count - 1)[count - 1] if len(sample) >= count else np.inf
    at = np.flatnonzero(rows & (away <= limit))
    away = away[at]
    if len(at) > count:
        last = np.partition(away, count - 1)[count - 1]
        closer, equal = np.flatnonzero(away < last), np.flatnonzero(away == last)
        keep = np.concatenate([closer, equal[len(equal) - (count - len(closer)) :]])
        at, away = at[keep], away[keep]
    nearest: list[int] = at[np.lexsort((-at, away))].tolist()
    return nearest
