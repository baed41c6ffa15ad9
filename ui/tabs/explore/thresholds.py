"""The what-if section of the Explore tab: thresholds on sliders, and at once what they would keep.

One component draws itself in the browser (``assets/static/whatif_*.js``) from what ``whatif_look`` answers, read-only
and without a queue; all that comes from data is set there as text. It follows the filter in the page's address. What
is counted, and of which rows, is ``store.explore.thresholds``'s business; the words are here.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import gradio as gr

from store.database.sources import Source, SourceSelector
from store.errors import InputError, ScaleQuestError
from store.explore import query, thresholds
from store.explore.thresholds import (
    Border,
    CandidateCounts,
    Edge,
    KeptCounts,
    NearbyDecisions,
    ThresholdedSelection,
    Thresholds,
)
from store.filters.filter import Filter
from store.filters.saved_views import LONGEST
from store.frame.cache import Frames
from store.frame.frame import Frame
from store.statistics import wilson
from ui.tabs.explore import labels as words
from ui.tabs.explore import saved_views
from ui.web import assets
from ui.web.escape import visible

_SCRIPTS = ("whatif_state.js", "whatif_sliders.js")
_CUT = 200
"""Characters of a question that is shown beside a slider."""
_FEW = 5
"""Decided rows under which no rate is told."""
_DUPLICATES = (
    "Off drops each row that was marked as near an earlier question; the earlier one stays. How near is not known here."
)


def section(sources: SourceSelector, frames: Frames) -> None:
    """Draws the section, closed, into the open blocks. ``frames``: those that Explore looks at too."""

    def whatif_look(asked: Any) -> dict[str, Any]:
        try:
            return _look(sources.reading(), frames, asked if isinstance(asked, dict) else {})
        except ScaleQuestError as error:
            return {"error": visible(str(error)[:500])}

    def whatif_keep(asked: Any) -> dict[str, Any]:
        given = asked if isinstance(asked, dict) else {}
        try:
            rest, own = thresholds.split(saved_views.read(given.get("filter")))
            name = given.get("name")
            joined = thresholds.join(rest, _thresholds(given.get("thresholds"), own))
            name = saved_views.keep(sources, name if isinstance(name, str) else "", joined)
        except ScaleQuestError as error:
            return {"error": visible(str(error)[:500])}
        return {"said": f"Kept as “{visible(name)}”, among Explore's saved views."}

    with gr.Accordion("What if: thresholds", open=False, elem_id="whatif-section"):
        gr.HTML(
            "",
            html_template=assets.text("whatif.html"),
            css_template=assets.text("whatif.css"),
            js_on_load=assets.script(*_SCRIPTS),
            server_functions=[whatif_look, whatif_keep],
            apply_default_css=False,
            elem_id="whatif",
            longest=LONGEST,
            duplicates=_DUPLICATES,
        )


def _look(source: Source, frames: Frames, asked: dict[str, Any]) -> dict[str, Any]:
    refused = None
    try:
        rest, own = thresholds.split(saved_views.read(asked.get("filter")))
    except InputError as error:
        rest, own = thresholds.split(Filter())
        refused = visible(f"The filter in the address was left out. {str(error)[:300]}")
    set_ = _thresholds(asked.get("thresholds"), own)
    frame = frames.of(source)
    candidates = query.select(source, frame, rest)
    cut = ThresholdedSelection(candidates, set_)
    kept = cut.kept()
    key = f"{hash((frame.version, rest)) & (2**64 - 1):x}"
    reply: dict[str, Any] = {
        "key": key,
        "refused": refused,
        "part": f"So far of a sample: {frame.size:,} of {frame.total:,} questions." if frame.size < frame.total else "",
        "own": _plain(own),
        "thresholds": _plain(set_),
        "count": kept.count,
        "pairs": f"{kept.pairs:,} of them {'is a pair' if kept.pairs == 1 else 'are pairs'} as things stand.",
        "tokens": kept.tokens,
        "topics": kept.topics,
        "drops": {edge.id: _drops(edge, kept) for edge in cut.edges},
    }
    if asked.get("known") != key:
        reply["base"] = _base(source, thresholds.count_candidates(candidates), rest)
    if asked.get("rows") is True:
        reply["borders"] = _borders(source, frame, cut.borders())
    return reply


def _thresholds(given: Any, own: Thresholds) -> Thresholds:
    """As a browser sends them; None are the filter's own. InputError names what is wrong, as in a filter."""
    if given is None:
        return own
    if not isinstance(given, dict):
        raise InputError("thresholds", type(given).__name__, "is not an object", "reload the page")
    floors = {name: [given.get(name), None] for name in ("reward", "agreement")}
    read = Filter.from_json({"difficulty": given.get("difficulty"), **floors})
    return Thresholds(read.difficulty, read.reward[0], read.agreement[0], given.get("duplicates") is not False)


