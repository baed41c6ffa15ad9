"""What stands below the card, closed at first: bulk decisions, estimates, the reward audit, the filters' calibration,
reviewers, history, preference pairs. Each is computed when it is opened.

One component draws them all in the browser (``assets/static/curate_panels.js``) from plain tables; what a model or a
person wrote is set there as text. Knows neither SQL nor models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from engine.training import pairs
from store.database.sources import SourceSelector
from store.errors import InputError, ScaleQuestError, StoreError
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.review import decisions, payloads, reviewers
from ui.tabs.curate.summaries import PANELS, Panel, in_words
from ui.tabs.explore.saved_views import read
from ui.web import assets, login
from ui.web.escape import visible
from ui.web.request_fields import field, text, whole

_SCRIPTS = ("curate_panels.js", "curate_bulk.js")
DEMO = "The demo has no decisions; make questions of your own, or import some, first."


def section(sources: SourceSelector, frames: Frames) -> None:
    """Draws the panels into the open blocks. ``frames``: those that Explore looks at too."""

    def answer(work: Callable[[], Panel]) -> Panel:
        try:
            return work()
        except ScaleQuestError as error:
            return {"error": visible(str(error)[:500])}

    # Gradio gives the request to whom says that he takes one.
    def curate_panel(asked: Any, request: gr.Request) -> Panel:
        return answer(lambda: panel(sources, frames, asked))

    def curate_take_back(asked: Any, request: gr.Request) -> Panel:
        return answer(lambda: _take_back(sources, text(asked, "event_id"), _reviewer(sources, asked, request)))

    def curate_pairs(asked: Any, request: gr.Request) -> Panel:
        return answer(lambda: _make_pairs(sources))

    def curate_count(asked: Any, request: gr.Request) -> Panel:
        return answer(lambda: _count(sources, frames, asked))

    def curate_bulk(asked: Any, request: gr.Request) -> Panel:
        return answer(lambda: _bulk(sources, frames, asked, _reviewer(sources, asked, request)))

    gr.HTML(
        "",
        html_template=assets.text("curate_panels.html"),
        css_template=assets.text("curate_panels.css"),
        js_on_load=assets.script(*_SCRIPTS),
        head='<script src="/vendor/plotly.min.js"></script>',
        server_functions=[curate_panel, curate_take_back, curate_pairs, curate_count, curate_bulk],
        apply_default_css=False,
        elem_id="curate-panels",
    )


def panel(sources: SourceSelector, frames: Frames, asked: Any) -> Panel:
    """A panel by its name, as sentences, tables and perhaps a chart."""
    if sources.shows_demo:
        raise StoreError(DEMO)
    name = text(asked, "panel")
    if name not in PANELS:
        raise InputError("panel", name[:60], "is none of this page", f"ask for one of {', '.join(PANELS)}")
    return PANELS[name](sources, frames, asked)


def _take_back(sources: SourceSelector, event_id: str, reviewer: str) -> Panel:
    undone = decisions.undo_event(sources.workspace, reviewer, event_id)
    of = undone.question_id or f"{undone.count:,} questions"
    return {"said": f"Taken back: {undone.action} of {of}, by {visible(undone.reviewer)}."}


def _make_pairs(sources: SourceSelector) -> Panel:
    if sources.shows_demo:
        raise StoreError(DEMO)
    made = pairs.from_reviews(sources.workspace)
    return {"said": f"{made:,} new {'pair was' if made == 1 else 'pairs were'} made."}


def _count(sources: SourceSelector, frames: Frames, asked: Any) -> Panel:
    if sources.shows_demo:
        raise StoreError(DEMO)
    wanted = _wanted(asked)
    count = len(decisions.matching_keys(sources.workspace, frames, wanted))
    return {"count": count, "of": in_words(sources, wanted)}


def _bulk(sources: SourceSelector, frames: Frames, asked: Any, reviewer: str) -> Panel:
    keys = decisions.matching_keys(sources.workspace, frames, _wanted(asked))
    payload = field(asked, "payload")
    given = payload if isinstance(payload, dict) else {}
    action = text(asked, "action")
    done = decisions.decide_all(sources.workspace, reviewer, keys, action, given, expected=whole(asked, "expected", -1))
    newest = reviewers.history(sources.workspace, reviewer=payloads.reviewer_name(reviewer), most=5)
    event = next((entry.event_id for entry in newest if entry.batch_id == done.batch_id), None)
    rows = "question" if done.count == 1 else "questions"
    return {"said": f"Done: {action} of {done.count:,} {rows}.", "event_id": event}


def _reviewer(sources: SourceSelector, asked: Any, request: Any) -> str:
    if sources.shows_demo:
        raise StoreError(DEMO)
    name = login.username(request) or field(asked, "reviewer")
    if not isinstance(name, str) or not name.strip():
        raise InputError(
            "reviewer", "", "is not a name", "say who you are above first: each decision is kept with a name"
        )
    return payloads.reviewer_name(name)


def _wanted(asked: Any) -> Filter:
    return read(field(asked, "filter"))
