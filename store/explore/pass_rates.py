"""Measured pass rates of a selection: the models side by side, and predicted against measured difficulty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from store.frame.bins import rollouts
from store.frame.frame import Array, Selection
from store.statistics import Rate, averaged

MODELS = 12
"""The most models side by side."""
_QUARTERS = (0.0, 0.25, 0.5, 0.75)
BINS = 10
"""Bins of the predicted fail rate."""
_CERTAIN = 0.001
"""Predictions count as at least this far from 0 and 1, so that one failure does not make the deviance infinite."""
_STEPS = 10_000
"""Predictions are rounded to so many steps, since they are reproducible to four digits: sums by step take few passes
over a million rows."""


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A model on the selected questions that it was measured on. ``counts``: questions that it never solves, at a rate
    up to 1/4, 1/2, 3/4, below 1, and always."""

    model: str
    mean: Rate
    counts: list[int]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The questions with a predicted fail rate from ``low`` to ``high``: the mean prediction and the measured mean."""

    low: float
    high: float
    predicted: float
    measured: Rate


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well difficulty predicts a model's measured fail rate, question by question.

    ``base``: the mean fail rate. ``brier`` and ``brier_base``: Brier scores of a rollout, by the predictions and by the
    base rate for all. ``explained``: the share of the base rate's deviance that the predictions explain (None where
    all questions fail equally often). ``auc``: of "fails at all" (None unless some do and some don't).
    """

    questions: int
    base: float
    brier: float
    brier_base: float
    explained: float | None
    auc: float | None
    bins: list[ReliabilityBin]


def models(selection: Selection) -> list[ModelSummary]:
    """The models with the most questions first."""
    found = []
    for model, rates in list(selection.frame.rates.items())[:MODELS]:
        counts = rates.counts(selection.rows)
        n = int(counts.sum())
        if n:
            levels = rates.levels
            parts = np.searchsorted(_QUARTERS, levels, side="left") + (levels == 1.0)
            mean = float((counts * levels).sum()) / n
            spread = float((counts * (levels - mean) ** 2).sum())
            summed = [int(counts[parts == part].sum()) for part in range(len(_QUARTERS) + 2)]
            found.append(ModelSummary(model, _mean(mean, spread, n, _rollouts(levels)), summed))
    return found


def reliability(selection: Selection) -> Reliability | None:
    """Of the frame's model, on the selected questions with a prediction; None without any."""
    frame = selection.frame
    rate, difficulty = frame.numbers["pass_rate"], frame.numbers["difficulty"]
    at = np.flatnonzero(selection.rows & ~np.isnan(rate) & ~np.isnan(difficulty))
    if not len(at):
        return None
    failed = 1.0 - rate[at]
    steps = np.round(difficulty[at] * _STEPS).astype(np.int32)
    predicted = np.arange(_STEPS + 1) / _STEPS

    def summed(values: Array | None) -> Array:
        """By step of the prediction."""
        return np.bincount(steps, values, minlength=_STEPS + 1)

    n, fails, squares, ups = summed(None), summed(failed), summed(failed * failed), summed(failed > 0)
    base = float(fails.sum()) / len(at)
    least = _least_loss(failed)
    null = _loss(np.full(1, base), fails.sum(), len(at)) - least
    loss = _loss(np.clip(predicted, _CERTAIN, 1 - _CERTAIN), fails, n) - least
    return Reliability(
        len(at),
        base,
        float((fails * (1 - predicted) ** 2 + (n - fails) * predicted**2).sum()) / len(at),
        base * (1 - base),
        1 - loss / null if null > 1e-9 * len(at) else None,
        _auc(ups, n - ups),
        _bins(predicted, n, fails, squares, _rollouts(rate[at])),
    )


def _bins(predicted: Array, n: Array, fails: Array, squares: Array, each: int) -> list[ReliabilityBin]:
    width = _STEPS // BINS
    found = []
    for bin_ in range(BINS):
        mine = slice(bin_ * width, (bin_ + 1) * width + (bin_ == BINS - 1))
        count = int(n[mine].sum())
        if count:
            mean = float(fails[mine].sum()) / count
            spread = max(float(squares[mine].sum()) - count * mean * mean, 0.0)
            middle = float((n[mine] * predicted[mine]).sum()) / count
            measured = _mean(mean, spread, count, each)
            found.append(ReliabilityBin(bin_ / BINS, (bin_ + 1) / BINS, middle, measured))
    return found


def _mean(mean: float, spread: float, n: int, each: int) -> Rate:
    """``spread``: the sum of squared differences from the mean."""
    return averaged(min(max(mean, 0.0), 1.0), spread / (n - 1) if n > 1 else 0.25, n, each)


def _rollouts(rates: Array) -> int:
    """How many rollouts the rates are shares of; 1 where they don't tell."""
    bins = rollouts(rates)
    return bins.count - 1 if bins.single else 1


def _loss(predicted: Array, fails: Array, n: Array | int) -> float:
    """The log loss of these predictions, one a group of n questions of which a share of the rollouts fails."""
    with np.errstate(divide="ignore", invalid="ignore"):
        wrong = np.where(fails > 0, fails * np.log(predicted), 0.0)
        right = np.where(n - fails > 0, (n - fails) * np.log(1 - predicted), 0.0)
    return -float((wrong + right).sum())


def _least_loss(failed: Array) -> float:
    """The log loss of the questions' own rates."""
    inner = failed[(failed > 0) & (failed < 1)]
    return -float((inner * np.log(inner) + (1 - inner) * np.log(1 - inner)).sum())


def _auc(ups: Array, downs: Array) -> float | None:
    """The probability that a positive scores above a negative, from their counts by score; ties count half."""
    pairs = float(ups.sum()) * float(downs.sum())
    below = np.cumsum(downs) - downs
    return float((ups * (below + downs / 2)).sum()) / pairs if pairs else None
