"""The Curate tab before a card: which queues there are and how far they have come, and a new one over a filter.

While the page shows the demo, which keeps nothing, a queue is made of its first rows and forgotten. Knows neither SQL
nor Gradio.
"""

from __future__ import annotations

from datetime import UTC
from itertools import count
from typing import Any

import numpy as np

from store.database.sources import SourceSelector
from store.errors import StoreError
from store.explore import query
from store.filters import saved_views
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.review import queues, tags
from store.review.metrics import Estimate, estimate
from store.review.queues import Queue
from store.review.sampling import FIELDS, LARGEST, ORDERS, SIZE
from ui.tabs.explore import labels
from ui.tabs.explore.saved_views import read
from ui.web.escape import visible
from ui.web.request_fields import field, text, whole

__all__ = ("FIELDS", "LARGEST", "SIZE")

DEMO_QUEUE = "demo"
"""Of the bundled rows; no file holds it."""
_DEMO_ROWS = 50
_LONGEST = 300


def orders() -> list[dict[str, str]]:
    """The orders as the form shows them, each with a line of help that says whether it allows an estimate."""
    return [{"name": name, "title": order.title, "help": order.help} for name, order in ORDERS.items()]


def look(sources: SourceSelector, frames: Frames, reviewer: str | None, fixed: bool) -> dict[str, Any]:
    """What the tab shows before a queue is open. ``fixed``: a login says who the reviewer is."""
    folder, demo = sources.workspace.path, sources.shows_demo
    frame = frames.of(sources.reading())
    notes = []
    if demo:
        known: list[Queue] = []
    else:
        known = queues.listed(folder)
    seeds = {queue.seed for queue in known}
    try:
        views = [{"name": name, "text": visible(name), "filter": asked.to_json()} for name, asked in _views(folder)]
    except StoreError as error:
        views = []
        notes.append(visible(str(error)[:500]))
    return {
        "who": reviewer,
        "fixed": fixed,
        "demo": demo,
        "total": frame.total,
        "queues": [_listed(sources, queue, reviewer) for queue in known],
        "seed": next(seed for seed in count() if seed not in seeds),
        "views": views,
        "notes": notes,
        "tags": [] if demo else tags.tag_list(folder),
    }


def _views(folder: Any) -> list[tuple[str, Filter]]:
    return list(saved_views.views(folder).items())


def _listed(sources: SourceSelector, queue: Queue, reviewer: str | None) -> dict[str, Any]:
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


def make(sources: SourceSelector, frames: Frames, asked: Any, reviewer: str) -> dict[str, Any]:
    """A new queue as the form asks for it; gives its name. InputError names the field that is wrong."""
    wanted = read(field(asked, "filter"))
    if sources.shows_demo:
        return {"queue": DEMO_QUEUE}
    value = field(asked, "value")
    name = field(asked, "name")
    made = queues.make(
        sources.workspace,
        frames,
        wanted,
        text(asked, "order"),
        name=name if isinstance(name, str) and name.strip() else None,
        size=whole(asked, "size", SIZE),
        seed=whole(asked, "seed", 0),
        field=field(asked, "field") if isinstance(field(asked, "field"), str) else None,
        value=float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None,
        by=reviewer,
        blind=field(asked, "blind") is True,
    )
    return {"queue": made.name}


def opened(sources: SourceSelector, frames: Frames, name: str, reviewer: str) -> dict[str, Any]:
    """A queue with this reviewer's place in it."""
    if sources.shows_demo:
        return _demo(sources, frames)
    queue = queues.load(sources.workspace.path, name)
    place = queues.position(sources.workspace, queue, reviewer)
    return {
        "queue": queue.name,
        "text": visible(queue.name),
        "order": _order(queue),
        "filter": _filter(queue),
        "of": queue.of,
        "sample": queue.is_sample,
        "blind": queue.blind,
        "ids": list(queue.question_ids),
        "decided": place.decided,
        "at": place.index,
        "estimate": said(estimate(sources.workspace, queue), queue),
    }


def _demo(sources: SourceSelector, frames: Frames) -> dict[str, Any]:
    source = sources.reading()
    frame = frames.of(source)
    rows = np.flatnonzero(query.select(source, frame, Filter(stage="pair")).rows)[:_DEMO_ROWS]
    ids = [frame.key(int(row)) for row in rows]
    return {
        "queue": DEMO_QUEUE,
        "text": DEMO_QUEUE,
        "order": "the bundled rows",
        "filter": "the demo",
        "of": frame.total,
        "sample": False,
        "blind": False,
        "ids": ids,
        "decided": [None] * len(ids),
        "at": 0 if ids else None,
        "estimate": "",
    }


def delete(sources: SourceSelector, name: str) -> dict[str, Any]:
    """Forget a queue; what was decided in it stays."""
    queues.delete(sources.workspace.path, name)
    return {"said": f"Deleted the queue “{visible(name)}”; its decisions stay."}


def said(found: Estimate, queue: Queue) -> str:
    """The estimate in words; nothing where the queue allows none."""
    return found.sentence if queue.is_sample and found.refused is None else ""


def _order(queue: Queue) -> str:
    title = ORDERS[queue.order].title if queue.order in ORDERS else visible(queue.order)
    return f"{title} ({queue.field} {queue.value:g})" if queue.field and queue.value is not None else title


def _filter(queue: Queue) -> str:
    try:
        parts = [part["text"] for part in labels.parts(Filter.from_json(queue.filter), {})]
    except ValueError:  # of a newer or an older version: its rows are pinned all the same
        return "a filter that this version does not know"
    told = visible(", ".join(parts)) or "everything"
    return told if len(told) <= _LONGEST else told[:_LONGEST] + "…"
