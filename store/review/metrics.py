"""What was decided, in numbers: estimates from queues, the reward's deciles, how right each stage was.

Only rows that were drawn with a known probability tell of others; shares of them are weighted by its inverse
(``intervals.py``). What was decided otherwise is counted, and tells of itself. Knows no texts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from store.database.sources import Source
from store.database.views import IN_FORCE
from store.frame.cache import asking
from store.frame.frame import Array, Frame, Selection
from store.records import STAGES
from store.review.payloads import VERBS
from store.review.queues import Queue
from store.statistics import Rate, counted, part, weighted

DECILES = 10


@dataclass(frozen=True, slots=True)
class Estimate:
    """The share that would be accepted of the ``of`` rows that a queue was drawn from, told by those ``reviewed``:
    accepted or rejected. Skipped ones are counted apart, and assumed to be like the others. ``rate`` is None where
    nothing was reviewed, or (``refused`` says why) nothing can be told. ``complete``: all rows were reviewed, the share
    is exact.
    """

    reviewed: int
    accepted: int
    rejected: int
    skipped: int
    of: int
    rate: float | None
    low: float
    high: float
    effective_n: float
    complete: bool
    refused: str | None

    @property
    def sentence(self) -> str:
        """``73 reviewed, 92 % accepted, 83-96 %``."""
        if self.rate is None:
            return self.refused or f"{self.reviewed} reviewed"
        said = f"{self.reviewed:,} reviewed, {100 * self.rate:.0f} % accepted"
        if self.complete:
            return f"{said}: all of the {self.of:,} there are"
        return f"{said}, {100 * self.low:.0f}-{100 * self.high:.0f} %"


@dataclass(frozen=True, slots=True)
class Decile:
    """Pairs with a reward from ``low`` to ``high``, and what was decided of them; ``rate``: share accepted."""

    low: float
    high: float
    pairs: int
    accepted: int
    rejected: int
    rate: float | None
    interval_low: float
    interval_high: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was decided of questions that a stage kept or dropped; ``kept`` and ``dropped``: all of the filter's.

    ``precision``: of what it keeps, the share that people accept; ``recall``: of what they accept, the share that it
    keeps. Each is None where too little is known (``note`` says what). ``dropped_accepted`` are the false rejects.
    """

    stage: str
    kept_accepted: int
    kept_rejected: int
    dropped_accepted: int
    dropped_rejected: int
    kept: int
    dropped: int
    precision: Rate | None
    recall: Rate | None
    note: str | None


def estimate(source: Source, queue: Queue, reviewer: str | None = None) -> Estimate:
    """By the decisions in force that were made in the queue: a reviewer's, or the last one on each row.

    The first rows of a shuffled sample are one too, so it may be asked at any time while it is worked through in order.
    """
    who = "" if reviewer is None else "AND reviewer = $who"
    query = f"""
        SELECT question_id, arg_max(action, rowid) FROM decision_rows
        WHERE queue = $queue AND action IN {VERBS} {who} AND {IN_FORCE} GROUP BY question_id"""
    values = {"queue": queue.name} | ({} if reviewer is None else {"who": reviewer})
    with asking(source) as cursor:
        verbs = dict(cursor.execute(query, values).fetchall())
    found = [(verbs[key], at) for at, key in enumerate(queue.question_ids) if key in verbs]
    judged = [(verb == "accept", at) for verb, at in found if verb != "skip"]
    accepted = sum(yes for yes, _ in judged)
    counts = (len(judged), accepted, len(judged) - accepted, len(found) - len(judged), queue.of)
    if queue.sampling_p is None:
        why = "No estimate: these rows were not drawn by chance, and tell of no others."
        return Estimate(*counts, None, 0.0, 1.0, 0.0, False, why)
    rate = weighted([yes for yes, _ in judged], [1 / queue.sampling_p[at] for _, at in judged])
    if rate is None:
        return Estimate(*counts, None, 0.0, 1.0, 0.0, False, None)
    complete = len(judged) == queue.of
    ends = (rate.value, rate.value) if complete else (rate.low, rate.high)
    return Estimate(*counts, rate.value, *ends, rate.effective, complete, None)


