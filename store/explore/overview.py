"""A first look at runs: their funnel, their distributions and a few of their pairs.

Every distribution counts all questions of the runs, dropped ones included, and separately the pairs. Counts come from
the frame in memory; only the texts of the pairs query the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from store.database.outcomes import FunnelRow, funnel
from store.database.sources import Source
from store.database.views import narrowed
from store.frame.cache import read_cursor
from store.frame.frame import Array, Frame

BINS = 20


@dataclass(frozen=True, slots=True)
class Bin:
    """``label`` of a category, or the range [low, high) of a number (the last one closed); counts of questions."""

    label: str
    low: float | None
    high: float | None
    every: int
    kept: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair as an overview shows it; ``difficulty`` and ``reward`` are None where they were not computed."""

    question_id: str
    query: str
    response: str
    topic: str | None
    difficulty: float | None
    reward: float | None
    agreement: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """``counts`` by name: difficulty, reward, agreement, topic, length (characters of the question)."""

    funnel: list[FunnelRow]
    counts: dict[str, list[Bin]]
    pairs: list[Pair]


_NUMBERS = {"difficulty": "difficulty", "reward": "reward", "agreement": "agreement", "length": "query_chars"}


def overview(source: Source, frame: Frame, runs: Sequence[str], pairs: int = 3) -> Overview:
    """The overview of these runs taken together; empty lists for runs without rows.

    The pairs are spread over the difficulty: from each of ``pairs`` equal parts, from easy to hard, the best reward.
    """
    rows = _rows(frame, runs)
    counts = {name: counted for name, (counted,) in _counts(frame, [rows]).items()}
    outcomes = frame.counts(rows, ["stage_path"])["stage_path"]
    return Overview(funnel(frame.stage_paths, outcomes), counts, _pairs(source, frame, rows, pairs))


def compared(frame: Frame, first: str, second: str) -> dict[str, tuple[list[Bin], list[Bin]]]:
    """The distributions of two runs, by name as in ``Overview.counts``, on the same bins; both empty where neither
    run has a value."""
    selections = [_rows(frame, [run]) for run in (first, second)]
    return {name: (one, other) for name, (one, other) in _counts(frame, selections).items()}


def _rows(frame: Frame, runs: Sequence[str]) -> Array:
    """Which rows belong to one of the runs."""
    of = np.array([run in runs for run in frame.values["run"]], bool)
    return of[frame.codes["run"]] if frame.size else np.zeros(0, bool)


def _counts(frame: Frame, selections: Sequence[Array]) -> dict[str, list[list[Bin]]]:
    """Every distribution: the counts of each selection of rows, on the same bins."""
    counts = {name: _numbers(frame, column, selections) for name, column in _NUMBERS.items()}
    return counts | {"topic": _topics(frame, selections)}


def _numbers(frame: Frame, column: str, selections: Sequence[Array]) -> list[list[Bin]]:
    """Equal bins over the range of the values, over [0, 1] for shares."""
    values = frame.numbers[column]
    known = np.isfinite(values)
    found = [np.flatnonzero(rows & known) for rows in selections]
    ends = [(float(values[at].min()), float(values[at].max())) for at in found if len(at)]
    if not ends:
        return [[] for _ in selections]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    if column in ("difficulty", "agreement"):
        low, high = 0.0, 1.0
    width = (high - low) / BINS or 1.0
    edges = [(low + i * width, low + (i + 1) * width) for i in range(BINS)]
    counted = []
    for at in found:
        bins = np.clip(np.floor((values[at] - low) / width), 0, BINS - 1).astype(np.int64)
        every, kept = (np.bincount(b, minlength=BINS).tolist() for b in (bins, bins[frame.pair[at]]))
        counted.append([Bin(f"{a:.4g} to {b:.4g}", a, b, every[i], kept[i]) for i, (a, b) in enumerate(edges)])
    return counted


def _topics(frame: Frame, selections: Sequence[Array]) -> list[list[Bin]]:
    """The topics that any selection has, most frequent first."""
    every = [frame.counts(rows, ["topic"])["topic"] for rows in selections]
    kept = [frame.counts(rows & frame.pair, ["topic"])["topic"] for rows in selections]
    totals = np.sum(every, axis=0)
    named = [(topic, code) for code, topic in enumerate(frame.values["topic"]) if topic is not None and totals[code]]
    order = sorted(named, key=lambda entry: (-totals[entry[1]], entry[0]))
    return [
        [Bin(topic, None, None, e[code], k[code]) for topic, code in order] for e, k in zip(every, kept, strict=True)
    ]


def _pairs(source: Source, frame: Frame, rows: Array, n: int) -> list[Pair]:
    """The pair with the best reward from each of n equal parts by difficulty, from easy to hard."""
    at = np.flatnonzero(rows & frame.pair)
    if not n or not len(at):
        return []
    difficulty = frame.numbers["difficulty"][at]
    at = at[np.argsort(np.where(np.isnan(difficulty), -1.0, difficulty), kind="stable")]
    rewards = np.nan_to_num(frame.numbers["reward"], nan=-np.inf)
    chosen = [int(part[np.lexsort((part, -rewards[part]))[0]]) for part in np.array_split(at, n) if len(part)]
    query = f"""
        SELECT question_id, query, response, topic, difficulty, reward, agreement FROM ({narrowed("pairs")})"""
    with read_cursor(source) as cursor:
        found = [Pair(*row) for row in cursor.execute(query, {"q": frame.q[chosen].tolist()}).fetchall()]
    order = [frame.key(position) for position in chosen]
    return sorted(found, key=lambda pair: order.index(pair.question_id))
