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
_SCORES = 10_000
"""Predictions are ranked to so many steps: they are reproducible to four digits."""


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
        values = rates.values[selection.rows[rates.positions]]
        if len(values):
            edges = np.searchsorted(_QUARTERS, values, side="left") + (values == 1.0)
            counts: list[int] = np.bincount(edges, minlength=6).tolist()
            found.append(ModelSummary(model, _mean(values, _rollouts(values)), counts))
    return found


def reliability(selection: Selection) -> Reliability | None:
    """Of the frame's model, on the selected questions with a prediction; None without any."""
    frame = selection.frame
    rate, difficulty = frame.numbers["pass_rate"], frame.numbers["difficulty"]
    at = np.flatnonzero(selection.rows & ~np.isnan(rate) & ~np.isnan(difficulty))
    if not len(at):
        return None
    failed, predicted = 1.0 - rate[at], difficulty[at]
    base = float(failed.mean())
    noise = float((failed * (1 - failed)).mean())
    null = _deviance(np.array(base), failed)
    return Reliability(
        len(at),
        base,
        float(((predicted - failed) ** 2).mean()) + noise,
        base * (1 - base),
        1 - _deviance(np.clip(predicted, _CERTAIN, 1 - _CERTAIN), failed) / null if null > 1e-12 else None,
        _auc(predicted, failed > 0),
        _bins(predicted, failed, _rollouts(rate[at])),
    )


def _bins(predicted: Array, failed: Array, each: int) -> list[ReliabilityBin]:
    place = np.minimum((predicted * BINS).astype(np.int64), BINS - 1)
    found = []
    for bin_ in range(BINS):
        mine = place == bin_
        if mine.any():
            mean = float(predicted[mine].mean())
            found.append(ReliabilityBin(bin_ / BINS, (bin_ + 1) / BINS, mean, _mean(failed[mine], each)))
    return found


def _mean(values: Array, each: int) -> Rate:
    variance = float(values.var(ddof=1)) if len(values) > 1 else 0.25
    return averaged(float(values.mean()), variance, len(values), each)


def _rollouts(rates: Array) -> int:
    """How many rollouts the rates are shares of; 1 where they don't tell."""
    bins = rollouts(rates)
    return bins.count - 1 if bins.single else 1


def _deviance(predicted: Array, failed: Array) -> float:
    """The mean deviance of a rollout, less that of the questions' own rates."""
    with np.errstate(divide="ignore", invalid="ignore"):
        fails = np.where(failed > 0, failed * np.log(failed / predicted), 0.0)
        passes = np.where(failed < 1, (1 - failed) * np.log((1 - failed) / (1 - predicted)), 0.0)
    return 2 * float((fails + passes).mean())


def _auc(scores: Array, labels: Array) -> float | None:
    """The probability that a positive scores above a negative; ties count half."""
    steps = np.round(scores * _SCORES).astype(np.int64)
    ups = np.bincount(steps[labels], minlength=_SCORES + 1)
    downs = np.bincount(steps[~labels], minlength=_SCORES + 1)
    pairs = int(ups.sum()) * int(downs.sum())
    below = np.cumsum(downs) - downs
    return float((ups * (below + downs / 2)).sum()) / pairs if pairs else None
