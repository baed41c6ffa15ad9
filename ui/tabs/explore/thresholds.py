"""The what-if section of the Explore tab: thresholds on sliders, and what they would keep.

One component draws itself in the browser (``assets/static/thresholds``) from what ``_look`` answers; it follows the
filter in the page's address. ``store.explore.thresholds`` counts, this module finds the words.
"""

from dataclasses import asdict
from typing import Any

import gradio as gr

from store.database.sources import Source, SourceSelector
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
from store.filters import saved_views
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.frame.frame import Frame
from store.records import CORRECT
from store.statistics import wilson
from ui.components.charts import CHARTS, rate_note
from ui.tabs.explore import labels
from ui.tabs.explore.saved_views import save
from ui.web import assets
from ui.web.escape import plural, shorten, visible
from ui.web.requests import AddressFilter, AddressFilterField, FilterField, Reply, Request, Text, server_function

_LONGEST = 200
"""Characters of a question next to a slider."""
_FEWEST = 5
"""Reviewed rows that an accept rate needs."""
_DUPLICATES = (
    "Off drops each question that is marked as a near-duplicate of an earlier one, which stays. The similarity "
    "threshold cannot be changed here."
)


class ThresholdsField(Request):
    """Thresholds as the sliders set them; None is an open end."""

    difficulty: tuple[float | None, float | None] = (None, None)
    pass_rate: tuple[float | None, float | None] = (None, None)
    reward: float | None = None
    agreement: float | None = None
    duplicates: bool = True

    def value(self) -> Thresholds:
        """InputError names what is wrong, as in a filter."""
        floors = {name: [getattr(self, name), None] for name in ("reward", "agreement")}
        read = Filter.from_json({"difficulty": self.difficulty, "pass_rate": self.pass_rate, **floors})
        return Thresholds(read.difficulty, read.reward[0], read.agreement[0], self.duplicates, read.rate_range)


class WhatIfRequest(Request):
    """``known``: the key of the base data that the page has; ``rows``: whether to send the rows near each threshold."""

    filter: AddressFilterField = AddressFilter()
    thresholds: ThresholdsField | None = None
    known: Text | None = None
    rows: bool = False


class SaveRequest(Request):
    name: Text
    filter: FilterField = Filter()
    thresholds: ThresholdsField | None = None


def section(sources: SourceSelector, frames: Frames) -> None:
    """Draws the view, hidden at first, into the open blocks. ``frames`` are shared with Explore."""

    def keep(request: SaveRequest) -> Reply:
        rest, own = thresholds.split(request.filter)
        joined = thresholds.join(rest, request.thresholds.value() if request.thresholds else own)
        name = save(sources, request.name, joined)
        return {"said": f"Saved as “{visible(name)}”, in the list of saved views above."}

    with gr.Column(elem_id="whatif-section", elem_classes="explore-view"):
        gr.HTML(
            "",
            **assets.component("thresholds"),
            server_functions=[
                server_function("whatif_look", WhatIfRequest, lambda r: _look(sources.current(), frames, r)),
                server_function("whatif_keep", SaveRequest, keep),
            ],
            apply_default_css=False,
            elem_id="whatif",
            longest=saved_views.LONGEST,
            duplicates=_DUPLICATES,
        )


def _look(source: Source, frames: Frames, request: WhatIfRequest) -> Reply:
    rest, own = thresholds.split(request.filter.filter)
    set_ = request.thresholds.value() if request.thresholds else own
    frame = frames.of(source)
    candidates = query.select(source, frame, rest)
    cut = ThresholdedSelection(candidates, set_)
    kept = cut.kept()
    key = f"{hash((frame.version, rest)) & (2**64 - 1):x}"
    reply: Reply = {
        "key": key,
        "refused": visible(request.filter.refused) if request.filter.refused else None,
        "part": f"A sample so far: {frame.size:,} of {frame.total:,} questions." if frame.size < frame.total else "",
        "own": _plain(own),
        "thresholds": _plain(set_),
        "count": kept.count,
        "pairs": f"{kept.pairs:,} of them {'is a pair' if kept.pairs == 1 else 'are pairs'} now.{_correct(kept)}",
        "tokens": kept.tokens,
        "chars": kept.chars,
        "topics": kept.topics,
        "drops": {edge.id: _drops(edge, kept) for edge in cut.edges},
    }
    if request.known != key:
        reply["base"] = _base(source, thresholds.count_candidates(candidates), rest)
    if request.rows:
        reply["borders"] = _borders(source, cut.frame, cut.borders())
    return reply