def reward_audit(chosen: Selection) -> list[Decile]:
    """The filter's pairs that have a reward, in ten parts of the same size by it; fewer where rewards are equal. The
    reward is the best sample's; questions that a reviewer rescued are left out. A condition on status asks nothing.
    """
    frame = chosen.frame
    reward = frame.numbers["reward"]
    rows = np.flatnonzero(chosen.but("status") & ~frame.fails("stage", "pair") & np.isfinite(reward))
    if not len(rows):
        return []
    values = reward[rows]
    edges = np.unique(np.quantile(values, np.linspace(0, 1, DECILES + 1)))
    last = max(len(edges) - 2, 0)
    decile = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, last)
    yes, no = (_with_status(frame, rows, status) for status in ("accepted", "rejected"))
    found = []
    for number in range(last + 1):
        here = decile == number
        accepted, rejected = int(np.count_nonzero(yes & here)), int(np.count_nonzero(no & here))
        rate = counted(accepted, accepted + rejected)
        told = (rate.value, rate.low, rate.high) if rate else (None, 0.0, 1.0)
        ends = float(edges[number]), float(edges[min(number + 1, len(edges) - 1)])
        found.append(Decile(*ends, int(np.count_nonzero(here)), accepted, rejected, *told))
    return found


def _with_status(frame: Frame, rows: Array, status: str) -> Array:
    values = frame.values["status"]
    found: Array = frame.codes["status"][rows] == (values.index(status) if status in values else len(values))
    return found


def calibration(source: Source, chosen: Selection) -> list[Calibration]:
    """Of each stage with a decided question of the filter, in order; a condition on status asks nothing.

    Shares come from rows drawn with a known probability: accept rates among what the stage kept and dropped, each by
    itself, and put together by how many the filter has of either, so that queues of either kind do. What else was
    decided is counted. A queue drawn from a narrower filter speaks for its own part only.
    """
    frame = chosen.frame
    decided = chosen.but("status")
    yes, no = (_with_status(frame, np.arange(frame.size), status) & decided for status in ("accepted", "rejected"))
    at, accepted, weights = _drawn(source, frame, decided)
    found = []
    for stage in STAGES:
        kept, dropped = ([way.was(stage) is was for way in frame.stage_paths] for was in (True, False))
        keeps, drops = (np.array([*flags, False])[frame.stage_path] & decided for flags in (kept, dropped))
        counts = [int(np.count_nonzero(side & said)) for side in (keeps, drops) for said in (yes, no)]
        if not any(counts):
            continue
        sizes = int(np.count_nonzero(keeps)), int(np.count_nonzero(drops))
        of_kept, of_dropped = (
            weighted(accepted[side[at]].tolist(), weights[side[at]].tolist()) for side in (keeps, drops)
        )
        found.append(_calibrated(stage, counts, sizes, of_kept, of_dropped))
    return found


def _calibrated(
    stage: str, counts: list[int], sizes: tuple[int, int], of_kept: Rate | None, of_dropped: Rate | None
) -> Calibration:
    recall = None
    if of_kept is not None and not sizes[1]:
        recall = Rate(1.0, 1.0, 1.0, of_kept.n, of_kept.effective) if of_kept.value else None
    elif of_kept is not None and of_dropped is not None:
        recall = part(of_kept, sizes[0], of_dropped, sizes[1])
    note = None
    if of_kept is None and of_dropped is None:
        note = "Counts alone: none of these rows was drawn by chance; review a random queue to have shares."
    elif of_kept is None:
        note = "No share: nothing that it kept was reviewed from a random queue."
    elif recall is None:
        note = "No recall: nothing that it dropped was reviewed from a random queue, such as that of dropped rows."
    yes_kept, no_kept, yes_dropped, no_dropped = counts
    return Calibration(stage, yes_kept, no_kept, yes_dropped, no_dropped, *sizes, of_kept, recall, note)


def _drawn(source: Source, frame: Frame, within: Array) -> tuple[Array, Array, Array]:
    """What was decided of rows drawn with a known probability, the last decision on each: positions, whether accepted,
    and weights.
    """
    query = f"""
        SELECT q, arg_max(action, rowid) = 'accept' AS accepted, 1 / arg_max(sampling_p, rowid) AS weight
        FROM decision_rows WHERE sampling_p > 0 AND action IN ('accept', 'reject') AND {IN_FORCE}
        GROUP BY q ORDER BY q"""
    with asking(source) as cursor:
        found = cursor.execute(query).fetchnumpy()
    q = np.asarray(found["q"], np.int64)
    at = frame.places(q)
    here = np.isin(q, frame.q[at])
    accepted, weights = np.asarray(found["accepted"], bool)[here], np.asarray(found["weight"], float)[here]
    inside = within[at]
    return at[inside], accepted[inside], weights[inside]
