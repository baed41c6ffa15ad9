"""A chart of two sides' estimates with their intervals, one row a measure."""

from collections.abc import Sequence
from typing import Any

from engine.compare import Figure
from ui.components.charts import Chart
from ui.web.escape import percent

Row = tuple[str, Figure | None, Figure | None]
_APART = 0.16
"""How far above and below a measure's line its two sides are, so that neither covers the other."""


def interval_chart(id: str, title: str, note: str, rows: Sequence[Row], names: tuple[str, str]) -> Chart | None:
    """Dots with 95 % intervals for shares of A (grey, above) and B (coloured, below); None without an estimate."""
    known = [row for row in rows if row[1] is not None or row[2] is not None]
    if not known:
        return None
    traces = [_trace(known, side, names[side]) for side in (0, 1)]
    places = list(range(len(known)))
    layout: dict[str, Any] = {
        "xaxis": {"tickformat": ".0%", "rangemode": "tozero", "title": {"text": "share, with its 95 % interval"}},
        "yaxis": {
            "tickvals": places,
            "ticktext": [name for name, *_ in known],
            "range": [len(known) - 0.5, -0.5],
            "zeroline": False,
        },
    }
    return {
        "id": id,
        "title": title,
        "note": f"{note} Grey, above: {names[0]}; coloured, below: {names[1]}. Lines are 95 % intervals.",
        "traces": traces,
        "layout": layout,
        "columns": ["", "A", "A, interval", "B", "B, interval"],
        "rows": [[name, *_cells(first), *_cells(second)] for name, first, second in known],
    }


def _trace(rows: Sequence[Row], side: int, name: str) -> dict[str, Any]:
    both = [(place, (first, second)[side]) for place, (_, first, second) in enumerate(rows)]
    shown = [(place, figure) for place, figure in both if figure is not None]
    figures = [figure for _, figure in shown]
    return {
        "type": "scatter",
        "mode": "markers",
        "role": ("every", "kept")[side],
        "name": name,
        "x": [figure.value for figure in figures],
        "y": [place + (-_APART, _APART)[side] for place, _ in shown],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [max(figure.high - figure.value, 0.0) for figure in figures],
            "arrayminus": [max(figure.value - figure.low, 0.0) for figure in figures],
            "thickness": 2,
            "width": 4,
        },
        "marker": {"size": 9, "symbol": ("circle-open", "circle")[side]},
        "customdata": [f"{rows[place][0]}, {'AB'[side]}: {' '.join(_cells(figure))}" for place, figure in shown],
        "hovertemplate": "%{customdata}<extra></extra>",
        "cliponaxis": False,
    }


def _cells(figure: Figure | None) -> list[str]:
    if figure is None:
        return ["-", "-"]
    low, high = max(figure.low, 0.0), min(figure.high, 1.0)
    return [percent(figure.value, 1), f"({percent(low, 1)} to {percent(high, 1)})"]
