"""How a queue's rows are drawn from those of a filter. A new order is one entry of ``ORDERS``.

Orders that draw by chance know how likely each row was: such a queue is a probability sample of all the filter's rows,
and shares of it can be told of them. Drawing is by the frame in memory. Knows no files.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from store.database.workspace import Workspace
from store.errors import InputError
from store.explore.query import all_rows
from store.filters.filter import Filter
from store.frame.cache import Frames, asking
from store.frame.frame import Array, Frame

SIZE, LARGEST = 100, 10_000
"""Rows of a queue: the usual number, and the most."""
FIELDS = ("difficulty", "reward", "agreement")
"""The numbers that rows can be nearest to a value of."""
_FEW = 5
"""Rows of a stratum at least, where they are there and the size allows."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """``of``: how many rows there were to draw from."""

    question_ids: tuple[str, ...]
    sampling_p: tuple[float, ...] | None
    of: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an order draws from: the positions ``rows`` of a frame, newest first."""

    workspace: Workspace
    frame: Frame
    rows: Array
    size: int
    chance: np.random.Generator
    field: str | None
    value: float | None


_Found = tuple[Array, Array | None, int]
"""Positions in order, their probabilities, and how many there were to draw from."""


@dataclass(frozen=True, slots=True)
class Order:
    """``estimate``: whether shares of the queue tell of all rows that it was drawn from."""

    name: str
    title: str
    help: str
    estimate: bool
    draw: Callable[[_Asked], _Found]


def check(order: str, size: int, seed: int, field: str | None, value: float | None) -> None:
    """InputError for what no queue can be made of."""
    if order not in ORDERS:
        raise InputError("order", str(order)[:40], "is not known", f"choose from {', '.join(ORDERS)}")
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= LARGEST:
        raise InputError("size", size, "is not a number of rows", f"take 1 to {LARGEST:,}")
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**63:
        raise InputError("seed", seed, "is not a seed", "take a whole number from 0 on")
    if order == "threshold":
        if field not in FIELDS:
            raise InputError("field", str(field)[:40], "is not known", f"choose from {', '.join(FIELDS)}")
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            given = "" if value is None else value
            raise InputError("threshold", given, "is not a number", "give the value that rows are to be near to")


def draw(
    workspace: Workspace,
    frames: Frames,
    asked: Filter,
    order: str,
    size: int,
    seed: int,
    field: str | None,
    value: float | None,
) -> Drawn:
    """The rows of a queue. InputError where there is none to draw from."""
    frame, rows = all_rows(workspace, frames, asked)
    chance = np.random.default_rng(seed)
    found, p, of = ORDERS[order].draw(_Asked(workspace, frame, rows[::-1], size, chance, field, value))
    if not len(found):
        raise InputError("order", order, "finds no row in this filter", "widen the filter, or take another order")
    return Drawn(tuple(map(frame.key, found.tolist())), None if p is None else tuple(p.tolist()), of)