def _plain(set_: Thresholds) -> dict[str, Any]:
    return asdict(set_) | {"difficulty": list(set_.difficulty)}


def _base(source: Source, base: CandidateCounts, rest: Filter) -> dict[str, Any]:
    """What changes only with the filter and the rows."""
    charts = []
    for name, (bins, counts, none) in base.numbers.items():
        told = words.CHARTS[name]
        without = f"{none:,} of the candidates have no {name}: they pass only while the slider stands at its end."
        note = f"{told.note} {without if none else ''}"
        charts.append({"id": name, "title": told.title, "note": note, "counts": counts, **asdict(bins)})
    unknown = base.unknown_tokens
    parts = [part["text"] for part in words.parts(rest, {run.run_id: run.name for run in source.runs()})]
    return {
        "count": base.count,
        "tokens": base.tokens,
        "untold": f"{unknown:,} have no token count and are left out of the sum." if unknown else "",
        "topics": [
            {"text": words.NONE["topic"] if value is None else visible(value), "count": n} for value, n in base.topics
        ],
        "charts": charts,
        "duplicates": f"{base.duplicates:,} of the candidates are marked.",
        "about": f"Candidates: {base.count:,} questions that have a chosen solution, of Explore's filter without what "
        f"the sliders set ({', '.join(parts)}).",
    }


def _drops(edge: Edge, kept: KeptCounts) -> str:
    subject = {"difficulty_from": "The lower end drops", "difficulty_to": "The upper end drops"}.get(edge.id, "Drops")
    if edge.value is None:
        return f"{subject} none."
    all_, alone = kept.fails[edge.id]
    return f"{subject} {all_:,}, {alone:,} of which nothing else drops."


def _borders(source: Source, frame: Frame, borders: list[Border]) -> dict[str, Any]:
    """The rows beside each threshold; their texts are read together."""
    wanted = list(dict.fromkeys(at for border in borders for at in (*border.kept, *border.dropped)))
    rows = dict(zip(wanted, query.rows_at(source, frame, wanted), strict=True))

    def shown(at: int, name: str) -> dict[str, Any]:
        query = rows[at].query
        text = "(deleted meanwhile)" if query is None else visible(query) or "(no text)"
        value = float(frame.numbers[name][at])
        return {
            "id": rows[at].question_id,
            "value": f"{value:,.0f}" if name == "near_duplicates" else f"{round(value, 4) + 0.0:.4f}",
            "text": text if len(text) <= _CUT else text[:_CUT] + "…",
        }

    return {
        border.edge.id: {
            "kept": [shown(at, border.edge.name) for at in border.kept],
            "dropped": [shown(at, border.edge.name) for at in border.dropped],
            "decided": _decided(border.decided),
        }
        for border in borders
    }


def _decided(told: NearbyDecisions | None) -> str:
    """The reviewers' accept rate near a threshold; nothing where there is no threshold that they could tell of."""
    if told is None:
        return ""
    where = f"within {told.reach:.2g} of this threshold"
    if told.n < _FEW:
        some = f"Only {told.n} row{'s' if told.n > 1 else ''}" if told.n else "No row"
        return f"{some} {where} accepted or rejected by reviewers: too few for a rate."
    low, high = (f"{end:.0%}".removesuffix("%") for end in wilson(told.accepted, told.n))
    span = f"{told.low:.4g}" if told.low == told.high else f"{told.low:.4g} to {told.high:.4g}"
    return (
        f"Reviewers accepted {told.accepted} of the {told.n} nearest rows that they decided, {where} ({span}): "
        f"{100 * told.accepted / told.n:.0f} %, 95 % interval {low} to {high} %."
    )
