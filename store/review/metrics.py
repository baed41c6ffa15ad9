"""Statistics of decisions: accept rates of queues, of the reward's deciles, and of what each stage keeps and drops.

Rates are estimated from rows drawn with a known probability, weighted by its inverse (``store.statistics``). Other
decisions are only counted.
"""

from dataclasses import dataclass

import numpy as np

from store.database.sources import Source
from store.database.views import IN_FORCE
from store.frame.cache import read_cursor
from store.frame.frame import Array, Frame, Selection
from store.records import STAGES
from store.review.payloads import VERBS
from store.review.queues import Queue
from store.statistics import Rate, counted, part, percent, percents, weighted

DECILES = 10


@dataclass(frozen=True, slots=True)
class Estimate:
    """The accept rate of the ``of`` rows that a queue was drawn from, estimated from those ``reviewed`` (accepted or
    rejected; skipped ones are assumed to be like them). ``rate`` is None where nothing was reviewed, or there can be no
    estimate (``refused`` says why). ``complete``: all rows were reviewed, the rate is exact.
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
        """``73 reviewed, 92 % accepted, 83 to 96 %``."""
        if self.rate is None:
            return self.refused or f"{self.reviewed} reviewed"
        sentence = f"{self.reviewed:,} reviewed, {percent(self.rate)} accepted"
        if self.complete:
            return f"{sentence}: all {self.of:,} rows"
        return f"{sentence}, {percents(self.low, self.high)}"


@dataclass(frozen=True, slots=True)
class Decile:
    """The decisions on pairs with a reward from ``low`` to ``high``; ``rate``: the share of accepted ones."""

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
    """The decisions on questions that a stage kept or dropped; ``kept`` and ``dropped``: all of the filter's.

    ``precision``: the share of kept questions that reviewers accept; ``recall``: the share of acceptable questions that
    the stage keeps; None where they cannot be estimated (``note`` says why), such as the recall of a stage that dropped
    nothing. ``dropped_accepted``: false rejects.
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
    """From the decisions in force that were made in the queue by one reviewer, or the last one on each row.

    The first rows of a shuffled sample are a sample too: the estimate is valid while the queue is reviewed in order.
    """
    who = "" if reviewer is None else "AND reviewer = $who"
    query = f"""
        SELECT question_id, arg_max(action, rowid) FROM decision_rows
        WHERE queue = $queue AND action IN {VERBS} {who} AND {IN_FORCE} GROUP BY question_id"""
    values = {"queue": queue.name} | ({} if reviewer is None else {"who": reviewer})
    with read_cursor(source) as cursor:
        verbs = dict(cursor.execute(query, values).fetchall())
    decided = [(verbs[key], at) for at, key in enumerate(queue.question_ids) if key in verbs]
    judged = [(verb == "accept", at) for verb, at in decided if verb != "skip"]
    accepted = sum(yes for yes, _ in judged)
    counts = (len(judged), accepted, len(judged) - accepted, len(decided) - len(judged), queue.of)
    if queue.sampling_p is None:
        why = "No estimate: the rows were not drawn at random, so they don't represent the others."
        return Estimate(*counts, None, 0.0, 1.0, 0.0, False, why)
    rate = weighted([yes for yes, _ in judged], [1 / queue.sampling_p[at] for _, at in judged])
    if rate is None:
        return Estimate(*counts, None, 0.0, 1.0, 0.0, False, None)
    complete = len(judged) == queue.of
    interval = (rate.value, rate.value) if complete else (rate.low, rate.high)
    return Estimate(*counts, rate.value, *interval, rate.effective, complete, None)


