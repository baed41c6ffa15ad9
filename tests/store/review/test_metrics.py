"""What was decided, in numbers: by hand on a few rows, and held against the truth by simulation."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from store import statistics
from store.database.workspace import Workspace
from store.explore import query
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.records import Reward
from store.review import decisions, metrics, queues
from store.review.sampling import allocation
from store.statistics import Rate, counted, part, weighted
from tests.store import rows


def covered(low: float, truth: float, high: float) -> bool:
    return low - 1e-12 <= truth <= high + 1e-12


@pytest.mark.parametrize("share", [0.03, 0.5, 0.92])
def test_wilsons_interval_holds_the_share_in_95_of_100_samples(share: float) -> None:
    chance = np.random.default_rng(7)
    hits = chance.binomial(80, share, 4_000)
    assert 0.93 <= np.mean([covered((w := statistics.wilson(n, 80))[0], share, w[1]) for n in hits]) <= 0.985


def test_the_weighted_share_of_a_stratified_sample_is_right_and_its_interval_holds() -> None:
    chance = np.random.default_rng(11)
    sizes, shares = [20_000, 3_000, 400, 60], [0.9, 0.6, 0.3, 0.1]
    truth = sum(n * share for n, share in zip(sizes, shares, strict=True)) / sum(sizes)
    n = allocation(sizes, 100)
    found = []
    for _ in range(3_000):
        hits, weights = [], []
        for size, share, count in zip(sizes, shares, n, strict=True):
            hits += (chance.random(count) < share).tolist()
            weights += [size / count] * count
        found.append(weighted(hits, weights))
    assert np.mean([rate.value for rate in found if rate]) == pytest.approx(truth, abs=0.004)
    assert np.mean([covered(rate.low, truth, rate.high) for rate in found if rate]) >= 0.94


def test_the_interval_of_a_part_of_all_hits_holds() -> None:
    chance = np.random.default_rng(13)
    kept, dropped, a, b = 50_000, 9_000, 0.85, 0.2
    truth = kept * a / (kept * a + dropped * b)
    held = []
    for _ in range(3_000):
        one, other = counted(chance.binomial(90, a), 90), counted(chance.binomial(60, b), 60)
        assert one is not None
        assert other is not None
        rate = part(one, kept, other, dropped)
        held.append(rate is not None and covered(rate.low, truth, rate.high))
    assert 0.93 <= np.mean(held) <= 0.985


def test_nothing_counted_is_no_share() -> None:
    assert counted(0, 0) is None
    assert weighted([], []) is None
    nothing = Rate(0.0, 0.0, 0.5, 3, 3.0)
    assert part(nothing, 10, nothing, 10) is None


def test_an_estimate_counts_what_was_decided_in_the_queue(workspace: Workspace, frames: Frames) -> None:
    queue = queues.make(workspace, frames, Filter(), "random", size=10)
    assert metrics.estimate(workspace, queue).sentence == "0 reviewed"
    for number, key in enumerate(queue.question_ids[:9]):
        verb = "skip" if number == 8 else "reject" if number == 0 else "accept"
        decisions.decide(workspace, "ana", key, verb, {}, queue=queue.name)
    decisions.decide(workspace, "ana", queue.question_ids[9], "reject", {})  # elsewhere
    found = metrics.estimate(workspace, queue)
    assert (found.reviewed, found.accepted, found.rejected, found.skipped, found.of) == (8, 7, 1, 1, queue.of)
    assert found.rate == pytest.approx(7 / 8)
    assert found.effective_n == pytest.approx(8)
    assert (found.low, found.high) == pytest.approx(statistics.wilson(7, 8))
    assert found.sentence == "8 reviewed, 88\u00a0% accepted, 53 to 98\u00a0%"
    decisions.decide(workspace, "ben", queue.question_ids[1], "reject", {}, queue=queue.name)  # the last word
    assert metrics.estimate(workspace, queue).rejected == 2
    assert metrics.estimate(workspace, queue, "ana").rejected == 1
    assert metrics.estimate(workspace, queue, "ben").reviewed == 1


def test_an_estimate_of_a_stratified_queue_is_weighted(workspace: Workspace, frames: Frames) -> None:
    queue = queues.make(workspace, frames, Filter(), "stratified", size=30)
    assert queue.sampling_p is not None
    for number, key in enumerate(queue.question_ids):
        decisions.decide(workspace, "ana", key, "accept" if number % 3 else "reject", {}, queue=queue.name)
    weights = [1 / p for p in queue.sampling_p]
    share = sum(w for at, w in enumerate(weights) if at % 3) / sum(weights)
    assert metrics.estimate(workspace, queue).rate == pytest.approx(share)


def test_a_queue_of_all_rows_tells_the_share_exactly(workspace: Workspace, frames: Frames) -> None:
    queue = queues.make(workspace, frames, Filter(topic=("Algebra",)), "random")
    for key in queue.question_ids:
        decisions.decide(workspace, "ana", key, "accept", {}, queue=queue.name)
    found = metrics.estimate(workspace, queue)
    assert (found.complete, found.rate, found.low, found.high) == (True, 1.0, 1.0, 1.0)
    assert found.sentence == f"{queue.of} reviewed, 100\u00a0% accepted: all {queue.of} rows"


def test_what_was_not_drawn_by_chance_gives_no_estimate(workspace: Workspace, frames: Frames) -> None:
    queue = queues.make(workspace, frames, Filter(), "newest", size=3)
    decisions.decide(workspace, "ana", queue.question_ids[0], "accept", {}, queue=queue.name)
    found = metrics.estimate(workspace, queue)
    assert (found.accepted, found.rate) == (1, None)
    assert "No estimate" in found.sentence


def test_the_reward_audit_counts_by_decile_whatever_status_is_asked_for(workspace: Workspace, frames: Frames) -> None:
    for idx in range(200, 300):  # rewards -0.01, -0.02 ...: the first are best
        made = rows.whole(idx)
        reward = -(idx - 199) / 100
        workspace.writer.put([replace(row, reward=reward) if isinstance(row, Reward) else row for row in made])
    workspace.writer.flush()
    for idx in range(200, 240):
        decisions.decide(workspace, "ana", f"r1-{idx:08d}", "accept" if idx < 220 else "reject", {})
    asked = Filter(ids=tuple(f"r1-{idx:08d}" for idx in range(200, 300)), status=("accepted",))
    found = metrics.reward_audit(query.select(workspace, frames.of(workspace, now=True), asked))
    assert [decile.pairs for decile in found] == [10] * 10
    assert [(d.accepted, d.rejected) for d in found] == [(0, 0)] * 6 + [(0, 10), (0, 10), (10, 0), (10, 0)]
    assert [d.rate for d in found[5:]] == [None, 0.0, 0.0, 1.0, 1.0]
    assert (found[-1].interval_low, found[-1].interval_high) == pytest.approx(statistics.wilson(10, 10))
    assert all(one.high == other.low for one, other in pairwise(found))
    assert metrics.reward_audit(query.select(workspace, frames.of(workspace), Filter(run=("nope",)))) == []


def test_calibration_counts_alone_where_nothing_was_drawn_by_chance(workspace: Workspace, frames: Frames) -> None:
    assert metrics.calibration(workspace, query.select(workspace, frames.of(workspace), Filter())) == []
    keys = decisions.matching_keys(workspace, frames, Filter(drop_stage=("solvability",)))
    decisions.decide_all(workspace, "ana", keys, "accept", {})
    chosen = query.select(workspace, frames.of(workspace, now=True), Filter(status=("unreviewed",)))
    found = {one.stage: one for one in metrics.calibration(workspace, chosen)}
    assert set(found) == {"language", "duplicate", "contamination", "solvability"}
    last = found["solvability"]
    assert (last.kept_accepted, last.dropped_accepted, last.dropped) == (0, len(keys), len(keys))
    assert (last.precision, last.recall) == (None, None)
    assert last.note is not None
    assert "Counts only" in last.note


def test_calibration_of_rows_drawn_by_chance_is_right(workspace: Workspace, frames: Frames) -> None:
    """Everything is drawn, so the shares must be the counted ones."""
    luck = np.random.default_rng(1)
    for order in ("random", "rejected"):
        queue = queues.make(workspace, frames, Filter(), order, size=10_000)
        for key in queue.question_ids:
            if order == "random" or luck.random() < 0.5:
                decisions.decide(workspace, "ana", key, luck.choice(("accept", "reject")), {}, queue=queue.name)
    chosen = query.select(workspace, frames.of(workspace, now=True), Filter())
    for one in metrics.calibration(workspace, chosen):
        assert one.precision is not None
        assert one.precision.value == pytest.approx(one.kept_accepted / (one.kept_accepted + one.kept_rejected))
        assert one.kept_accepted + one.kept_rejected == one.kept
        if not one.dropped:  # nothing dropped tells nothing of what a drop would lose
            assert (one.recall, one.note) == (None, "Dropped nothing: no recall to estimate.")
            continue
        assert one.recall is not None
        accepted = one.kept_accepted + one.dropped_accepted
        assert one.recall.value == pytest.approx(one.kept_accepted / accepted)
        assert one.recall.low <= one.recall.value <= one.recall.high
