"""Models side by side, and predicted against measured difficulty, compared with what plain Python computes."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from store.database.workspace import Workspace
from store.explore import pass_rates, query
from store.filters.filter import Filter
from store.filters.ranges import ModelRange
from store.frame.cache import Frames
from store.records import Verdict
from store.statistics import wilson
from tests.store import rows

PREDICTED = [0.0, 0.05, 0.12, 0.12, 0.3, 0.31, 0.55, 0.58, 0.9, 0.97, None, 0.2]
RIGHT = [8, 8, 8, 7, 7, 5, 4, 2, 1, 0, 4, None]
"""Of eight rollouts; the last question was not measured."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.open(tmp_path_factory.mktemp("rates") / "w") as workspace:
        workspace.create_run(rows.run())
        for idx, (predicted, right) in enumerate(zip(PREDICTED, RIGHT, strict=True)):
            judged = [v for v in rows.verdicts(idx) if v.stage != "difficulty"]
            key = rows.question(idx).question_id
            workspace.writer.put([rows.question(idx), *judged, Verdict(key, "difficulty", "judge", True, predicted)])
            if right is not None:
                workspace.writer.put([rows.rate(idx, model="big", correct=right)])
            if idx < 3:
                workspace.writer.put([replace(rows.rate(idx, model="small", correct=idx), pass_rate=idx / 2)])
        workspace.writer.flush()
        yield workspace


def select(workspace: Workspace, asked: Filter) -> query.Selection:
    return query.select(workspace, Frames().of(workspace), asked)


def test_models_are_summed_up_side_by_side(filled: Workspace) -> None:
    big, small = pass_rates.models(select(filled, Filter()))
    assert (big.model, big.mean.n, big.counts) == ("big", 11, [1, 2, 2, 1, 2, 3])
    rates = [right / 8 for right in RIGHT if right is not None]
    mean = sum(rates) / 11
    assert big.mean.value == pytest.approx(mean)
    variance = sum((rate - mean) ** 2 for rate in rates) / 10
    effective = max(11.0, mean * (1 - mean) / (variance / 11))
    assert (big.mean.low, big.mean.high) == pytest.approx(wilson(mean * effective, effective))
    assert (small.model, small.mean.value, small.counts) == ("small", 0.5, [1, 0, 1, 0, 0, 1])
    (only,) = pass_rates.models(select(filled, Filter(pass_rate=ModelRange("small", (0.4, 0.6)))))[1:]
    assert (only.mean.n, only.mean.value) == (1, 0.5)


def test_predictions_are_judged_as_by_hand(filled: Workspace) -> None:
    found = pass_rates.reliability(select(filled, Filter(pass_rate=ModelRange("big"))))
    assert found is not None
    known = [(p, 1 - r / 8) for p, r in zip(PREDICTED, RIGHT, strict=True) if p is not None and r is not None]
    n = len(known)
    base = sum(f for _, f in known) / n
    assert (found.questions, found.base) == (n, pytest.approx(base))
    # one term for each rollout
    brier = sum(f * (1 - p) ** 2 + (1 - f) * p**2 for p, f in known) / n
    flat = sum(f * (1 - base) ** 2 + (1 - f) * base**2 for _, f in known) / n
    assert (found.brier, found.brier_base) == pytest.approx((brier, flat))

    def loss(p: float, f: float) -> float:
        p = min(max(p, 0.001), 0.999)
        return -(f * math.log(p) + (1 - f) * math.log(1 - p))

    least = sum(loss(f, f) for _, f in known if 0 < f < 1)
    explained = 1 - (sum(loss(p, f) for p, f in known) - least) / (sum(loss(base, f) for _, f in known) - least)
    assert found.explained == pytest.approx(explained)
    ups, downs = ([p for p, f in known if (f > 0) is some] for some in (True, False))
    auc = sum((up > down) + (up == down) / 2 for up in ups for down in downs) / (len(ups) * len(downs))
    assert found.auc == pytest.approx(auc)
    assert [(one.low, one.measured.n) for one in found.bins] == [(0.0, 2), (0.1, 2), (0.3, 2), (0.5, 2), (0.9, 2)]
    for one in found.bins:
        mine = [(p, f) for p, f in known if one.low <= p < one.high]
        assert one.predicted == pytest.approx(sum(p for p, _ in mine) / len(mine))
        assert one.measured.value == pytest.approx(sum(f for _, f in mine) / len(mine))
        assert 0 <= one.measured.low <= one.measured.value <= one.measured.high <= 1


def test_nothing_measured_is_nothing_said_and_all_alike_explain_nothing(filled: Workspace) -> None:
    assert pass_rates.reliability(select(filled, Filter(ids=("r1-00000011",)))) is None
    alike = pass_rates.reliability(select(filled, Filter(pass_rate=ModelRange("big", (1.0, None)))))
    assert alike is not None
    assert (alike.explained, alike.auc, alike.base) == (None, None, 0.0)


def test_bins_are_those_of_the_rollouts(filled: Workspace) -> None:
    frame = Frames().of(filled)
    big, small = frame.of_model("big"), frame.of_model("small")
    assert big.bins["pass_rate"].edges == tuple(k / 8 for k in range(10))
    assert big.totals["pass_rate"] == [1, 1, 1, 0, 2, 1, 0, 2, 3, 1]
    assert small.bins["pass_rate"].edges == (0.0, 0.5, 1.0, 1.5)
    assert small.totals["pass_rate"] == [1, 1, 1, 9]
    assert frame.of_model("small") is small
    assert list(frame.rates) == ["big", "small"]


@pytest.mark.usefixtures("filled")
def test_luck_has_intervals_that_hold() -> None:
    """Of 200 sets of questions with rates of 8 rollouts, about 95 % have the true mean in the interval."""
    luck, held = random.Random(4), 0
    for _ in range(200):
        rates = [sum(luck.random() < p for _ in range(8)) / 8 for p in (luck.random() for _ in range(60))]
        mean = sum(rates) / 60
        variance = sum((rate - mean) ** 2 for rate in rates) / 59
        found = pass_rates.averaged(mean, variance, 60, 8)
        held += found.low <= 0.5 <= found.high
    assert 180 <= held <= 199
