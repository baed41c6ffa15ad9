"""The Curate tab: a queue of questions, one at a time, decided by single keys.

One component draws itself in the browser (``assets/static/curate``) from what the server functions here answer;
what a model or a person wrote is set there as text, in which formulas are drawn. Decisions carry ids that
the browser made, in order, and may arrive twice. The page's address names the queue.
"""

from contextlib import suppress
from functools import partial
from typing import Annotated, Any

import gradio as gr
from pydantic import Field

from store.database.sources import SourceSelector
from store.errors import InputError, ScaleQuestError
from store.frame.cache import Frames
from store.review import decisions, queues, sampling, tags
from store.review.metrics import estimate
from store.review.payloads import LONGEST_NOTE, LONGEST_REASON, LONGEST_TEXT
from store.review.queues import Queue
from ui.tabs.curate import panels, queue_list, review_item
from ui.tabs.curate.panels import DEMO
from ui.web import assets
from ui.web.escape import plural, shorten, visible
from ui.web.requests import LONGEST_ERROR, Reply, Request, ReviewerRequest, Text, parse, server_function

_MOST = 100
"""Decisions in one request; one for question data has at most a tenth as many ids."""


class TagsRequest(Request):
    tags: Annotated[tuple[Text, ...], Field(max_length=_MOST)] = ()


class ItemsRequest(ReviewerRequest):
    ids: Annotated[list[Text], Field(max_length=_MOST // 10)]
    blind: bool = False
    others: bool = False


class SendRequest(ReviewerRequest):
    """Decisions in the order in which they were made; each is validated alone, so that a bad one stops no other."""

    queue: Text | None = None
    others: bool = False
    events: Annotated[list[Any], Field(min_length=1, max_length=_MOST)]


class Event(Request):
    event_id: Text
    action: Text
    question_id: Text = ""
    payload: dict[str, object] | None = None


def tab(sources: SourceSelector, frames: Frames) -> None:
    """Draws the tab into the open blocks. An address that names a queue opens on this tab."""
    gr.HTML(
        "",
        **assets.component("curate"),
        server_functions=[
            server_function("curate_look", ReviewerRequest, partial(queue_list.look, sources, frames)),
            server_function("curate_make", queue_list.MakeRequest, partial(queue_list.make, sources, frames)),
            server_function("curate_open", queue_list.QueueRequest, partial(queue_list.opened, sources, frames)),
            server_function("curate_delete", queue_list.QueueRequest, partial(queue_list.delete, sources)),
            server_function("curate_tags", TagsRequest, partial(_tags, sources)),
            server_function("curate_cards_of", ItemsRequest, partial(_items, sources, frames)),
            server_function("curate_send", SendRequest, partial(_send, sources)),
        ],
        apply_default_css=False,
        elem_id="curate",
        orders=queue_list.orders(),
        fields=list(sampling.FIELDS),
        size=sampling.SIZE,
        largest=sampling.LARGEST,
        reasons=review_item.REASONS,
        demo=DEMO,
        longest_reason=LONGEST_REASON,
        longest_note=LONGEST_NOTE,
        longest_text=LONGEST_TEXT,
        longest_name=queues.LONGEST,
    )
    panels.section(sources, frames)


def _send(sources: SourceSelector, request: SendRequest) -> Reply:
    """Store what the browser decided, in its order.

    What cannot be stored now ends the work, with a sentence under ``error``: the browser sends it again. What is
    refused for good is answered with its id.
    """
    reviewer = request.decided_by
    sources.keep_shown()
    queue = _queue(sources, request.queue)
    done: list[Reply] = []
    reply: Reply = {"done": done}
    for event in request.events:
        result: Reply = {"event_id": event.get("event_id") if isinstance(event, dict) else None}
        try:
            result |= _store(sources, reviewer, request.queue, queue, parse(Event, event))
        except InputError as error:
            result["refused"] = visible(shorten(str(error), LONGEST_ERROR))
        except ScaleQuestError as error:
            return reply | {"error": visible(shorten(str(error), LONGEST_ERROR))}
        done.append(result)
    if queue is not None:
        found = estimate(sources.workspace, queue, None if request.others else reviewer)
        reply["estimate"] = queue_list.estimate_sentence(found, queue)
    return reply


def _store(sources: SourceSelector, reviewer: str, name: str | None, queue: Queue | None, event: Event) -> Reply:
    if event.action != "undo":
        decisions.decide(
            sources.workspace,
            reviewer,
            event.question_id,
            event.action,
            event.payload,
            event_id=event.event_id,
            queue=name,
            sampling_p=queue.probability(event.question_id) if queue is not None else None,
        )
        return {}
    undone = decisions.undo(sources.workspace, reviewer, queue=name, event_id=event.event_id)
    if undone is None:
        return {"undone": None, "said": "There is nothing left to undo here."}
    key = undone.question_id
    reply: Reply = {"undone": key, "said": f"Undone: {undone.action} of {key or plural(undone.count, 'question')}."}
    if queue is not None and key in queue.question_ids:
        at = queue.question_ids.index(key)
        reply |= {"at": at, "decided": queues.position(sources.workspace, queue, reviewer).decided[at]}
    return reply


def _queue(sources: SourceSelector, name: str | None) -> Queue | None:
    """The queue of this name; None where it was deleted: decisions count all the same."""
    if name is None:
        return None
    with suppress(InputError):
        return queues.load(sources.workspace.path, name)
    return None


def _items(sources: SourceSelector, frames: Frames, request: ItemsRequest) -> Reply:
    source, reviewer = sources.current(), request.decided_by
    frame = frames.of(source)
    items = {key: review_item.view(source, frame, key, reviewer, request.blind, request.others) for key in request.ids}
    return {"cards": items}


def _tags(sources: SourceSelector, request: TagsRequest) -> Reply:
    sources.keep_shown()
    return {"tags": tags.keep_tags(sources.workspace.path, request.tags)}