def allocation(sizes: list[int], n: int) -> list[int]:
    """How many of ``n`` rows each stratum of these sizes gives: a few at least, the rest by size. Adds up to ``n``, or
    to all there are; ``n`` must reach for one of each.
    """
    few = max(1, min(_FEW, n // (2 * len(sizes))))
    given = [min(size, few) for size in sizes]
    while (rest := min(n, sum(sizes)) - sum(given)) > 0:
        open_ = [size - had for size, had in zip(sizes, given, strict=True)]
        exact = [rest * left / sum(open_) for left in open_]
        more = [min(int(part), left) for part, left in zip(exact, open_, strict=True)]
        if not any(more) or sum(more) < rest:  # the largest remainders have the rows that are left over
            by_rest = sorted(range(len(sizes)), key=lambda at: (int(exact[at]) - exact[at], at))
            for at in [at for at in by_rest if more[at] < open_[at]][: rest - sum(more)]:
                more[at] += 1
        given = [had + new for had, new in zip(given, more, strict=True)]
    return given


def _within(asked: _Asked, rows: Array, codes: Array) -> _Found:
    """A random sample within each stratum, shuffled together; one of all where not every stratum can have a row."""
    strata = np.unique(codes)
    if asked.size < len(strata):
        strata, codes = np.zeros(1, codes.dtype), np.zeros_like(codes)
    members = [rows[codes == code] for code in strata]
    parts, shares = [], []
    for of, n in zip(members, allocation([len(of) for of in members], asked.size), strict=True):
        parts.append(asked.chance.choice(of, n, replace=False))
        shares.append(np.full(n, n / len(of)))
    found, p = np.concatenate(parts), np.concatenate(shares)
    mixed = asked.chance.permutation(len(found))
    return found[mixed], p[mixed], len(rows)


def _stratified(asked: _Asked) -> _Found:
    return _within(asked, asked.rows, asked.frame.codes["topic"][asked.rows]) if len(asked.rows) else _nothing()


def _random(asked: _Asked) -> _Found:
    return _within(asked, asked.rows, np.zeros(len(asked.rows), np.uint8)) if len(asked.rows) else _nothing()


def _rejected(asked: _Asked) -> _Found:
    """A sample of the dropped rows, strata by the stage that dropped them."""
    frame = asked.frame
    stages = [way.drop_stage for way in frame.stage_paths]
    names = sorted({stage for stage in stages if stage is not None})
    of_way = np.array([-1 if stage is None else names.index(stage) for stage in stages] or [-1])
    codes = of_way[frame.stage_path[asked.rows]]
    dropped = codes >= 0
    return _within(asked, asked.rows[dropped], codes[dropped]) if dropped.any() else _nothing()


def _newest(asked: _Asked) -> _Found:
    return asked.rows[: asked.size], None, len(asked.rows)


def _threshold(asked: _Asked) -> _Found:
    assert asked.field is not None
    assert asked.value is not None
    away = np.abs(asked.frame.numbers[asked.field][asked.rows] - asked.value)
    known = ~np.isnan(away)
    rows, away = asked.rows[known], away[known]
    return rows[np.argsort(away, kind="stable")[: asked.size]], None, len(rows)


def _disagree(asked: _Asked) -> _Found:
    """Most samples say otherwise than the chosen one; or just half of them do, and the majority's answer (ties go to
    the first sample's) is another. Those with most samples that say otherwise come first.
    """
    agreement, samples = (asked.frame.numbers[name][asked.rows] for name in ("agreement", "n_solutions"))
    known = agreement < 0.5
    half = np.flatnonzero(agreement == 0.5)
    known[half[_differing(asked, half)]] = True
    rows = asked.rows[known]
    others = np.rint(samples[known] * (1 - agreement[known]))
    return rows[np.argsort(-others, kind="stable")[: asked.size]], None, len(rows)


def _differing(asked: _Asked, half: Array) -> Array:
    """Which of these rows have a chosen answer that is not the majority's."""
    keys = asked.frame.q[asked.rows[half]]
    query = """
        SELECT c.q FROM (
            SELECT q, max(value) FILTER (key = 'majority_answer') AS majority,
                max(TRY_CAST(value AS BIGINT)) FILTER (key = 'chosen') AS chosen
            FROM label_rows r WHERE key IN ('majority_answer', 'chosen') AND q IN (SELECT unnest($q)) GROUP BY q) c
        JOIN (SELECT q, sample, answer FROM solution_rows WHERE q IN (SELECT unnest($q))) s
            ON s.q = c.q AND s.sample = c.chosen
        WHERE s.answer <> c.majority"""
    if not len(keys):
        return np.zeros(0, bool)
    with asking(asked.workspace) as cursor:
        found = cursor.execute(query, {"q": keys.tolist()}).fetchnumpy()["q"]
    return np.isin(keys, np.asarray(found))


def _nothing() -> _Found:
    return np.zeros(0, np.int64), None, 0


ORDERS: dict[str, Order] = {
    order.name: order
    for order in (
        Order(
            "stratified",
            "Random, every topic",
            "A random sample with some rows of every topic. Allows an estimate.",
            True,
            _stratified,
        ),
        Order(
            "random",
            "Random",
            "A random sample: each row is as likely as any other. Allows an estimate.",
            True,
            _random,
        ),
        Order(
            "disagree",
            "Reward against majority",
            "The best reward's answer is not what most samples say; most against it first. No estimate.",
            False,
            _disagree,
        ),
        Order(
            "threshold",
            "Near a threshold",
            "Rows whose number is nearest to a value, on either side. No estimate.",
            False,
            _threshold,
        ),
        Order(
            "rejected",
            "Dropped rows",
            "A random sample of what the stages dropped, some of every stage. Allows an estimate of the dropped rows.",
            True,
            _rejected,
        ),
        Order("newest", "Newest", "The rows that were made last, newest first. No estimate.", False, _newest),
    )
}
"""The orders by name, in the order in which they are offered."""
