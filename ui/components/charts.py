"""The figures of a run as plain data: what a chart shows, what it says in words, and the same numbers as a table.

A chart is one entry here; ``ui.components.chart_board`` draws it. Knows neither SQL nor Gradio.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from store.database.outcomes import FunnelRow
from store.explore.overview import Bin, Overview

Chart = dict[str, Any]

_NUMBERS = {
    "difficulty": ("Difficulty", "Predicted fail rate: 0 is always solved, 1 never."),
    "reward": ("Reward", "Of each question's best-scored solution."),
    "agreement": ("Agreement", "Share of the samples whose final answer equals the chosen one's."),
    "length": ("Question length", "In characters."),
}


def charts(found: Overview) -> list[Chart]:
    """What Home shows, in order; a distribution without a single value is left out."""
    shown = [funnel(found.funnel)] if found.funnel and found.funnel[0].entered else []
    for name, (title, note) in _NUMBERS.items():
        if found.counts[name]:
            shown.append(histogram(name, title, note, found.counts[name]))
    if found.counts["topic"]:
        shown.append(topics(found.counts["topic"]))
    return shown


def funnel(rows: Sequence[FunnelRow]) -> Chart:
    """Kept questions a stage, with what each stage dropped."""
    first = max(rows[0].entered, 1)
    names = [row.stage for row in rows]
    return {
        "id": "funnel",
        "title": "Funnel",
        "note": f"{rows[-1].kept:,} of {rows[0].entered:,} questions became pairs ({rows[-1].kept / first:.0%}).",
        "traces": [
            {
                "type": "bar",
                "orientation": "h",
                "role": "kept",
                "x": [row.kept for row in rows],
                "y": names,
                "text": [f"{row.kept:,}" + (f" (-{row.dropped:,})" if row.dropped else "") for row in rows],
                "hovertemplate": "%{y}: %{x:,} kept<extra></extra>",
            }
        ],
        "layout": {"yaxis": {"autorange": "reversed"}, "xaxis": {"rangemode": "tozero"}},
        "columns": ["stage", "entered", "kept", "dropped", "pending"],
        "rows": [[row.stage, row.entered, row.kept, row.dropped, row.pending] for row in rows],
    }


def histogram(name: str, title: str, note: str, bins: Sequence[Bin]) -> Chart:
    """Pairs in front of all questions, on the same bins."""
    middles = [((b.low or 0.0) + (b.high or 0.0)) / 2 for b in bins]
    width = (bins[0].high or 0.0) - (bins[0].low or 0.0)
    sides = (("every", [b.every for b in bins], "questions"), ("kept", [b.kept for b in bins], "pairs"))
    traces = [
        {
            "type": "bar",
            "role": role,
            "x": middles,
            "y": counts,
            "width": width,
            "customdata": [b.label for b in bins],
            "hovertemplate": f"%{{customdata}}: %{{y:,}} {what}<extra></extra>",
        }
        for role, counts, what in sides
    ]
    layout = {"yaxis": {"rangemode": "tozero"}, "xaxis": {"range": [bins[0].low, bins[-1].high]}}
    return _counted(name, title, f"{note} Grey: all questions; colour: pairs.", traces, layout, bins)


def topics(bins: Sequence[Bin]) -> Chart:
    """Questions by MATH subject, most frequent first."""
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "role": role,
            "x": [getattr(b, role) for b in bins],
            "y": [b.label for b in bins],
            "hovertemplate": f"%{{y}}: %{{x:,}} {what}<extra></extra>",
        }
        for role, what in (("every", "questions"), ("kept", "pairs"))
    ]
    layout = {"yaxis": {"autorange": "reversed"}}
    return _counted("topic", "Topic", "By a classifier. Grey: all questions; colour: pairs.", traces, layout, bins)


def _counted(
    name: str, title: str, note: str, traces: list[dict[str, Any]], layout: dict[str, Any], bins: Sequence[Bin]
) -> Chart:
    return {
        "id": name,
        "title": title,
        "note": note,
        "traces": traces,
        "layout": layout,
        "columns": [name, "questions", "pairs"],
        "rows": [[b.label, b.every, b.kept] for b in bins if b.every],
    }
