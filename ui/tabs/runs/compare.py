"""Two runs side by side: their settings, funnels with intervals, costs and distributions. Numbers of an active run are
as of now."""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from engine.compare import Figure, difference, share
from store.database import run_queries
from store.database.outcomes import FunnelRow
from store.database.workspace import Workspace
from store.explore.overview import Bin, compared
from store.frame.cache import Frames
from store.records import Run
from ui.components.charts import CHARTS, Chart
from ui.components.sheet import Cell, Part, table, text
from ui.tabs.runs.intervals import interval_chart
from ui.web.escape import percent, shorten

EVERY, PAIRS = "all questions", "pairs"
_LONGEST = 160


def side_by_side(
    workspace: Workspace, frames: Frames, first: str, second: str, of: str
) -> tuple[list[Part], list[Chart]]:
    """The tables and the charts. InputError for a run that is not there."""
    runs = workspace.run(first), workspace.run(second)
    with workspace.cursor() as cursor:
        funnels = [run_queries.funnel(cursor, run.run_id) for run in runs]
        costs = [run_queries.costs(cursor, run.run_id) for run in runs]
        not_run = [run_queries.stages_not_run(cursor, run.run_id) for run in runs]
    counts = compared(frames.of(workspace, now=True), first, second)
    names = [f"{letter}: {run.name or run.run_id}" for letter, run in zip("AB", runs, strict=True)]
    pairs = [funnel[-1].kept if funnel else 0 for funnel in funnels]
    parts = [_settings(runs, names), _funnels(funnels, names, not_run), *_costs(costs, pairs)]
    charts = [_passed(funnels, names, not_run), *(_chart(name, *counts[name], names, of) for name in counts)]
    return parts, [chart for chart in charts if chart is not None]


def differences(first: dict[str, Any], second: dict[str, Any]) -> list[tuple[str, str, str]]:
    """``(nested path, value in the first, in the second)`` of each field in which two JSON objects differ."""
    one, other = dict(_leaves(first)), dict(_leaves(second))
    paths = [path for path in {**one, **other} if one.get(path) != other.get(path)]
    return [(path, _text(one.get(path)), _text(other.get(path))) for path in paths]


def _leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Objects in lists are identified by their names where they have one, as generators are."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, list) and data and all(isinstance(item, dict) for item in data):
        for number, item in enumerate(data):
            yield from _leaves(item, f"{path}[{item.get('name', number)}]")
    else:
        yield path, data


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return shorten(str(value) if not isinstance(value, list) else ", ".join(map(str, value)) or "none", _LONGEST)


def _settings(runs: tuple[Run, Run], names: Sequence[str]) -> Part:
    found = differences(runs[0].config, runs[1].config)
    if not found:
        return text("Both runs have the same settings.")
    return table("Different settings", ["field", *names], found)


def _funnels(funnels: Sequence[list[FunnelRow]], names: Sequence[str], not_run: Sequence[set[str]]) -> Part:
    rows: list[list[Cell]] = []
    for pair, shares in _shares(funnels, not_run):
        passed: list[Cell] = [pair[0].stage]
        for row, found in zip(pair, shares, strict=True):
            passed += ["not run", "-"] if found is None else [row.kept, percent(found.value, 1)]
        first, second = shares
        apart = "-" if first is None or second is None else _difference(first, second)
        rows.append([*passed, apart])
    columns = ["stage", f"{names[0]}, passed", "share", f"{names[1]}, passed", "share", "B - A (95 % interval)"]
    return table("Passed at each stage, of all questions", columns, rows)


def _difference(first: Figure, second: Figure) -> str:
    gap = difference(first, second)
    value, low, high = (100 * number for number in (gap.value, gap.low, gap.high))
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f})"


def _shares(
    funnels: Sequence[list[FunnelRow]], not_run: Sequence[set[str]]
) -> Iterator[tuple[tuple[FunnelRow, ...], list[Figure | None]]]:
    """By stage, both rows of the funnel and the shares of all questions that passed; None where nobody ran it."""
    totals = [funnel[0].entered if funnel else 0 for funnel in funnels]
    for pair in zip(*funnels, strict=False):
        yield (
            pair,
            [
                share(row.kept, total) if total and row.stage not in absent else None
                for row, total, absent in zip(pair, totals, not_run, strict=True)
            ],
        )


def _passed(funnels: Sequence[list[FunnelRow]], names: Sequence[str], not_run: Sequence[set[str]]) -> Chart | None:
    found = [(pair[0].stage, shares) for pair, shares in _shares(funnels, not_run)][1:]
    rows = [(stage, shares[0], shares[1]) for stage, shares in found]
    note = "Share of all questions that passed each stage."
    return interval_chart("compare-stages", "Passed at each stage", note, rows, (names[0], names[1]))


