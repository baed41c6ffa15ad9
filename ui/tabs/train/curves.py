"""A training's progress as charts: loss, learning rate and, for preferences, accuracy and margin.

Long curves are thinned to what a screen can show.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ui.components.charts import Chart

Point = tuple[int, float]

_MOST, _ROWS = 400, 40  # points and table rows of a chart; longer curves are averaged over equal intervals
_SMOOTH = 20  # the running mean covers this fraction of the curve: one twentieth of it
_SERIES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("loss", "Loss", "The training objective.", {}),
    ("ranked_right", "Preference accuracy", "Share of pairs whose chosen text has the higher implicit reward.",
     {"range": [0, 1.02]}),
    ("margin", "Margin", "Mean implicit reward of the chosen texts minus that of the rejected ones.", {}),
    ("lr", "Learning rate", "Warm-up, then decay.", {"rangemode": "tozero", "tickformat": ".1e"}),
)  # fmt: skip


def charts(events: Sequence[dict[str, Any]]) -> list[Chart]:
    """One chart for each figure that the progress events (in order) carry."""
    shown = []
    for key, title, note, axis in _SERIES:
        values = [(event["done"], event[key]) for event in events if isinstance(event.get(key), (int, float))]
        points = [(step, float(value)) for step, value in values if math.isfinite(value)]
        if points:
            if values[-1] != points[-1]:
                note += f" Not a number after step {points[-1][0]:,}: training diverged; try a lower --lr."
            shown.append(_chart(key, title, note, axis, points))
    return shown


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most ``most`` points: means over equal intervals, each at its last step."""
    n = len(points)
    if n <= most:
        return list(points)
    edges = [i * n // most for i in range(most + 1)]
    parts = [points[low:high] for low, high in pairwise(edges)]
    return [(part[-1][0], sum(y for _, y in part) / len(part)) for part in parts]


def running_mean(points: Sequence[Point], window: int) -> list[Point]:
    """Each point as the mean of the last ``window`` ones."""
    sums = [0.0]
    for _, y in points:
        sums.append(sums[-1] + y)
    return [(x, (sums[i + 1] - sums[max(0, i + 1 - window)]) / min(i + 1, window)) for i, (x, _) in enumerate(points)]


def _chart(key: str, title: str, note: str, axis: dict[str, Any], points: list[Point]) -> Chart:
    window = max(len(points) // _SMOOTH, 1)
    step, last = points[-1]
    note = f"{note} {_figure(last)} at step {step:,}."
    smooth = key != "lr" and window > 1
    mean = running_mean(points, window)
    traces = [_line("every", thinned(points, _MOST))] if smooth else []
    traces.append(_line("kept", thinned(mean if smooth else points, _MOST)))
    if smooth:
        note += f" Grey: logged values; colour: running mean of {window}."
    both = zip(thinned(points, _ROWS), thinned(mean, _ROWS), strict=True)
    rows = [[x, _figure(y), _figure(m)] if smooth else [x, _figure(y)] for (x, y), (_, m) in both]
    return {
        "id": f"train-{key}",
        "title": title,
        "note": note,
        "traces": traces,
        "layout": {"xaxis": {"title": {"text": "step"}, "rangemode": "tozero"}, "yaxis": axis},
        "columns": ["step", title.lower(), f"mean of {window}"] if smooth else ["step", title.lower()],
        "rows": rows,
    }


def _line(role: str, points: list[Point]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines" if len(points) > 1 else "markers",
        "role": role,
        "x": [x for x, _ in points],
        "y": [y for _, y in points],
        "line": {"width": 1 if role == "every" else 2},
        "opacity": 0.6 if role == "every" else 1,
        "hovertemplate": "step %{x:,}: %{y:.4g}<extra></extra>",
    }


def _figure(value: float) -> str:
    """Four significant digits: ``1.234``, ``2e-05``."""
    return f"{value:.4g}"
