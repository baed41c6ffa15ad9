"""The map section of the Explore tab: the questions in two dimensions, tiles from afar and points from near.

One component draws itself in the browser (``assets/static/map``) from what ``look`` answers. It follows the filter
in the page's address but ignores the filter's own area, as every chart ignores its own condition, and emits an event
for Explore to change the filter. The job that makes the map runs in the server.
"""

import base64
from dataclasses import replace
from typing import Annotated, Any

import gradio as gr
import numpy as np
from pydantic import PlainValidator

from engine.embedding.job import FEWEST, GROWN, SAMPLE
from engine.embedding.role import stored
from engine.job_registry import JobRegistry
from engine.job_requests import EmbedRequest
from engine.jobs.runner import Job
from store.database.sources import Demo, Source, SourceSelector
from store.errors import ScaleQuestError
from store.explore import query
from store.filters.filter import Filter
from store.filters.map_area import SIDE
from store.frame.cache import Frames
from store.frame.frame import Array, Frame
from store.map import files, tiles
from store.map.files import Map
from store.map.tiles import GRID, SinglePoints, Tiles, View
from ui.components.charts import CHARTS
from ui.components.sheet import progress_line
from ui.tabs.explore import labels
from ui.web import assets
from ui.web.escape import plural, shorten, three, visible
from ui.web.requests import AddressFilter, AddressFilterField, Reply, Request, Text, server_function

COLOURS = {
    "density": "number of questions",
    "topic": "topic",
    "difficulty": "difficulty (mean)",
    "reward": "reward (mean)",
}
_NARROWEST = 0.02  # width of the narrowest view, in units of the map
_LONGEST = 120  # characters of the question under the pointer
_EXAMPLES = 3
"""Questions of an area that are shown next to the map."""
_LONGEST_EXAMPLE = 300
_NONE = 255
_STEPS = 254
_HOW_TO_READ = "Nearby points are similar; distances between clusters mean little."


def _view(given: Any) -> View:
    """A square part of the map; the whole map for anything else."""
    if not isinstance(given, (list, tuple)) or len(given) != 4:
        return (0.0, 0.0, SIDE, SIDE)
    ends = [float(v) if isinstance(v, (int, float)) and abs(v) <= 2 * SIDE else 0.0 for v in given]
    left, low = (min(max(end, 0.0), SIDE - _NARROWEST) for end in ends[:2])
    right, high = max(ends[2], left + _NARROWEST), max(ends[3], low + _NARROWEST)
    return (left, low, min(right, SIDE), min(high, SIDE))


class MapRequest(Request):
    """``view``: left, low, right, high."""

    filter: AddressFilterField = AddressFilter()
    view: Annotated[View, PlainValidator(_view)] = (0.0, 0.0, SIDE, SIDE)
    colour: Annotated[str, PlainValidator(lambda given: given if given in [*COLOURS] else "density")] = "density"


class TextRequest(Request):
    row: Text = ""


class StartRequest(Request):
    rebuild: bool = False


def section(sources: SourceSelector, frames: Frames, jobs: JobRegistry) -> None:
    """Draws the view, hidden at first, into the open blocks. ``frames`` are shared with Explore."""

    def text(request: TextRequest) -> Reply:
        try:
            return {"text": _text(sources.current(), frames, request.row)}
        except ScaleQuestError as error:
            return {"text": visible(str(error))}

    def start(request: StartRequest) -> None:
        sources.keep_shown()
        jobs.start(EmbedRequest(rebuild=request.rebuild))

    with gr.Column(elem_id="map-section", elem_classes="explore-view"):
        gr.HTML(
            "",
            **assets.component("map"),
            server_functions=[
                server_function("map_look", MapRequest, lambda r: look(sources.current(), frames, jobs, r)),
                server_function("map_text", TextRequest, text),
                server_function("map_start", StartRequest, start),
                server_function("map_stop", Request, lambda _: jobs.cancel("embed")),
            ],
            apply_default_css=False,
            elem_id="map",
            colours=COLOURS,
            side=SIDE,
            grid=GRID,
            least=_NARROWEST,
        )


def without_other_area(source: Source, given: AddressFilter) -> AddressFilter:
    """The filter without an area that was drawn on another map."""
    try:
        if given.filter.area is not None:
            files.map_of_area(source, given.filter.area)
    except ScaleQuestError as error:
        refused = given.refused or f"The area in the filter was left out. {error}"
        return AddressFilter(given.filter.without("area"), refused)
    return given


def look(source: Source, frames: Frames, jobs: JobRegistry, request: MapRequest) -> Reply:
    """What the section draws. ScaleQuestError where it cannot be read."""
    filter, refused = without_other_area(source, request.filter)
    frame = frames.of(source)
    reply: Reply = {"refused": visible(refused) if refused else None, "job": _job(jobs.last("embed"))}
    try:
        map_ = files.current_map(source)
    except ScaleQuestError as error:  # its files are damaged: it can be rebuilt
        return reply | {"map": None, "about": visible(str(error)), "make": "Rebuild the map", "rebuild": True}
    if map_ is None or not map_.meta.count:
        return reply | {"map": None, **_no_map(source, frame)}
    points = tiles.map_points(frame, map_)
    selection = query.select(source, frame, replace(filter, area=None), more=False)
    drawn = tiles.points_in_view(frame, points, selection.rows, request.view, request.colour)
    reply |= {"map": map_.meta.version, "view": request.view, "colour": request.colour}
    reply |= _about(source, map_, frame, len(points.positions))
    reply["area"] = filter.area.to_dict()["points"] if filter.area is not None else None
    reply["chosen"] = _chosen(source, frame, filter) if filter.area is not None else None
    scale = _Scale(frame, request.colour)
    reply["legend"] = scale.legend
    return reply | (_tiles(drawn, scale) if isinstance(drawn, Tiles) else _points(frame, drawn, scale))