def reward_audit(selection: Selection) -> list[Decile]:
    """The filter's pairs by decile of their best sample's reward; fewer parts where rewards are equal. Questions that
    only a reviewer made pairs are left out; a condition on status is ignored.
    """
    frame = selection.frame
    reward = frame.numbers["reward"]
    rows = np.flatnonzero(selection.but("status") & ~frame.fails("stage", "pair") & np.isfinite(reward))
    if not len(rows):
        return []
    values = reward[rows]
    edges = np.unique(np.quantile(values, np.linspace(0, 1, DECILES + 1)))
    last = max(len(edges) - 2, 0)
    decile = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, last)
    accepted_rows, rejected_rows = (_with_status(frame, rows, status) for status in ("accepted", "rejected"))
    deciles = []
    for number in range(last + 1):
        within = decile == number
        accepted, rejected = (int(np.count_nonzero(rows & within)) for rows in (accepted_rows, rejected_rows))
        rate = counted(accepted, accepted + rejected)
        interval = (rate.value, rate.low, rate.high) if rate else (None, 0.0, 1.0)
        ends = float(edges[number]), float(edges[min(number + 1, len(edges) - 1)])
        deciles.append(Decile(*ends, int(np.count_nonzero(within)), accepted, rejected, *interval))
    return deciles


def _with_status(frame: Frame, rows: Array, status: str) -> Array:
    values = frame.values["status"]
    matches: Array = frame.codes["status"][rows] == (values.index(status) if status in values else len(values))
    return matches


def calibration(source: Source, selection: Selection) -> list[Calibration]:
    """For each stage with a decided question of the filter, in order; a condition on status is ignored.

    The accept rates of kept and of dropped questions are estimated separately from rows drawn with a known probability
    and combined by the filter's numbers of either. A queue drawn from a narrower filter represents only its own rows.
    """
    frame = selection.frame
    decided = selection.but("status")
    outcomes = [_with_status(frame, np.arange(frame.size), status) & decided for status in ("accepted", "rejected")]
    at, accepted, weights = _sampled_decisions(source, frame, decided)
    calibrations = []
    for stage in STAGES:
        kept, dropped = ([path.kept_at(stage) is kept for path in frame.stage_paths] for kept in (True, False))
        keeps, drops = (np.array([*flags, False])[frame.stage_path] & decided for flags in (kept, dropped))
        counts = [int(np.count_nonzero(side & outcome)) for side in (keeps, drops) for outcome in outcomes]
        if not any(counts):
            continue
        sizes = int(np.count_nonzero(keeps)), int(np.count_nonzero(drops))
        of_kept, of_dropped = (
            weighted(accepted[side[at]].tolist(), weights[side[at]].tolist()) for side in (keeps, drops)
        )
        calibrations.append(_calibrated(stage, counts, sizes, of_kept, of_dropped))
    return calibrations


def _calibrated(
    stage: str, counts: list[int], sizes: tuple[int, int], of_kept: Rate | None, of_dropped: Rate | None
) -> Calibration:
    recall = None
    if of_kept is not None and of_dropped is not None and sizes[1]:
        recall = part(of_kept, sizes[0], of_dropped, sizes[1])
    note = None
    if of_kept is None and of_dropped is None:
        note = "Counts only: none of these rows was drawn at random; review a random queue for rates."
    elif of_kept is None:
        note = "No rates: no question that the stage kept was reviewed in a random queue."
    elif not sizes[1]:
        note = "Dropped nothing: no recall to estimate."
    elif recall is None and of_dropped is not None:
        note = "No recall: reviewers accepted none of the questions that were drawn at random."
    elif recall is None:
        note = "No recall: no question that it dropped was reviewed in a random queue, such as that of dropped rows."
    yes_kept, no_kept, yes_dropped, no_dropped = counts
    return Calibration(stage, yes_kept, no_kept, yes_dropped, no_dropped, *sizes, of_kept, recall, note)


def _sampled_decisions(source: Source, frame: Frame, rows: Array) -> tuple[Array, Array, Array]:
    """The last decisions on rows drawn with a known probability: positions, whether accepted, and weights."""
    query = f"""
        SELECT q, arg_max(action, rowid) = 'accept' AS accepted, 1 / arg_max(sampling_p, rowid) AS weight
        FROM decision_rows WHERE sampling_p > 0 AND action IN ('accept', 'reject') AND {IN_FORCE}
        GROUP BY q ORDER BY q"""
    with read_cursor(source) as cursor:
        columns = cursor.execute(query).fetchnumpy()
    q = np.asarray(columns["q"], np.int64)
    at = frame.places(q)
    in_frame = np.isin(q, frame.q[at])
    accepted, weights = np.asarray(columns["accepted"], bool), np.asarray(columns["weight"], float)
    wanted = in_frame & rows[at]
    return at[wanted], accepted[wanted], weights[wanted]
