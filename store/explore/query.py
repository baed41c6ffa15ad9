"""Exploring questions: counts of a filter's rows for every chart, a page of them, and all of them for writing.

Counts come from the frame in memory; only the texts of a page and a search (``search.py``) query the database.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from store.database.outcomes import FunnelRow, funnel
from store.database.sources import Source
from store.database.views import chosen_texts, narrowed
from store.database.workspace import Workspace
from store.errors import InputError
from store.explore import flags
from store.filters.filter import Filter
from store.frame.cache import Frames, read_cursor
from store.frame.frame import COUNTED, NUMBERS, Array, Frame, Selection
from store.map.tiles import outside_area
from store.records import STAGES
from store.search import search

PAGE = 50
SEARCH_SECONDS = 60.0
"""How long ``all_rows`` searches texts before it gives up."""
_CUT = 400
"""Characters of a question on a page."""


@dataclass(frozen=True, slots=True)
class Row:
    """A question in the table. ``query`` is cut, and None where the question was deleted meanwhile. ``answer`` and
    ``solution`` (cut) are of the chosen solution; they are read only on demand."""

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
    correct: str | None
    pass_rate: float | None
    run: str
    generator: str
    level: str | None
    query_chars: int | None
    response_chars: int | None
    near_duplicates: int
    contaminated: bool | None
    majority: str | None
    novelty: float | None
    answer: str | None = None
    solution: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """``start``: the number of the first row, from 0; ``total``: rows of all pages."""

    rows: list[Row]
    start: int
    total: int


@dataclass(frozen=True, slots=True)
class Place:
    """A question's ``number`` (from 0) in a sorted selection, None where it is not selected, and its neighbours."""

    number: int | None
    total: int
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of questions. Each chart and facet ignores its own condition; the funnel ignores that on ``drop_stage``.

    ``numbers``: by name the counts of the frame's bins, and that of the nulls. ``values``: counts in the order of the
    frame's values; of ``drop_stage`` in the order of STAGES, then of the questions that were not dropped. ``flags``: as
    in ``flags.py``.
    """

    count: int
    pairs: int
    numbers: dict[str, tuple[list[int], int]]
    values: dict[str, list[tuple[str | None, int]]]
    flags: dict[str, dict[bool | None, int]]
    funnel: list[FunnelRow]


def select(source: Source, frame: Frame, filter_: Filter, *, more: bool = True) -> Selection:
    """The rows of a filter, in the frame with the pass rates of its model. A search that hit its time limit is
    continued by the next call with ``more``; ``search.of(source).partial`` tells whether there is one. InputError for
    an area that was drawn on another map.
    """
    searches = search.of(source)
    searches.wake(source, frame)

    def failing(name: str, value: Any) -> Array:
        if name == "area":
            return outside_area(source, frame, value)
        return ~searches.find(source, frame, name, value, more=more).passes

    return Selection(frame.of_model(filter_.rate_model), filter_, failing)


def all_rows(workspace: Workspace, frames: Frames, filter_: Filter) -> tuple[Frame, Array]:
    """A frame of all current rows, and the filter's positions in it, oldest first: bulk actions and queues must not
    rest on a sample, old rows or an unfinished search. InputError where searching takes over a minute.
    """
    frame = frames.of(workspace, now=True)
    end = time.monotonic() + SEARCH_SECONDS
    while True:
        selection = select(workspace, frame, filter_)
        if not (unfinished := search.of(workspace).partial(frame, filter_)):
            return frame, np.flatnonzero(selection.rows)
        if time.monotonic() > end:
            part = unfinished[0]
            problem = f"has searched {part.searched:,} of {part.total:,} questions in {SEARCH_SECONDS:.0f} seconds"
            raise InputError(f"filter.{part.name}", getattr(filter_, part.name), problem, "search for words instead")


def tally(selection: Selection) -> Tally:
    """Count a selection for every chart and facet."""
    frame = selection.frame
    columns = {name: "stage_path" if name == "drop_stage" else name for name in (*NUMBERS, *COUNTED)}
    # charts without a condition of their own are counted together, on the same rows
    common = [column for name, column in columns.items() if name not in selection.parts]
    counts = frame.counts(selection.rows, common) if selection.parts else frame.totals
    for name, column in columns.items():
        if name in selection.parts:
            counts |= frame.counts(selection.but(name), [column])
    values = {
        name: list(zip(frame.values[name], counts[name], strict=False)) for name in COUNTED if name != "drop_stage"
    }
    drop_stages: dict[str | None, int] = dict.fromkeys((*STAGES, None), 0)
    for path, count in zip(frame.stage_paths, counts["stage_path"], strict=False):
        drop_stages[path.drop_stage] += count
    return Tally(
        int(np.count_nonzero(selection.rows)),
        int(np.count_nonzero(frame.pair & selection.rows)),
        {name: (counts[name][:-1], counts[name][-1]) for name in NUMBERS},
        {**values, "drop_stage": list(drop_stages.items())},
        flags.counts(selection),
        funnel(frame.stage_paths, counts["stage_path"]),
    )


def best_removal(source: Source, frame: Frame, filter_: Filter) -> tuple[str, int] | None:
    """The part of the filter whose removal gives the most questions, and their number; None where none helps."""
    selection = select(source, frame, filter_, more=False)
    counts = [(int(np.count_nonzero(selection.but(name))), name) for name in selection.parts]
    count, name = max(counts, default=(0, ""))
    return (name, count) if count else None


def page(
    source: Source,
    selection: Selection,
    by: str = "newest",
    descending: bool = True,
    *,
    after: str | None = None,
    before: str | None = None,
    at: str | None = None,
    best: Array | None = None,
    texts: bool = False,
) -> Page:
    """PAGE rows in order (nulls last, ties from newest to oldest): the first ones, those after or before a question, or
    the page that holds one. That question need not be selected; an unknown one counts as the beginning. ``best``: the
    order of these positions, the results of a search. ``texts``: with answers and solutions.
    """
    frame = selection.frame
    ordered, rank = _ordered(selection, by, descending, best)
    start = 0
    key = next((k for k in (after, before, at) if k is not None), None)
    position = frame.place(key) if key is not None else None
    if position is not None:
        ranks = rank[ordered]
        if after is not None:
            start = int(np.searchsorted(ranks, rank[position], side="right"))
        elif before is not None:
            start = max(int(np.searchsorted(ranks, rank[position])) - PAGE, 0)
        else:
            start = int(np.searchsorted(ranks, rank[position])) // PAGE * PAGE
    total = len(ordered)
    if start >= total:  # the following rows were deleted
        start = max(total - 1, 0) // PAGE * PAGE
    return Page(rows_at(source, frame, ordered[start : start + PAGE].tolist(), texts=texts), start, total)


def place(
    selection: Selection, key: str, by: str = "newest", descending: bool = True, *, best: Array | None = None
) -> Place:
    """The place of a question in the order of ``page``."""
    frame = selection.frame
    ordered, rank = _ordered(selection, by, descending, best)
    position = frame.place(key)
    if position is None:
        return Place(None, len(ordered), None, None)
    number = int(np.searchsorted(rank[ordered], rank[position]))
    selected = number < len(ordered) and ordered[number] == position
    before, after = number - 1, number + 1 if selected else number
    return Place(
        number if selected else None,
        len(ordered),
        frame.key(int(ordered[before])) if before >= 0 else None,
        frame.key(int(ordered[after])) if after < len(ordered) else None,
    )


def _ordered(selection: Selection, by: str, descending: bool, best: Array | None) -> tuple[Array, Array]:
    """The selected positions in order, and the rank of every position."""
    if best is None:
        order, rank = selection.frame.order(by, descending)
    else:
        order, rank = best, np.full(selection.frame.size, len(best), np.int32)
        rank[best] = np.arange(len(best), dtype=np.int32)
    return order[selection.rows[order]], rank


def rows_at(source: Source, frame: Frame, positions: Sequence[int], *, texts: bool = False) -> list[Row]:
    """The rows at these positions of the frame, in the given order; ``texts``: with their answers and solutions."""
    queries = _texts(source, frame, positions)
    chosen = _chosen(source, frame, positions) if texts else {}

    def value(name: str, at: int) -> Any:
        return frame.values[name][frame.codes[name][at]]

    def number(name: str, at: int) -> float | None:
        value = float(frame.numbers[name][at])
        return value if np.isfinite(value) else None

    def whole(name: str, at: int) -> int | None:
        value = number(name, at)
        return None if value is None else int(value)

    def contaminated(at: int) -> bool | None:
        kept = frame.stage_paths[frame.stage_path[at]].kept_at("contamination")
        return None if kept is None else not kept

    return [
        Row(
            frame.key(at),
            queries.get(frame.key(at)),
            value("topic", at),
            number("difficulty", at),
            number("reward", at),
            number("agreement", at),
            int(frame.numbers["n_solutions"][at]),
            value("status", at),
            frame.stage_paths[frame.stage_path[at]].drop_stage,
            value("drop_reason", at),
            value("correct", at),
            number("pass_rate", at),
            value("run", at),
            value("generator", at),
            value("level", at),
            whole("query_chars", at),
            whole("response_chars", at),
            int(frame.numbers["near_duplicates"][at]),
            contaminated(at),
            value("majority", at),
            number("novelty", at),
            *chosen.get(frame.key(at), (None, None)),
        )
        for at in positions
    ]


def _texts(source: Source, frame: Frame, positions: Sequence[int]) -> dict[str, str]:
    """The questions' texts by id, as edited, cut."""
    if not positions:
        return {}
    keys = {"q": frame.q[list(positions)].tolist()}
    edited = {"q": [int(frame.q[at]) for at in positions if frame.edited[at]]}
    with read_cursor(source) as cursor:
        query = f"SELECT question_id, left(text, {_CUT}) FROM ({narrowed('questions')})"
        texts = dict(cursor.execute(query, keys).fetchall())
        if edited["q"]:
            query = f"SELECT question_id, left(query, {_CUT}) FROM ({narrowed('items')})"
            texts |= dict(cursor.execute(query, edited).fetchall())
    return texts


def _chosen(source: Source, frame: Frame, positions: Sequence[int]) -> dict[str, tuple[str | None, str | None]]:
    """Answer and solution (cut) of the chosen solutions by question, as edited."""
    if not positions:
        return {}
    query = f"SELECT question_id, answer, left(response, {_CUT}) FROM ({chosen_texts()})"
    with read_cursor(source) as cursor:
        found = cursor.execute(query, {"q": frame.q[list(positions)].tolist()}).fetchall()
    return {key: (answer, solution) for key, answer, solution in found}