def _chosen(source: Source, frame: Frame, filter: Filter) -> Reply:
    """What lies in the area that was drawn: the number of questions, and some of them, evenly from old to new."""
    rows = np.flatnonzero(query.select(source, frame, filter, more=False).rows)
    pairs = int(np.count_nonzero(frame.pair[rows]))
    places = np.linspace(0, len(rows) - 1, min(_EXAMPLES, len(rows))).astype(int)
    examples = query.rows_at(source, frame, rows[places].tolist())
    others = ", of those that match the rest of the filter" if len(filter.to_dict()) > 1 else ""
    return {
        "count": len(rows),
        "said": f"{plural(len(rows), 'question')} in the area{others}, {plural(pairs, 'pair')}",
        "examples": [
            {"id": row.question_id, "text": visible(shorten(row.query or "(no text)", _LONGEST_EXAMPLE))}
            for row in examples
        ],
    }


class _Scale:
    """A colour's values as bytes: a category's code, or the position of a number in its range; 255 is no value."""

    def __init__(self, frame: Frame, colour: str) -> None:
        self._frame, self.colour = frame, colour
        self._low, self._high = 0.0, 1.0
        self.legend: dict[str, Any] = {"kind": colour}
        if colour == "topic":
            values = [labels.NONE["topic"] if value is None else visible(value) for value in frame.values["topic"]]
            self.legend["values"] = values
        elif colour != "density":
            edges = frame.bins[colour].edges
            self._low, self._high = edges[0], edges[-1]
            self.legend["ends"] = [f"{self._low:.4g}", f"{self._high:.4g}"]
            self.legend["note"] = CHARTS[colour].note

    def of(self, values: Array) -> Array:
        if self.colour == "topic":
            return np.where(values < 0, _NONE, np.minimum(values, _STEPS)).astype(np.uint8)
        share = (values - self._low) / max(self._high - self._low, 1e-12)
        return np.where(np.isnan(share), _NONE, np.clip(np.nan_to_num(share), 0, 1) * _STEPS).astype(np.uint8)

    def at(self, positions: Array) -> Array:
        """Of single questions."""
        if self.colour == "topic":
            return self.of(self._frame.codes["topic"][positions].astype(np.int64))
        return self.of(self._frame.numbers[self.colour][positions])


def _tiles(found: Tiles, scale: _Scale) -> dict[str, Any]:
    tiles = {"counts": _packed(found.counts.astype("<u4")), "most": int(found.counts.max())}
    if found.values is not None:
        tiles["values"] = _packed(scale.of(found.values))
    return {"count": found.total, "tiles": tiles}


def _points(frame: Frame, found: SinglePoints, scale: _Scale) -> dict[str, Any]:
    points: dict[str, Any] = {
        "ids": [frame.key(at) for at in found.positions.tolist()],
        "x": found.x.round(4).tolist(),
        "y": found.y.round(4).tolist(),
    }
    if scale.colour != "density":
        points["values"] = scale.at(found.positions).tolist()
    return {"count": len(found.positions), "points": points}


def _packed(values: Array) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _no_map(source: Source, frame: Frame) -> Reply:
    if isinstance(source, Demo):
        return {"about": "The demo has no map. Make a run, or import questions, to make one.", "make": None}
    if frame.total < FEWEST:
        return {"about": f"A map needs at least {FEWEST} questions; there are {frame.total:,}.", "make": None}
    about = (
        f"There is no map yet. The button below places all {frame.total:,} questions on one with the offline text "
        "embedder; `scalequest embed --profile` uses another embedder. A million questions take some minutes, and the "
        "page stays usable."
    )
    return {"about": about, "make": "Make the map"}


def _about(source: Source, map_: Map, frame: Frame, count: int) -> Reply:
    description = visible(stored(map_.meta.embedder).description)
    if frame.size < frame.total:
        about = f"A sample of the questions so far. {description} {_HOW_TO_READ}"
        return {"about": about, "make": None, "sampled": True}
    missing = frame.total - count
    own = not isinstance(source, Demo)
    about = f"{count:,} of {frame.total:,} questions are on the map. {description} {_HOW_TO_READ}"
    if map_.meta.fitted < SAMPLE and frame.total >= GROWN * map_.meta.fitted:
        about += f" Its layout was computed from {map_.meta.fitted:,} questions; rebuild it to use all of them."
    add = f"Add the {missing:,} missing questions" if missing and own else None
    return {"about": about, "make": add, "remake": own}


def _job(job: Job | None) -> Reply | None:
    if job is None:
        return None
    if job.ended:
        return {"ended": True, "said": visible(job.outcome)}
    event = job.event
    stage = {"fit": "Learning the words", "layout": "Laying out landmarks"}.get(event.get("stage", "fit"), "")
    if stage or not event:
        return {"ended": False, "said": f"{stage or 'Starting'}…", "share": None}
    share = event["done"] / max(event["total"], 1)
    return {"ended": False, "said": f"Embedding: {progress_line(event)}.", "share": share}


def _text(source: Source, frames: Frames, row: str) -> str:
    """The beginning of the question under the pointer, with its topic and scores."""
    frame = frames.of(source)
    at = frame.place(row)
    if at is None:
        return "(deleted meanwhile)"
    question = query.rows_at(source, frame, [at])[0]
    numbers = {"difficulty": question.difficulty, "reward": question.reward}
    facts = [question.topic or labels.NONE["topic"]]
    facts += [f"{name} {three(value)}" for name, value in numbers.items() if value is not None]
    return visible(f"{shorten(' '.join((question.query or '(no text)').split()), _LONGEST)} ({', '.join(facts)})")
