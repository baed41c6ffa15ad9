"""Drawing the rows of a queue from those of a filter. A new order is one entry of ``ORDERS``.

Random orders give the probability of each row: such a queue is a probability sample of the filter's rows, and rates of
them can be estimated from it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from store.database.workspace import Workspace
from store.errors import InputError
from store.explore.query import all_rows
from store.filters.filter import Filter
from store.frame.cache import Frames, read_cursor
from store.frame.frame import Array, Frame
from store.review.reviewers import disagreements

SIZE, LARGEST = 100, 10_000
"""Rows of a queue: the default and the maximum."""
SETTLING = "differ"
"""The order of the questions that reviewers disagree on; decisions in such a queue settle them."""
FIELDS = ("difficulty", "reward", "agreement")
"""Numbers for the order ``threshold``."""
_FEW = 5
"""The minimum of rows from each stratum, where it has them and the size allows."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """``of``: the number of rows that were drawn from."""

    question_ids: tuple[str, ...]
    sampling_p: tuple[float, ...] | None
    of: int


@dataclass(frozen=True, slots=True)
class _Request:
    """The positions ``rows`` of a frame to draw from, newest first, and the options."""

    workspace: Workspace
    frame: Frame
    rows: Array
    size: int
    rng: np.random.Generator
    field: str | None
    value: float | None


_Draw = tuple[Array, Array | None, int]
"""Positions in order, their probabilities, and the number of rows that were drawn from."""


@dataclass(frozen=True, slots=True)
class Order:
    """``estimate``: whether the queue is a probability sample."""

    name: str
    title: str
    help: str
    estimate: bool
    draw: Callable[[_Request], _Draw]


def check_options(order: str, size: int, seed: int, field: str | None, value: float | None) -> None:
    """InputError for options that don't make a queue."""
    if order not in ORDERS:
        raise InputError("order", str(order)[:40], "is not known", f"choose from {', '.join(ORDERS)}")
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= LARGEST:
        raise InputError("size", size, "is not a number of rows", f"choose 1 to {LARGEST:,}")
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**63:
        raise InputError("seed", seed, "is not a seed", "use a whole number of at least 0")
    if order == "threshold":
        if field not in FIELDS:
            raise InputError("field", str(field)[:40], "is not known", f"choose from {', '.join(FIELDS)}")
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            remedy = "enter the value that the rows should be near to"
            raise InputError("threshold", "" if value is None else value, "is not a number", remedy)


def draw(
    workspace: Workspace,
    frames: Frames,
    filter_: Filter,
    order: str,
    size: int,
    seed: int,
    field: str | None,
    value: float | None,
) -> Drawn:
    """Draw the rows of a queue. InputError where there are none."""
    frame, rows = all_rows(workspace, frames, filter_)
    rng = np.random.default_rng(seed)
    positions, p, of = ORDERS[order].draw(_Request(workspace, frame, rows[::-1], size, rng, field, value))
    if not len(positions):
        empty = "has no row to settle: reviewers differ on none, or each is settled"
        problem = empty if order == SETTLING else "finds no row in this filter"
        raise InputError("order", order, problem, "widen the filter, or choose another order")
    return Drawn(tuple(map(frame.key, positions.tolist())), None if p is None else tuple(p.tolist()), of)


