"""The queues of the Curate tab: the list with each reviewer's progress, and making, opening and deleting one.

A queue of the bundled demo makes the demo a part of the workspace.
"""

from datetime import UTC
from itertools import count
from typing import Any

from store.database.sources import SourceSelector
from store.errors import StoreError
from store.filters import saved_views
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.review import queues, tags
from store.review.metrics import Estimate, estimate
from store.review.queues import Queue
from store.review.sampling import ORDERS, SIZE
from ui.tabs.explore import labels
from ui.web.escape import shorten, visible
from ui.web.requests import LONGEST_ERROR, FilterField, Reply, ReviewerRequest, Text

_LONGEST_FILTER = 300  # characters of a filter in words


class QueueRequest(ReviewerRequest):
    """``others``: whether the reviewer sees what others decided; the estimate then counts their decisions too."""

    queue: Text
    others: bool = False


class MakeRequest(ReviewerRequest):
    filter: FilterField = Filter()
    order: Text
    size: int = SIZE
    seed: int = 0
    name: Text = ""
    field: Text | None = None
    value: float | None = None
    blind: bool = False


def orders() -> list[dict[str, str]]:
    """The orders of the form, each with a line of help that says whether it allows an estimate."""
    return [{"name": name, "title": order.title, "help": order.help} for name, order in ORDERS.items()]


def look(sources: SourceSelector, frames: Frames, request: ReviewerRequest) -> Reply:
    """What the tab shows before a queue is open."""
    folder, demo, reviewer = sources.workspace.path, sources.shows_demo, request.name_or_none
    known = [] if demo else queues.listed(folder)
    seeds = {queue.seed for queue in known}
    notes = []
    try:
        views = saved_views.views(folder)
    except StoreError as error:
        views = {}
        notes.append(visible(shorten(str(error), LONGEST_ERROR)))
    return {
        "who": reviewer,
        "fixed": bool(request.login),
        "demo": demo,
        "total": frames.of(sources.current()).total,
        "queues": [_row(sources, queue, reviewer) for queue in known],
        "seed": next(seed for seed in count() if seed not in seeds),
        "views": [{"name": name, "text": visible(name), "filter": view.to_json()} for name, view in views.items()],
        "notes": notes,
        "tags": [] if demo else tags.tag_list(folder),
    }


def _row(sources: SourceSelector, queue: Queue, reviewer: str | None) -> dict[str, Any]:
    done = queues.position(sources.workspace, queue, reviewer).done if reviewer is not None else 0
    total = len(queue.question_ids)
    by = f" by {visible(queue.made_by)}" if queue.made_by else ""
    return {
        "name": queue.name,
        "text": visible(queue.name),
        "order": _order(queue),
        "of": f"{total:,} of {queue.of:,}",
        "filter": _filter(queue),
        "progress": f"{done:,} of {total:,}",
        "over": done >= total,
        "made": f"{queue.made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC{by}",
    }


def make(sources: SourceSelector, frames: Frames, request: MakeRequest) -> Reply:
    """A new queue; the reply has its name. InputError names the field that is wrong."""
    reviewer = request.decided_by
    sources.keep_shown()
    made = queues.make(
        sources.workspace,
        frames,
        request.filter,
        request.order,
        name=request.name if request.name.strip() else None,
        size=request.size,
        seed=request.seed,
        field=request.field,
        value=request.value,
        by=reviewer,
        blind=request.blind,
    )
    return {"queue": made.name}


def opened(sources: SourceSelector, frames: Frames, request: QueueRequest) -> Reply:
    """A queue with this reviewer's position in it."""
    reviewer = request.decided_by
    queue = queues.load(sources.workspace.path, request.queue)
    position = queues.position(sources.workspace, queue, reviewer)
    return {
        "queue": queue.name,
        "text": visible(queue.name),
        "order": _order(queue),
        "filter": _filter(queue),
        "of": queue.of,
        "sample": queue.is_sample,
        "blind": queue.blind,
        "settles": queue.settles,
        "ids": list(queue.question_ids),
        "decided": position.decided,
        "at": position.index,
        "estimate": estimate_sentence(estimate(sources.workspace, queue, None if request.others else reviewer), queue),
    }


def delete(sources: SourceSelector, request: QueueRequest) -> Reply:
    """Delete a queue; the decisions made in it stay."""
    queues.delete(sources.workspace.path, request.queue)
    return {"said": f"Deleted the queue “{visible(request.queue)}”. Its decisions are kept."}


def estimate_sentence(found: Estimate, queue: Queue) -> str:
    """The estimate in words; empty where the queue allows none."""
    return found.sentence if queue.is_sample and found.refused is None else ""


def _order(queue: Queue) -> str:
    title = ORDERS[queue.order].title if queue.order in ORDERS else visible(queue.order)
    return f"{title} ({queue.field} {queue.value:g})" if queue.field and queue.value is not None else title


def _filter(queue: Queue) -> str:
    try:
        words = labels.filter_words(Filter.from_json(queue.filter), {})
    except ValueError:  # of a newer or an older version: its rows are stored all the same
        return "a filter that this version does not know"
    return shorten(words or "all questions", _LONGEST_FILTER)
