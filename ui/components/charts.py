"""The charts of runs as plain data: traces, title, note and the numbers as a table; and the texts of all charts."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from store.explore.overview import Bin, Overview
from ui.web.escape import visible

Chart = dict[str, Any]
_TICKS = 5
"""The most steps between the ticks of an axis of counts."""


class ChartText(NamedTuple):
    """A chart's title, the sentence under it, the title of its axis."""

    title: str
    note: str
    axis: str


CHARTS = {
    "difficulty": ChartText(
        "Difficulty", "Predicted fail rate: 0 is always solved, 1 is never.", "share of attempts expected to fail"
    ),
    "reward": ChartText("Reward", "Reward of each question's best solution.", "reward of the best sample"),
    "agreement": ChartText("Agreement", "Share of samples with the chosen sample's final answer.", "share of samples"),
    "query_chars": ChartText("Question length", "In characters.", "characters of the question"),
    "pass_rate": ChartText("Pass rate", "", "share of rollouts"),
    "reasoning_tokens": ChartText(
        "Reasoning length", "Tokens that the chosen solution spends on reasoning.", "tokens of reasoning"
    ),
    "repetition": ChartText(
        "Repetition", "Share of the chosen solution's n-grams that occur before in it.", "share of repeated n-grams"
    ),
    "response_chars": ChartText(
        "Solution length in characters",
        "Of the chosen solution and its reasoning.",
        "characters of the chosen solution",
    ),
    "response_tokens": ChartText(
        "Solution length in tokens", "Tokens of the chosen solution.", "tokens of the chosen solution"
    ),
    "topic": ChartText(
        "Topic", "Assigned by a classifier. Click a bar to filter; Ctrl or Shift selects several.", "topic"
    ),
}
CHARTS["length"] = CHARTS["query_chars"]


def rate_note(model: str | None) -> str:
    """The sentence under a chart of pass rates; None: of the model that was measured first."""
    whose = "a model's" if model is None else f"{visible(model)}'s"
    return f"Share of {whose} rollouts that reach the gold answer{', as measured first' if model is None else ''}."


def charts(overview: Overview) -> list[Chart]:
    """Home's charts, in order; distributions without values are left out."""
    drawn = []
    for name, bins in overview.counts.items():
        if bins and name != "topic":
            drawn.append(histogram(name, bins))
    if overview.counts["topic"]:
        drawn.append(topics(overview.counts["topic"]))
    return drawn


def histogram(name: str, bins: Sequence[Bin]) -> Chart:
    """Pairs in front of all questions, on the same bins."""
    middles = [((b.low or 0.0) + (b.high or 0.0)) / 2 for b in bins]
    shape = {"x": middles, "width": (bins[0].high or 0.0) - (bins[0].low or 0.0), "customdata": [b.label for b in bins]}
    values = {"range": [bins[0].low, bins[-1].high], "title": {"text": CHARTS[name].axis}}
    layout = {"yaxis": count_axis(max(b.every for b in bins)), "xaxis": values}
    return _counted(name, CHARTS[name].note, "y", "%{customdata}: %{y:,}", shape, layout, bins)


def topics(bins: Sequence[Bin]) -> Chart:
    """Questions by MATH subject, most frequent first."""
    shape = {"orientation": "h", "y": [b.label for b in bins]}
    layout = {"yaxis": {"autorange": "reversed"}, "xaxis": count_axis(max(b.every for b in bins))}
    return _counted("topic", "Assigned by a classifier.", "x", "%{y}: %{x:,}", shape, layout, bins)


def count_axis(most: int, what: str = "questions") -> dict[str, Any]:
    """The axis of counts up to ``most``: from zero, with whole numbers at its ticks."""
    axis = {"rangemode": "tozero", "tickformat": ",d", "nticks": _TICKS, "title": {"text": what}}
    return axis | ({"dtick": 1} if most <= _TICKS else {})


def _counted(
    name: str, note: str, axis: str, hover: str, shape: dict[str, Any], layout: dict[str, Any], bins: Sequence[Bin]
) -> Chart:
    """Two bars for each bin, along ``axis``: all questions in grey, pairs in colour."""
    return {
        "id": name,
        "title": CHARTS[name].title,
        "note": f"{note} Grey: all questions; colour: pairs.",
        "traces": [
            {
                "type": "bar",
                "role": role,
                axis: [getattr(b, role) for b in bins],
                "hovertemplate": f"{hover} {noun}<extra></extra>",
                **shape,
            }
            for role, noun in (("every", "questions"), ("kept", "pairs"))
        ],
        "layout": layout,
        "filters": {b.label: _filter(name, b) for b in bins if b.every},
        "columns": [name, "questions", "pairs"],
        "rows": [[b.label, b.every, b.kept] for b in bins if b.every],
    }


def _filter(name: str, one: Bin) -> dict[str, Any]:
    """Explore's filter for the questions of a bin."""
    if name == "topic":
        return {"topic": [one.label]}
    return {"query_chars" if name == "length" else name: [one.low, one.high]}