def _costs(costs: Sequence[list[run_queries.Cost]], pairs: Sequence[int]) -> list[Part]:
    """Nothing where neither run called a model."""
    rows: list[list[Cell]] = []
    for stages in zip(*costs, strict=True):
        if any(cost.calls for cost in stages):
            rows.append([stages[0].stage, *_per(stages, pairs)])
    if not rows:
        return []
    sums = [
        run_queries.Cost("all", 0, sum(c.tokens for c in of_run), sum(c.seconds for c in of_run)) for of_run in costs
    ]
    rows.append(["all stages", *_per(sums, pairs)])
    columns = ["stage", "A: tokens", "B: tokens", "A: model s", "B: model s"]
    return [table("Cost of 1,000 pairs (model seconds summed over parallel calls)", columns, rows)]


def _per(stages: Sequence[run_queries.Cost], pairs: Sequence[int]) -> list[Cell]:
    """Tokens of both, then seconds of both, for 1,000 pairs."""
    both = list(zip(stages, pairs, strict=True))
    tokens: list[Cell] = [round(c.tokens * 1000 / n) if n and (c.tokens or c.seconds) else "-" for c, n in both]
    return tokens + [round(c.seconds * 1000 / n, 1) if n and (c.tokens or c.seconds) else "-" for c, n in both]


def _chart(name: str, first: Sequence[Bin], second: Sequence[Bin], names: Sequence[str], of: str) -> Chart | None:
    """The shares of both runs on the same bins; None where neither has a value."""
    count = attrgetter("kept" if of == PAIRS else "every")
    totals = [sum(map(count, bins)) for bins in (first, second)]
    if not any(totals):
        return None
    shares = [[count(b) / (total or 1) for b in bins] for bins, total in zip((first, second), totals, strict=True)]
    labels = [b.label for b in first]
    traces = [
        {**(_dots if name == "topic" else _steps)(first, values), "role": role, "customdata": labels, **look}
        for role, values, look in zip(("every", "kept"), shares, _LOOKS[name == "topic"], strict=True)
    ]
    share_axis = {"tickformat": ".0%", "rangemode": "tozero", "title": {"text": f"share of {of}"}}
    values = {"range": [first[0].low, first[-1].high], "title": {"text": CHARTS[name].axis}}
    layout: dict[str, Any] = {"xaxis": values, "yaxis": share_axis}
    if name == "topic":
        layout = {"xaxis": share_axis, "yaxis": {"autorange": "reversed"}}
    how, other = (
        ("Grey dots", "coloured dots") if name == "topic" else ("The grey dotted line", "the coloured solid line")
    )
    legend = f"{how}: {names[0]} ({totals[0]:,}); {other}: {names[1]} ({totals[1]:,})"
    return {
        "id": f"compare-{name}",
        "title": CHARTS[name].title,
        "note": f"Share of {of}, for each run. {legend}.",
        "traces": traces,
        "layout": layout,
        "columns": [name, "A", "A, share", "B", "B, share"],
        "rows": [
            [b.label, count(b), percent(one, 1), count(c), percent(two, 1)]
            for b, c, one, two in zip(first, second, *shares, strict=True)
            if count(b) or count(c)
        ],
    }


_LOOKS: tuple[tuple[dict[str, Any], ...], ...] = (
    ({"line": {"shape": "hv", "dash": "dot", "width": 2.5}}, {"line": {"shape": "hv", "width": 2.5}}),
    ({"text": "A", "textposition": "top center"}, {"text": "B", "textposition": "bottom center"}),
)
"""Of the first and the second run, as lines and as dots: they differ in more than colour."""
_HOVER = "%{{customdata}}: %{{{}:.1%}}<extra></extra>"


def _steps(bins: Sequence[Bin], shares: Sequence[float]) -> dict[str, Any]:
    """A line over the bins, from the first's lower edge to the last's upper."""
    points = {"x": [*(b.low for b in bins), bins[-1].high], "y": [*shares, shares[-1]]}
    return {"type": "scatter", "mode": "lines", "hovertemplate": _HOVER.format("y"), **points}


def _dots(bins: Sequence[Bin], shares: Sequence[float]) -> dict[str, Any]:
    points = {"x": list(shares), "y": [b.label for b in bins], "cliponaxis": False}
    return {"type": "scatter", "mode": "markers+text", "hovertemplate": _HOVER.format("x"), **points}