def _plain(set_: Thresholds) -> dict[str, Any]:
    return asdict(set_) | {"difficulty": list(set_.difficulty), "pass_rate": list(set_.pass_rate)}


def _base(source: Source, base: CandidateCounts, rest: Filter) -> dict[str, Any]:
    """What changes only with the filter and the rows."""
    charts = []
    for name, (bins, counts, none) in base.numbers.items():
        if name == "pass_rate" and not sum(counts):
            continue  # nothing was measured
        label = CHARTS[name]
        called = labels.NAMES.get(name, name)
        without = f" {none:,} of the candidates have no {called}: they pass only while the slider is at its end."
        note = (rate_note(rest.rate_model) if name == "pass_rate" else label.note) + (without if none else "")
        charts.append({"id": name, "title": label.title, "note": note, "counts": counts, **asdict(bins)})
    words = labels.filter_words(rest, {run.run_id: run.name for run in source.runs()})
    return {
        "count": base.count,
        "tokens": base.tokens,
        "chars": base.chars,
        "uncounted": base.unknown_tokens,
        "topics": [
            {"text": labels.NONE["topic"] if value is None else visible(value), "count": n} for value, n in base.topics
        ],
        "charts": charts,
        "duplicates": f"{base.duplicates:,} of the candidates are marked.",
        "about": f"Candidates: the {base.count:,} questions with a chosen solution that match Explore's filter without "
        f"these thresholds ({words}).",
    }


def _correct(kept: KeptCounts) -> str:
    """How the kept solutions compare with gold answers; empty where no row has one."""
    counts = [(labels.value_text("correct", value, {}), kept.correct.get(value, 0)) for value in CORRECT]
    if not any(count for _, count in counts):
        return ""
    return f" Against the gold answer: {', '.join(f'{count:,} {name}' for name, count in counts)}."


def _drops(edge: Edge, kept: KeptCounts) -> str:
    side = edge.id.rpartition("_")[2]
    subject, bound = {
        "from": ("The lower bound removes", "this bound"),
        "to": ("The upper bound removes", "this bound"),
    }.get(side, ("Removes", "this switch"))
    if edge.value is None:
        return f"{subject} none."
    all_, alone = kept.fails[edge.id]
    return f"{subject} {all_:,} ({alone:,} by {bound} alone)."


def _borders(source: Source, frame: Frame, borders: list[Border]) -> dict[str, Any]:
    """The rows on both sides of each threshold; their texts are read in one query."""
    wanted = list(dict.fromkeys(at for border in borders for at in (*border.kept, *border.dropped)))
    rows = dict(zip(wanted, query.rows_at(source, frame, wanted), strict=True))

    def shown(at: int, name: str) -> dict[str, Any]:
        text = rows[at].query
        value = float(frame.numbers[name][at])
        return {
            "id": rows[at].question_id,
            "value": f"{value:,.0f}" if name == "near_duplicates" else f"{round(value, 4) + 0.0:.4f}",
            "text": "(deleted meanwhile)" if text is None else shorten(visible(text) or "(no text)", _LONGEST),
        }

    return {
        border.edge.id: {
            "kept": [shown(at, border.edge.name) for at in border.kept],
            "dropped": [shown(at, border.edge.name) for at in border.dropped],
            "decided": _decided(border.decided),
        }
        for border in borders
    }


def _decided(decided: NearbyDecisions | None) -> str:
    """The reviewers' accept rate near a threshold; empty for an open end."""
    if decided is None:
        return ""
    where = f"within {decided.reach:.2g} of this threshold"
    if decided.n < _FEWEST:
        return f"Reviewers accepted or rejected only {plural(decided.n, 'row')} {where}: too few for a rate."
    low, high = (f"{end:.0%}".removesuffix("%") for end in wilson(decided.accepted, decided.n))
    span = f"{decided.low:.4g}" if decided.low == decided.high else f"{decided.low:.4g} to {decided.high:.4g}"
    return (
        f"Reviewers accepted {decided.accepted} of the {decided.n} nearest rows that they decided, {where} ({span}): "
        f"{100 * decided.accepted / decided.n:.0f} %, 95 % interval {low} to {high} %."
    )
