"""The panels below the question, closed at first: bulk decisions, estimates, the reward audit, the filters'
calibration, reviewers, history, preference pairs. Each is computed when it is opened.

One component draws them in the browser (``assets/static/curate/panels``) from plain tables; what a model or a person
wrote is set there as text.
"""

from functools import partial

import gradio as gr
from pydantic import Field

from engine.training import pairs
from store.database.sources import SourceSelector
from store.errors import InputError, StoreError
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.review import decisions, reviewers
from ui.tabs.curate.summaries import PANELS, PanelRequest, rows_in_words
from ui.web import assets
from ui.web.escape import plural, shorten, visible
from ui.web.requests import FilterField, Reply, ReviewerRequest, Text, server_function

DEMO = (
    "These are the questions of the bundled demo. Start a queue to review them: the demo then becomes a part of this "
    "workspace, which you can delete in the Runs tab."
)


class TakeBackRequest(ReviewerRequest):
    event_id: Text


class CountRequest(ReviewerRequest):
    filter: FilterField = Filter()


class BulkRequest(CountRequest):
    action: Text
    payload: dict[str, object] | None = None
    expected: int = Field(-1, ge=-1)


def section(sources: SourceSelector, frames: Frames) -> None:
    """Draws the panels into the open blocks. ``frames`` are shared with Explore."""
    gr.HTML(
        "",
        **assets.component("curate/panels"),
        server_functions=[
            server_function("curate_panel", PanelRequest, partial(_panel, sources, frames)),
            server_function("curate_take_back", TakeBackRequest, partial(_take_back, sources)),
            server_function("curate_pairs", ReviewerRequest, partial(_make_pairs, sources)),
            server_function("curate_count", CountRequest, partial(_count, sources, frames)),
            server_function("curate_bulk", BulkRequest, partial(_bulk, sources, frames)),
        ],
        apply_default_css=False,
        elem_id="curate-panels",
    )


def _panel(sources: SourceSelector, frames: Frames, request: PanelRequest) -> Reply:
    if sources.shows_demo:
        raise StoreError(DEMO)
    if request.panel not in PANELS:
        raise InputError("panel", shorten(request.panel, 60), "does not exist", f"use one of {', '.join(PANELS)}")
    return PANELS[request.panel](sources, frames, request)


def _take_back(sources: SourceSelector, request: TakeBackRequest) -> Reply:
    undone = decisions.undo_event(sources.workspace, request.decided_by, request.event_id)
    of = undone.question_id or plural(undone.count, "question")
    return {"said": f"Undone: {undone.action} of {of}, by {visible(undone.reviewer)}."}


def _make_pairs(sources: SourceSelector, request: ReviewerRequest) -> Reply:
    sources.keep_shown()
    return {"said": f"Created {plural(pairs.from_reviews(sources.workspace), 'preference pair')}."}


def _count(sources: SourceSelector, frames: Frames, request: CountRequest) -> Reply:
    if sources.shows_demo:  # counting changes nothing, so it must not make the demo a part of the workspace
        raise StoreError(DEMO)
    count = len(decisions.matching_keys(sources.workspace, frames, request.filter))
    return {"count": count, "of": rows_in_words(sources, request.filter)}


def _bulk(sources: SourceSelector, frames: Frames, request: BulkRequest) -> Reply:
    reviewer = request.decided_by
    sources.keep_shown()
    keys = decisions.matching_keys(sources.workspace, frames, request.filter)
    done = decisions.decide_all(
        sources.workspace, reviewer, keys, request.action, request.payload or {}, expected=request.expected
    )
    newest = reviewers.history(sources.workspace, reviewer=reviewer, most=5)
    event = next((entry.event_id for entry in newest if entry.batch_id == done.batch_id), None)
    return {"said": f"Done: {request.action} of {plural(done.count, 'question')}.", "event_id": event}