def allocation(sizes: list[int], n: int) -> list[int]:
    """The number of rows from each stratum of these sizes: a few at least, the rest in proportion to size. The sum is
    ``n`` or the number of all rows; ``n`` must be at least the number of strata.
    """
    few = max(1, min(_FEW, n // (2 * len(sizes))))
    given = [min(size, few) for size in sizes]
    while (rest := min(n, sum(sizes)) - sum(given)) > 0:
        open_ = [size - had for size, had in zip(sizes, given, strict=True)]
        exact = [rest * left / sum(open_) for left in open_]
        more = [min(int(part), left) for part, left in zip(exact, open_, strict=True)]
        if not any(more) or sum(more) < rest:  # the remaining rows go to the largest remainders
            by_rest = sorted(range(len(sizes)), key=lambda at: (int(exact[at]) - exact[at], at))
            for at in [at for at in by_rest if more[at] < open_[at]][: rest - sum(more)]:
                more[at] += 1
        given = [had + new for had, new in zip(given, more, strict=True)]
    return given


def _within(request: _Request, rows: Array, codes: Array) -> _Draw:
    """A shuffled random sample of each stratum; of all rows together where the strata outnumber the rows to draw."""
    if not len(rows):
        return rows, None, 0
    strata = np.unique(codes)
    if request.size < len(strata):
        strata, codes = np.zeros(1, codes.dtype), np.zeros_like(codes)
    members = [rows[codes == code] for code in strata]
    parts, shares = [], []
    for of, n in zip(members, allocation([len(of) for of in members], request.size), strict=True):
        parts.append(request.rng.choice(of, n, replace=False))
        shares.append(np.full(n, n / len(of)))
    positions, p = np.concatenate(parts), np.concatenate(shares)
    shuffled = request.rng.permutation(len(positions))
    return positions[shuffled], p[shuffled], len(rows)


def _stratified(request: _Request) -> _Draw:
    return _within(request, request.rows, request.frame.codes["topic"][request.rows])


def _random(request: _Request) -> _Draw:
    return _within(request, request.rows, np.zeros(len(request.rows), np.uint8))


def _rejected(request: _Request) -> _Draw:
    """A random sample of the dropped rows, stratified by the stage that dropped them."""
    frame = request.frame
    stages = [path.drop_stage for path in frame.stage_paths]
    names = sorted({stage for stage in stages if stage is not None})
    codes_by_path = np.array([-1 if stage is None else names.index(stage) for stage in stages] or [-1])
    codes = codes_by_path[frame.stage_path[request.rows]]
    dropped = codes >= 0
    return _within(request, request.rows[dropped], codes[dropped])


def _newest(request: _Request) -> _Draw:
    return request.rows[: request.size], None, len(request.rows)


def _threshold(request: _Request) -> _Draw:
    assert request.field is not None
    assert request.value is not None
    distance = np.abs(request.frame.numbers[request.field][request.rows] - request.value)
    known = ~np.isnan(distance)
    rows, distance = request.rows[known], distance[known]
    return rows[np.argsort(distance, kind="stable")[: request.size]], None, len(rows)


def _disagree(request: _Request) -> _Draw:
    """Rows where more than half of the samples disagree with the chosen one; or half of them, and the majority's answer
    (ties go to the first sample's) is another. Those with the most disagreeing samples come first.
    """
    agreement, samples = (request.frame.numbers[name][request.rows] for name in ("agreement", "n_solutions"))
    known = agreement < 0.5
    half = np.flatnonzero(agreement == 0.5)
    known[half[_differing(request, half)]] = True
    rows = request.rows[known]
    others = np.rint(samples[known] * (1 - agreement[known]))
    return rows[np.argsort(-others, kind="stable")[: request.size]], None, len(rows)


def _settling(request: _Request) -> _Draw:
    """Rows that reviewers decided differently and nobody has settled since; the newest difference comes first."""
    keys = np.asarray(disagreements(request.workspace), np.int64)
    at = request.frame.places(keys)
    at = at[np.isin(request.frame.q[at], keys)]
    position = {int(q): number for number, q in enumerate(keys.tolist())}
    rows = request.rows[np.isin(request.rows, at)]
    rank = np.array([position[int(q)] for q in request.frame.q[rows].tolist()], np.int64)
    return rows[np.argsort(rank, kind="stable")[: request.size]], None, len(rows)


def _differing(request: _Request, half: Array) -> Array:
    """Whether the chosen answer of each of these rows differs from the majority's."""
    keys = request.frame.q[request.rows[half]]
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
    with read_cursor(request.workspace) as cursor:
        differing = cursor.execute(query, {"q": keys.tolist()}).fetchnumpy()["q"]
    return np.isin(keys, np.asarray(differing))


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
            "A random sample in which each row is equally likely. Allows an estimate.",
            True,
            _random,
        ),
        Order(
            "disagree",
            "Reward against majority",
            "The answer with the best reward is not the majority's; strongest disagreement first. No estimate.",
            False,
            _disagree,
        ),
        Order(
            "threshold",
            "Near a threshold",
            "Rows whose number is nearest to a value, on both sides. No estimate.",
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
        Order(
            SETTLING,
            "Reviewers disagree",
            "Questions that one reviewer accepted and another rejected, newest first. What they decided is shown, and "
            "your decision settles it. No estimate.",
            False,
            _settling,
        ),
        Order("newest", "Newest", "The most recent rows, newest first. No estimate.", False, _newest),
    )
}
"""The orders by name, as the page lists them."""
