"""What exploring asks: how many questions a filter lets through on every chart, and a page of them.

Counts come from the frame in memory; only the texts of the page that is shown, and a search (``search.py``), ask the
database. A frame is read again when the rows have changed, by ``Frames``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from store.database.run_queries import FunnelRow
from store.database.sources import Source
from store.database.views import narrowed
from store.filters.filter import Filter
from store.frame.cache import asking
from store.frame.frame import COUNTED, NUMBERS, Array, Frame, Selection
from store.map import tiles
from store.records import STAGES
from store.search import search

PAGE = 50
_CUT = 400
"""Characters of a question that a page shows."""


@dataclass(frozen=True, slots=True)
class Row:
    """A question as the table shows it; ``query`` is cut, None where the question is gone since."""

    question_id: str
    query: str | None
    topic: str | None
    difficulty: float | None
    reward: float | None
    agreement: float | None
    samples: int
    status: str
    drop_stage: str | None
    drop_reason: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """``rows`` are those from number ``start`` (from 0) on, of ``total``."""

    rows: list[Row]
    start: int
    total: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question stands among those of the filter; ``number`` (from 0) is None where it is not among them."""

    number: int | None
    total: int
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of questions. Each chart and each facet ignores its own condition, the funnel that on ``drop_stage``.

    ``numbers``: counts of the frame's bins and of the nulls, by name. ``values``: counts in the order of the frame's
    values (of ``drop_stage``: of STAGES and last of what was not dropped).
    """

    count: int
    pairs: int
    numbers: dict[str, tuple[list[int], int]]
    values: dict[str, list[tuple[str | None, int]]]
    funnel: list[FunnelRow]


def select(source: Source, frame: Frame, asked: Filter, *, more: bool = True) -> Selection:
    """A filter's rows. A search that was stopped is not an error: it goes on when it is selected again with ``more``
    (``search.of(source).partial`` tells). InputError for an area that was drawn on another map.
    """
    searches = search.of(source)
    searches.wake(source, frame)

    def looked_up(name: str, value: Any) -> Array:
        if name == "area":
            return tiles.fails(source, frame, value)
        return ~searches.find(source, frame, name, value, more=more).passes

    return Selection(frame, asked, looked_up)


def tally(chosen: Selection) -> Tally:
    """Count what a selection lets through, for every chart and facet."""
    frame = chosen.frame
    asked = {name: "stage_path" if name == "drop_stage" else name for name in (*NUMBERS, *COUNTED)}
    # those whose own condition does not matter are counted together, on the same rows
    common = [counted for name, counted in asked.items() if name not in chosen.parts]
    found = frame.counts(chosen.rows, common) if chosen.parts else frame.totals
    for name, counted in asked.items():
        if name in chosen.parts:
            found |= frame.counts(chosen.but(name), [counted])
    values = {
        name: list(zip(frame.values[name], found[name], strict=False)) for name in COUNTED if name != "drop_stage"
    }
    values["drop_stage"] = _stages(frame, found["stage_path"])
    return Tally(
        int(np.count_nonzero(chosen.rows)),
        int(np.count_nonzero(frame.pair & chosen.rows)),
        {name: (found[name][:-1], found[name][-1]) for name in NUMBERS},
        values,
        funnel(frame, found["stage_path"]),
    )


def _stages(frame: Frame, ways: Sequence[int]) -> list[tuple[str | None, int]]:
    found: dict[str | None, int] = dict.fromkeys((*STAGES, None), 0)
    for way, count in zip(frame.stage_paths, ways, strict=False):
        found[way.drop_stage] += count
    return list(found.items())


def funnel(frame: Frame, ways: Sequence[int]) -> list[FunnelRow]:
    """As the view ``funnel`` counts."""
    total = sum(ways)
    rows = [FunnelRow("generated", total, total, 0, 0)]
    counted = list(zip(frame.stage_paths, ways, strict=False))
    for stage, before in zip(STAGES, (None, *STAGES), strict=False):
        kept = sum(count for way, count in counted if way.was(stage) is True)
        dropped = sum(count for way, count in counted if way.was(stage) is False)
        waits = (way for way in counted if way[0].was(stage) is None)
        pending = sum(count for way, count in waits if before is None or way.was(before) is True)
        rows.append(FunnelRow(stage, kept + dropped, kept, dropped, pending))
    return rows


def best_removal(source: Source, frame: Frame, asked: Filter) -> tuple[str, int] | None:
    """The part of the filter without which most questions come back, and how many; None where no single part does."""
    chosen = select(source, frame, asked, more=False)
    found = [(int(np.count_nonzero(chosen.but(name))), name) for name in chosen.parts]
    count, name = max(found, default=(0, ""))
    return (name, count) if count else None


def page(
    source: Source,
    chosen: Selection,
    by: str = "newest",
    descending: bool = True,
    *,
    after: str | None = None,
    before: str | None = None,
    at: str | None = None,
    best: Array | None = None,
) -> Page:
    """PAGE rows in order (nulls last, ties from newest to oldest): the first, those after or before a question, or
    the page that holds it. A question that the filter does not let through is a place in the order all the same; one
    that is unknown is the beginning. ``best``: the order is theirs, who are positions and all that a search found.
    """
    frame = chosen.frame
    matching, rank = _matching(chosen, by, descending, best)
    start = 0
    key = next((k for k in (after, before, at) if k is not None), None)
    place = frame.place(key) if key is not None else None
    if place is not None:
        ranks = rank[matching]
        if after is not None:
            start = int(np.searchsorted(ranks, rank[place], side="right"))
        elif before is not None:
            start = max(int(np.searchsorted(ranks, rank[place])) - PAGE, 0)
        else:
            start = int(np.searchsorted(ranks, rank[place])) // PAGE * PAGE
    total = len(matching)
    if start >= total:  # the rows after it are gone
        start = max(total - 1, 0) // PAGE * PAGE
    return Page(rows_at(source, frame, matching[start : start + PAGE].tolist()), start, total)


def place(
    chosen: Selection, key: str, by: str = "newest", descending: bool = True, *, best: Array | None = None
) -> Place:
    """Where a question stands in the order, and its neighbours."""
    frame = chosen.frame
    matching, rank = _matching(chosen, by, descending, best)
    at = frame.place(key)
    if at is None:
        return Place(None, len(matching), None, None)
    number = int(np.searchsorted(rank[matching], rank[at]))
    here = number < len(matching) and matching[number] == at
    before, after = number - 1, number + 1 if here else number
    return Place(
        number if here else None,
        len(matching),
        frame.key(int(matching[before])) if before >= 0 else None,
        frame.key(int(matching[after])) if after < len(matching) else None,
    )


def _matching(chosen: Selection, by: str, descending: bool, best: Array | None) -> tuple[Array, Array]:
    """The selection's positions in order, and every position's rank."""
    if best is None:
        order, rank = chosen.frame.order(by, descending)
    else:
        order, rank = best, np.full(chosen.frame.size, len(best), np.int32)
        rank[best] = np.arange(len(best), dtype=np.int32)
    return order[chosen.rows[order]], rank


def rows_at(source: Source, frame: Frame, positions: Sequence[int]) -> list[Row]:
    """The rows at some positions of the frame, in the order asked, with their texts."""
    texts = _texts(source, frame, positions)

    def value(name: str, at: int) -> Any:
        return frame.values[name][frame.codes[name][at]]

    def number(name: str, at: int) -> float | None:
        found = float(frame.numbers[name][at])
        return found if np.isfinite(found) else None

    return [
        Row(
            key := frame.key(at),
            texts.get(key),
            value("topic", at),
            number("difficulty", at),
            number("reward", at),
            number("agreement", at),
            int(frame.numbers["n_solutions"][at]),
            value("status", at),
            frame.stage_paths[frame.stage_path[at]].drop_stage,
            value("drop_reason", at),
        )
        for at in positions
    ]


def _texts(source: Source, frame: Frame, positions: Sequence[int]) -> dict[str, str]:
    """The questions' texts by id, cut; a reviewer's where one edited."""
    if not positions:
        return {}
    wanted = {"q": frame.q[list(positions)].tolist()}
    edited = {"q": [int(frame.q[at]) for at in positions if frame.edited[at]]}
    with asking(source) as cursor:
        query = f"SELECT question_id, left(text, {_CUT}) FROM ({narrowed('questions')})"
        found = dict(cursor.execute(query, wanted).fetchall())
        if edited["q"]:
            query = f"SELECT question_id, left(query, {_CUT}) FROM ({narrowed('items')})"
            found |= dict(cursor.execute(query, edited).fetchall())
    return found
