"""Greedy confidence as a predictor of fail rates: how it is fitted, and how good any such prediction is.

``fit`` is a logistic regression of measured fail counts on the mean and the least log-probability of one greedy
solution, both on a logarithmic scale (``engine.config.calibration``).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.special import xlogy

from engine.config.calibration import Calibration, features, parts
from engine.config.profiles import Role
from engine.jobs.control import Control
from engine.models.base import Logprobs
from engine.training import json_lines, rates
from engine.training.held_out import Held
from engine.training.session import OnEvent
from store.errors import InputError

_LIMIT = 1e-6
"""Predictions are kept this far from 0 and 1, where one surprise would be infinitely unlikely."""
_BINS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True)
class Measured:
    """A question's greedy solution and its rollouts: ``fails`` of ``n`` were wrong; ``tokens``: the mean of a rollout.
    ``logprobs`` is None where the greedy solution has no token."""

    logprobs: Logprobs | None
    cut_off: bool
    fails: int
    n: int
    tokens: float


@dataclass(frozen=True, slots=True)
class Quality:
    """How well predicted fail rates fit measured ones. ``auc_any_fail``: of a question that failed at all scoring above
    one that never did; ``auc_quarter``: of one that failed in at least a quarter of its rollouts.
    ``deviance_explained``: the share of the binomial deviance from the base rate that the prediction takes away.
    ``reliability``: (questions, mean predicted, mean measured) of each bin of the prediction."""

    questions: int
    auc_any_fail: float | None
    auc_quarter: float | None
    deviance_explained: float | None
    reliability: tuple[tuple[int, float, float], ...]


@dataclass(frozen=True, slots=True)
class Made:
    """A calibration that was made, None where it was interrupted before; and how it predicts the held-out questions."""

    status: Literal["done", "interrupted"]
    questions: int = 0
    calibration: Calibration | None = None
    held_out: Quality | None = None


def make(
    solver: Role, questions: Sequence[Held], n: int, seed: int, out: Path, on_event: OnEvent, control: Control
) -> Made:
    """Ask the solver each question once greedily and ``n`` times as it samples, fit on two thirds of the questions, and
    write the calibration to ``out``; a later call repeats no answer. The greedy answers come first, so that a server
    without log-probabilities is refused at once. InputError where the questions tell nothing; raises as
    ``rates.measure``."""
    rollouts = solver.fixed(n).replaced(max_tokens=solver.retry_tokens or solver.max_tokens, retry_tokens=0)
    greedy = rollouts.fixed(1).replaced(temperature=0.0, top_p=1.0, top_k=0)
    surest, sampled = (out.with_name(f"{out.name}.{name}.jsonl") for name in ("greedy", "rates"))
    for role, count, file in ((greedy, 1, surest), (rollouts, n, sampled)):
        asked = rates.measure(role, questions, count, seed, file, on_event, control, logprobs=role is greedy)
        if asked.status == "interrupted":
            return Made("interrupted")
    rows = _measured(rates.sampled(surest), rates.sampled(sampled))
    dev, held_out = ([row for key, row in rows.items() if (int(key, 16) % 3 == 0) == held] for held in (False, True))
    try:
        made = fit(dev, solver.weights)
    except ValueError as error:
        remedy = "give questions of which the solver answers some and fails others"
        raise InputError("--questions", len(rows), f"are too few, or all alike: {error}", remedy) from None
    found = quality(predict(made, held_out), [row.fails for row in held_out], [row.n for row in held_out])
    measured = {"n": n, "seed": seed, "dev": len(dev), "held_out": asdict(found)}
    try:
        out.write_text(json.dumps({**made.to_json(), "measured": measured}) + "\n", "utf-8")
    except OSError as error:
        raise json_lines.cannot_write(out, error) from error
    return Made("done", len(rows), made, found)


def _measured(greedy: Sequence[dict[str, Any]], rollouts: Sequence[dict[str, Any]]) -> dict[str, Measured]:
    """By question; those without a rollout that could be compared are left out."""
    by_key: dict[str, list[dict[str, Any]]] = {}
    for row in rollouts:
        if row["verdict"] in ("same", "different"):
            by_key.setdefault(str(row["key"]), []).append(row)
    found = {}
    for row in greedy:
        if runs := by_key.get(key := str(row["key"])):
            logprobs = None if row["logprobs"] is None else Logprobs(*row["logprobs"])
            fails = sum(run["verdict"] == "different" for run in runs)
            tokens = sum(int(run["tokens"]) for run in runs) / len(runs)
            found[key] = Measured(logprobs, bool(row["cut_off"]), fails, len(runs), tokens)
    return found


def fit(rows: Sequence[Measured], solver: str) -> Calibration:
    """The calibration of ``solver``. Solutions that were cut off get the mean of their own fail rate and of one half,
    weighted by their rollouts and by two."""
    from sklearn.linear_model import LogisticRegression

    whole = [(row, row.logprobs) for row in rows if row.logprobs is not None and not row.cut_off and row.n]
    found = np.array([features(*logprobs) for _, logprobs in whole]).reshape(-1, 2)
    fails = np.array([row.fails for row, _ in whole], float)
    passes = np.array([row.n for row, _ in whole], float) - fails
    if not fails.sum() or not passes.sum():
        raise ValueError("without both failures and successes there is nothing to fit")
    centre, scale = found.mean(0), found.std(0) + 1e-9
    model = LogisticRegression(C=1e4, max_iter=1000)
    twice = np.tile((found - centre) / scale, (2, 1))
    labels = np.repeat([1, 0], len(found))
    model.fit(twice, labels, sample_weight=np.concatenate([fails, passes]))
    slopes = model.coef_[0] / scale
    bias = float(model.intercept_[0] - slopes @ centre)
    cut = [row for row in rows if row.cut_off]
    cut_off = (sum(row.fails for row in cut) + 1) / (sum(row.n for row in cut) + 2)
    rounded = {"bias": round(bias, 5), "mean": round(float(slopes[0]), 5), "least": round(float(slopes[1]), 5)}
    made = Calibration(solver, **rounded, cut_off=round(cut_off, 4), questions=((0.5, 1.0),))
    known = [(rate, row.tokens) for row, rate in zip(rows, predict(made, rows), strict=True) if row.tokens]
    return Calibration(
        solver, **rounded, cut_off=made.cut_off, questions=parts([r for r, _ in known], [t for _, t in known])
    )


def predict(calibration: Calibration, rows: Sequence[Measured]) -> list[float]:
    """The fail rate of each question; a greedy solution without tokens counts as cut off."""
    return [
        calibration.fail_rate(*row.logprobs, row.cut_off) if row.logprobs is not None else calibration.cut_off
        for row in rows
    ]


def quality(predicted: Sequence[float], fails: Sequence[float], n: Sequence[int]) -> Quality:
    """Of predicted fail rates, against counts of failures among rollouts."""
    found, failed, asked = np.array(predicted, float), np.array(fails, float), np.array(n, float)
    rates = failed / asked
    edges = np.digitize(found, _BINS[1:-1])
    bins = [(edges == k) for k in range(len(_BINS) - 1)]
    return Quality(
        len(found),
        auc(found, failed > 0),
        auc(found, rates >= 0.25),
        deviance_explained(predicted, fails, n),
        tuple(
            (int(one.sum()), round(float(found[one].mean()), 4), round(float(rates[one].mean()), 4))
            for one in bins
            if one.any()
        ),
    )


def deviance_explained(
    predicted: Sequence[float], fails: Sequence[float], n: Sequence[int], base: Sequence[float] | None = None
) -> float | None:
    """1 - D(predicted) / D(base), with D the binomial deviance. ``base``: None for the mean fail rate of all. None
    where the base leaves nothing to explain."""
    failed, asked = np.array(fails, float), np.array(n, float)
    null = np.full(len(failed), failed.sum() / asked.sum()) if base is None else np.array(base, float)
    whole = _deviance(null, failed, asked)
    return round(1.0 - _deviance(np.array(predicted, float), failed, asked) / whole, 4) if whole > 0 else None


def _deviance(rate: "np.ndarray", fails: "np.ndarray", n: "np.ndarray") -> float:
    rate, passes = rate.clip(_LIMIT, 1 - _LIMIT), n - fails
    likely = xlogy(fails, rate) + xlogy(passes, 1 - rate)
    best = xlogy(fails, fails / n) + xlogy(passes, passes / n)
    return float(2 * (best - likely).sum())


def auc(scores: "Sequence[float] | np.ndarray", labels: "Sequence[bool] | np.ndarray") -> float | None:
    """How often a labelled row scores above one that is not; None where all labels are equal."""
    from sklearn.metrics import roc_auc_score

    return round(float(roc_auc_score(labels, scores)), 4) if 0 < sum(labels) < len(labels) else None
