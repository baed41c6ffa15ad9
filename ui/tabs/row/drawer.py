"""The drawer with the story of one question, over whatever tab is open.

One component draws itself in the browser (``assets/static/row``) from what ``_look`` answers; it follows the row in the
page's address, with the filter and the order in which the row has a next and a previous one. Decisions are stored as
those of Curate are; what they are about becomes a part of the workspace.
"""

from typing import Annotated, Any

import gradio as gr
from pydantic import PlainValidator

from store.database.question import read_question, read_texts
from store.database.review_state import replay_events
from store.database.sources import Source, SourceSelector
from store.errors import InputError
from store.explore import query
from store.frame.cache import Frames
from store.review import decisions, tags
from store.review.payloads import LONGEST_NAME, LONGEST_TAG, VERBS
from ui.tabs.explore import labels, search
from ui.tabs.explore.map import without_other_area
from ui.tabs.row import details, neighbours, overlaps, solutions, stages
from ui.tabs.row.stages import Story
from ui.web import assets
from ui.web.escape import visible
from ui.web.requests import AddressFilter, AddressFilterField, Reply, Request, ReviewerRequest, Text, server_function

_ACTIONS = ("accept", "reject", "tag", "untag", "undo")


class RowRequest(ReviewerRequest):
    """``filter`` and ``sort``: the list in which the row has neighbours."""

    row: Text = ""
    filter: AddressFilterField = AddressFilter()
    sort: Annotated[str | None, PlainValidator(lambda given: given if given in labels.SORTS else None)] = None


class NearRequest(Request):
    row: Text = ""


class DecideRequest(ReviewerRequest):
    """``event_id``: the browser's, so that a repeated request is stored once; of an undo the decision to take back."""

    row: Text
    action: Text
    event_id: Text | None = None
    payload: dict[str, object] | None = None


def drawer(sources: SourceSelector, frames: Frames) -> None:
    """Draws the drawer, closed, into the open blocks. ``frames`` are shared with Explore."""
    gr.HTML(
        "",
        **assets.component("row"),
        server_functions=[
            server_function("row_look", RowRequest, lambda r: _look(sources, frames, r)),
            server_function("row_near", NearRequest, lambda r: neighbours.view(sources.current(), frames, r.row)),
            server_function("row_decide", DecideRequest, lambda r: _decide(sources, r)),
        ],
        apply_default_css=False,
        elem_id="row",
        longest_name=LONGEST_NAME,
        longest_tag=LONGEST_TAG,
    )


def story_of(source: Source, row: str) -> tuple[Story, Reply]:
    """All that is stored of a question, and its view. InputError for one that is not there."""
    with source.cursor() as cursor:
        story = read_question(cursor, row)
        return story, view(story, read_texts(cursor, overlaps.named(story)))


def view(story: Story, texts: dict[str, str]) -> Reply:
    """The story as the browser draws it. ``texts``: of its near-duplicates, by id."""
    question, pair = story["question"], story["pair"]
    state, fate = stages.fate(story)
    edited = pair is not None and pair["edited"] and pair["query"] != question["text"]
    return {
        "id": question["question_id"],
        "state": state,
        "fate": visible(fate),
        "question": visible(pair["query"] if edited else question["text"]),
        "original": visible(question["text"]) if edited else None,
        "gold": None if question["reference_answer"] is None else visible(question["reference_answer"]),
        "facts": [visible(fact) for fact in (*_labels(story), details.origin(story))],
        "stages": [
            one._asdict() | {"said": visible(one.said), "raw": visible(one.raw)} for one in stages.results(story)
        ],
        "solutions": solutions.view(story),
        "near": overlaps.near_duplicates(story, texts),
        "benchmark": overlaps.benchmark(story),
        "rates": details.rates(story),
        "history": details.history(story),
        "details": details.facts(story),
        "prompt": details.prompt(story),
        "tables": details.tables(story),
        "failures": details.failures(story),
        "extra": details.also_stored(story),
    }


def _labels(story: Story) -> list[str]:
    found = {label["key"]: label["value"] for label in story["labels"]}
    level = found.get("level")
    return [value for value in (found.get("topic"), level and f"level {level.removeprefix('Level ')}") if value]


def _look(sources: SourceSelector, frames: Frames, request: RowRequest) -> Reply:
    source = sources.current()
    try:
        story, reply = story_of(source, request.row)
    except InputError as error:
        return {"gone": f"This row cannot be shown. {visible(str(error))}", "id": request.row, "place": None}
    state = replay_events(story["decisions"])
    mine = [d for d in story["decisions"] if d["in_force"] and d["action"] in _ACTIONS[:2] and not d["batch_id"]]
    own = next((d["event_id"] for d in reversed(mine) if d["reviewer"] == request.name_or_none), None)
    return reply | {
        "status": state.status,
        "tags": [visible(tag) for tag in state.tags],
        "offered": tags.tag_list(sources.workspace.path),
        "own": own,
        "who": request.name_or_none,
        "fixed": bool(request.login),
        "place": _place(source, frames, request),
    }


def _place(source: Source, frames: Frames, request: RowRequest) -> dict[str, Any]:
    """The row's number in Explore's list, and its neighbours there."""
    given = without_other_area(source, request.filter).filter
    frame = frames.of(source)
    selection = query.select(source, frame, given)
    best = search.state(source, frame, given, ranked=True).best
    sort = labels.order(request.sort, ranked=best is not None)
    by_match = best if sort == labels.BEST else None
    at = query.place(selection, request.row, sort.lstrip("-"), sort.startswith("-"), best=by_match)
    said = f"{at.number + 1:,} of {at.total:,}" if at.number is not None else "not in the filtered list"
    return {"said": said, "before": at.before, "after": at.after}


def _decide(sources: SourceSelector, request: DecideRequest) -> Reply:
    if request.action not in _ACTIONS:
        raise InputError("action", request.action[:40], "is not known", f"choose from {', '.join(_ACTIONS)}")
    reviewer = request.decided_by
    sources.keep_shown()
    if request.action == "undo":
        undone = decisions.undo_event(sources.workspace, reviewer, request.event_id or "")
        return {"said": f"Undone: {undone.action}."}
    payload = request.payload or {}
    if request.action in VERBS:
        payload = {**payload, "blind": False}  # the drawer shows what other reviewers decided
    decisions.decide(sources.workspace, reviewer, request.row, request.action, payload, event_id=request.event_id)
    said = {"accept": "Accepted.", "reject": "Rejected.", "tag": "Tag added.", "untag": "Tag removed."}
    return {"said": said[request.action]}
