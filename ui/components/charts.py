"""The charts of runs as plain data: traces, a title, a note, and the same numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from store.database.outcomes import FunnelRow
from store.explore.overview import Bin, Overview

Chart = dict[str, Any]

_NUMBERS = {
    "difficulty": ("Difficulty", "Predicted fail rate: 0 is always solved, 1 is never."),
    "reward": ("Reward", "Reward of each question's best solution."),
    "agreement": ("Agreement", "Share of samples with the chosen sample's final answer."),
    "length": ("Question length", "In characters."),
}


def charts(overview: Overview) -> list[Chart]:
    """Home's charts, in order; distributions without values are left out."""
    drawn = [funnel(overview.funnel)] if overview.funnel and overview.funnel[0].entered else []
    for name, (title, note) in _NUMBERS.items():
        if overview.counts[name]:
            drawn.append(histogram(name, title, note, overview.counts[name]))
    if overview.counts["topic"]:
        drawn.append(topics(overview.counts["topic"]))
    return drawn


def funnel(rows: Sequence[FunnelRow]) -> Chart:
    """Questions that each stage kept and dropped."""
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
    return _counted(
        "topic", "Topic", "Assigned by a classifier. Grey: all questions; colour: pairs.", traces, layout, bins
    )


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
