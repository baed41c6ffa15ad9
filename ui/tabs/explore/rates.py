"""Explore's measured pass rates: which models there are, their rates side by side, and how well difficulty predicts."""

from dataclasses import asdict
from typing import Any

from store.explore import pass_rates
from store.frame.frame import Frame, Selection
from store.statistics import Rate
from ui.components.charts import rate_note
from ui.web.escape import visible

Reply = dict[str, Any]


def choices(frame: Frame) -> Reply:
    """The models that the chart of pass rates offers, and the one that it shows; empty where nothing was measured."""
    if not frame.rates:
        return {}
    known = dict.fromkeys([*frame.rates, *([frame.rate_model] if frame.rate_model else [])])
    models = [(model, visible(model)) for model in known]
    return {"note": rate_note(frame.rate_model), "models": models, "model": frame.rate_model}


def summary(selection: Selection) -> Reply | None:
    """The models side by side, and predicted against measured; None where nothing was measured."""
    frame = selection.frame
    if not frame.rates:
        return None
    found = pass_rates.reliability(selection)
    return {
        "models": [
            {"name": visible(one.model), "counts": one.counts, **_rate(one.mean)}
            for one in pass_rates.models(selection)
        ],
        "reliability": None if found is None else _reliability(found, frame.rate_model),
    }


def _reliability(found: pass_rates.Reliability, model: str | None) -> Reply:
    bins = [{"from": one.low, "to": one.high, "predicted": one.predicted, **_rate(one.measured)} for one in found.bins]
    return {"bins": bins, "figures": _figures(found), "model": None if model is None else visible(model)}


def _figures(found: pass_rates.Reliability) -> str:
    parts = [
        f"{found.questions:,} questions, {100 * found.base:.1f} % of rollouts fail",
        f"Brier score {found.brier:.3f} (the base rate for all: {found.brier_base:.3f})",
    ]
    if found.explained is not None:
        parts.append(f"deviance explained {found.explained:.2f}")
    if found.auc is not None:
        parts.append(f"AUC of “fails at all” {found.auc:.3f}")
    return f"{'; '.join(parts)}."


def _rate(rate: Rate) -> Reply:
    return {"n": rate.n} | {name: asdict(rate)[name] for name in ("value", "low", "high")}
