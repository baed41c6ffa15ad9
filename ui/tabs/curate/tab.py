"""The Curate tab: a queue of questions, one card at a time, decided by single keys.

One component draws itself in the browser (``assets/static/curate_*.js``) from what the functions here answer, without a
queue of Gradio's; what a model or a person wrote is set there as text, formulas are Markdown that a hidden component
renders. Decisions come with ids of the browser's, in order, and may come twice. The page's address names the queue.
What a card shows is ``curate_cards``' business, what stands below the card ``curate_panels``'. Knows neither SQL nor
models.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gradio as gr

from store.database.sources import SourceSelector
from store.errors import InputError, ScaleQuestError, StoreError
from store.frame.cache import Frames
from store.review import decisions, payloads, queues, sampling, tags
from store.review.metrics import estimate
from store.review.payloads import LONGEST_NOTE, LONGEST_REASON, LONGEST_TEXT
from store.review.queues import Queue
from ui.tabs.curate import panels, review_item
from ui.tabs.curate import queues as curate_queues
from ui.web import assets
from ui.web import login as who
from ui.web.escape import visible
from ui.web.latex import LATEX
from ui.web.request_fields import field, text

_SCRIPTS = ("state", "send", "formulas", "card", "panes", "edit", "keys", "start")
_MOST = 100
"""Decisions in one request; cards in one are a tenth."""
DEMO = (
    "The demo can be looked at but takes no decisions; make questions of your own in the Runs tab or with "
    "`scalequest run`, or import some with `scalequest import`."
)
_FRONT = """() => {
    if (!new URL(location.href).searchParams.has("curate")) return;
    const every = document.querySelectorAll('[role="tab"], .overflow-dropdown button'); // narrow pages fold some away
    const tabs = [...every].filter((tab) => tab.textContent.trim() === "Curate");
    tabs.forEach((tab) => tab.click());
}"""


def tab(sources: SourceSelector, frames: Frames, blocks: gr.Blocks) -> None:
    """Draws the tab into the open blocks. An address that names a queue opens on this tab."""

    def answer(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return work()
        except ScaleQuestError as error:
            return {"error": visible(str(error)[:500])}

    # Gradio gives the request to whom says that he takes one.
    def curate_look(asked: Any, request: gr.Request) -> dict[str, Any]:
        return answer(lambda: curate_queues.look(sources, frames, *_reviewer(asked, request)))

    def curate_make(asked: Any, request: gr.Request) -> dict[str, Any]:
        return answer(lambda: curate_queues.make(sources, frames, asked, _named(asked, request)))

    def curate_open(asked: Any, request: gr.Request) -> dict[str, Any]:
        return answer(lambda: curate_queues.opened(sources, frames, text(asked, "queue"), _named(asked, request)))

    def curate_delete(asked: Any, request: gr.Request) -> dict[str, Any]:
        return answer(lambda: curate_queues.delete(sources, text(asked, "queue")))

    def curate_tags(asked: Any, request: gr.Request) -> dict[str, Any]:
        return answer(lambda: _tags(sources, field(asked, "tags")))

    def curate_cards_of(asked: Any, request: gr.Request) -> dict[str, Any]:
        return answer(lambda: _cards(sources, frames, asked, _named(asked, request)))

    def curate_send(asked: Any, request: gr.Request) -> dict[str, Any]:
        return answer(lambda: send(sources, asked, _named(asked, request)))

    board = gr.HTML(
        "",
        html_template=assets.text("curate.html"),
        css_template=assets.text("curate.css"),
        js_on_load=assets.script(*(f"curate_{name}.js" for name in _SCRIPTS)),
        server_functions=[
            curate_look, curate_make, curate_open, curate_delete, curate_tags, curate_cards_of, curate_send
        ],
        apply_default_css=False,
        elem_id="curate",
        orders=curate_queues.orders(),
        fields=list(sampling.FIELDS),
        size=sampling.SIZE,
        largest=sampling.LARGEST,
        reasons=review_item.REASONS,
        demo=DEMO,
        longest_reason=LONGEST_REASON,
        longest_note=LONGEST_NOTE,
        longest_text=LONGEST_TEXT,
        longest_name=queues.LONGEST,
    )  # fmt: skip
    # In the browser alone: the text comes with the card, this only has it rendered where it is not seen.
    rendered = gr.Markdown(latex_delimiters=LATEX, elem_id="curate-formulas")
    board.formulas(None, js="() => window.curateFormulas || ''", outputs=rendered, show_progress="hidden")
    panels.section(sources, frames)
    blocks.load(None, js=_FRONT)


def send(sources: SourceSelector, asked: Any, reviewer: str) -> dict[str, Any]:
    """Store what the browser decided, in its order. What cannot be stored now ends it, with the sentence under
    ``error``: it comes again; what is refused for good is told with its id. InputError: a request of no page of ours.
    """
    if sources.shows_demo:
        raise StoreError(DEMO)
    events = field(asked, "events")
    if not isinstance(events, list) or not 0 < len(events) <= _MOST:
        raise InputError("events", str(events)[:60], f"are not 1 to {_MOST} decisions", "reload the page")
    name = field(asked, "queue") if isinstance(field(asked, "queue"), str) else None
    queue = _queue(sources, name)
    done: list[dict[str, Any]] = []
    reply: dict[str, Any] = {"done": done}
    for event in events:
        told: dict[str, Any] = {"event_id": field(event, "event_id")}
        try:
            told |= _store(sources, reviewer, name, queue, event)
        except InputError as error:
            told["refused"] = visible(str(error)[:500])
        except ScaleQuestError as error:
            return reply | {"error": visible(str(error)[:500])}
        done.append(told)
    if queue is not None:
        reply["estimate"] = curate_queues.said(estimate(sources.workspace, queue), queue)
    return reply


def _store(sources: SourceSelector, reviewer: str, name: str | None, queue: Queue | None, event: Any) -> dict[str, Any]:
    event_id, action = text(event, "event_id"), text(event, "action")
    if action != "undo":
        key, payload = text(event, "question_id"), field(event, "payload")
        drawn = queue.probability(key) if queue is not None else None
        decisions.decide(
            sources.workspace, reviewer, key, action, payload, event_id=event_id, queue=name, sampling_p=drawn
        )
        return {}
    undone = decisions.undo(sources.workspace, reviewer, queue=name, event_id=event_id)
    if undone is None:
        return {"undone": None, "said": "There is nothing left to take back here."}
    of = undone.question_id
    said = f"Taken back: {undone.action} of {of or f'{undone.count:,} questions'}."
    told: dict[str, Any] = {"undone": of, "said": said}
    if queue is not None and of in queue.question_ids:
        at = queue.question_ids.index(of)
        told |= {"at": at, "decided": queues.position(sources.workspace, queue, reviewer).decided[at]}
    return told


def _queue(sources: SourceSelector, name: str | None) -> Queue | None:
    """The queue of this name; None where it was deleted: decisions count all the same."""
    if name is None:
        return None
    with suppress(InputError):
        return queues.load(sources.workspace.path, name)
    return None


def _cards(sources: SourceSelector, frames: Frames, asked: Any, reviewer: str) -> dict[str, Any]:
    ids, source = field(asked, "ids"), sources.reading()
    if not isinstance(ids, list) or not all(isinstance(key, str) for key in ids) or len(ids) > _MOST // 10:
        raise InputError("ids", str(ids)[:60], "are not those of a few questions", "reload the page")
    blind = field(asked, "blind") is True
    return {"cards": {key: review_item.shown(source, frames.of(source), key, reviewer, blind) for key in ids}}


def _tags(sources: SourceSelector, given: Any) -> dict[str, Any]:
    if sources.shows_demo:
        raise StoreError(DEMO)
    names = [name for name in given if isinstance(name, str)] if isinstance(given, list) else []
    return {"tags": tags.keep_tags(sources.workspace.path, names)}


def _reviewer(asked: Any, request: Any) -> tuple[str | None, bool]:
    """The name to decide under and whether a login sets it; None while nobody gave one."""
    login = who.username(request)
    if login is not None:
        return payloads.reviewer_name(login), True
    given = field(asked, "reviewer")
    return (payloads.reviewer_name(given) if isinstance(given, str) and given.strip() else None), False


def _named(asked: Any, request: Any) -> str:
    name, _ = _reviewer(asked, request)
    if name is None:
        raise InputError("reviewer", "", "is not a name", "say who you are first: each decision is kept with a name")
    return name
