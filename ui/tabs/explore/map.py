"""The map section of the Explore tab: the questions in two dimensions, tiles from afar and points from near.

One component draws itself in the browser (``assets/static/map_*.js``) from what ``map_look`` answers, read-only and
without a queue; all that comes from data is set there as text. It follows the filter in the page's address, ignores the
filter's own area, as every chart ignores its own condition, and asks Explore for another by an event. The job that
makes the map lives in the server. Knows neither SQL nor models.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np

from engine.embedding.background import Embedding
from engine.embedding.job import FEWEST, GROWN, SAMPLE
from engine.embedding.role import stored
from engine.jobs.runner import Going
from store.database.sources import Demo, Source, SourceSelector
from store.errors import InputError, ScaleQuestError
from store.explore import query
from store.filters.filter import Filter
from store.filters.map_area import SIDE
from store.frame.cache import Frames
from store.frame.frame import Array, Frame
from store.map import files, tiles
from store.map.files import Map
from store.map.tiles import GRID, SinglePoints, Tiles, View
from ui.tabs.explore import labels as words
from ui.tabs.explore import saved_views
from ui.web import assets
from ui.web.escape import clock, three, visible

_SCRIPTS = ("map_state.js", "map_draw.js", "map_hands.js")
COLOURS = {"density": "how many", "topic": "topic", "difficulty": "difficulty (mean)", "reward": "reward (mean)"}
_LEAST = 0.02
"""Of the map's scale: no view is narrower."""
_CUT = 120
"""Characters of a question that is pointed at."""
_NONE = 255
_STEPS = 254
_READ_IT = "Near is alike; how far apart two groups lie says little."


def section(sources: SourceSelector, frames: Frames, embedding: Embedding) -> None:
    """Draws the section, closed, into the open blocks. ``frames``: those that Explore looks at too."""

    def map_look(asked: Any) -> dict[str, Any]:
        try:
            return look(sources.reading(), frames, embedding, asked if isinstance(asked, dict) else {})
        except ScaleQuestError as error:
            return {"error": visible(str(error)[:500])}

    def map_text(asked: Any) -> dict[str, Any]:
        row = asked.get("row") if isinstance(asked, dict) else None
        try:
            return {"text": _text(sources.reading(), frames, row) if isinstance(row, str) else ""}
        except ScaleQuestError as error:
            return {"text": visible(str(error)[:500])}

    def map_start(asked: Any) -> dict[str, Any]:
        try:
            if sources.shows_demo:
                raise InputError("map", "", "the demo's questions can be read only", "make or import some of your own")
            embedding.start(anew=isinstance(asked, dict) and asked.get("anew") is True)
        except ScaleQuestError as error:
            return {"error": visible(str(error)[:500])}
        return {}

    def map_stop(_asked: Any) -> None:
        if (going := embedding.running) is not None:
            going.control.cancel()

    with gr.Accordion("Map", open=False, elem_id="map-section"):
        gr.HTML(
            "",
            html_template=assets.text("map.html"),
            css_template=assets.text("map.css"),
            js_on_load=assets.script(*_SCRIPTS),
            server_functions=[map_look, map_text, map_start, map_stop],
            apply_default_css=False,
            elem_id="map",
            colours=COLOURS,
            side=SIDE,
            grid=GRID,
            least=_LEAST,
        )


def left_out(source: Source, asked: Filter) -> tuple[Filter, str | None]:
    """The filter without an area of a map that is not here, and the sentence on it."""
    try:
        if asked.area is not None:
            files.map_of_area(source, asked.area)
    except ScaleQuestError as error:
        return asked.without("area"), f"The area in the filter was left out. {error}"
    return asked, None


def look(source: Source, frames: Frames, embedding: Embedding, asked: dict[str, Any]) -> dict[str, Any]:
    """What the section draws for ``{"filter", "view": [left, low, right, high], "colour"}``. ScaleQuestError where it
    cannot be answered."""
    try:
        wanted, refused = left_out(source, saved_views.read(asked.get("filter")))
    except InputError as error:
        wanted, refused = Filter(), f"The filter in the address was left out. {str(error)[:300]}"
    frame, going = frames.of(source), embedding.last
    reply: dict[str, Any] = {"refused": visible(refused) if refused else None, "job": _job(going)}
    try:
        map_ = files.current_map(source)
    except ScaleQuestError as error:  # its files are damaged: it can be made anew
        return reply | {"map": None, "about": visible(str(error)), "make": "Make the map anew", "anew": True}
    if map_ is None or not map_.meta.count:
        return reply | {"map": None, **_absent(source, frame)}
    points = tiles.map_points(frame, map_)
    view, colour = _view(asked.get("view")), asked.get("colour")
    colour = colour if isinstance(colour, str) and colour in COLOURS else "density"
    chosen = query.select(source, frame, replace(wanted, area=None), more=False)
    found = tiles.points_in_view(frame, points, chosen.rows, view, colour)
    reply |= {"map": map_.meta.version, "view": view, "colour": colour}
    reply |= _state(source, map_, frame, len(points.positions))
    reply["area"] = wanted.area.to_dict()["points"] if wanted.area is not None else None
    scale = _Scale(frame, colour)
    reply["legend"] = scale.legend
    return reply | (_tiles(found, scale) if isinstance(found, Tiles) else _points(frame, found, scale))


def _view(given: Any) -> View:
    """A square part of the map, as a browser sends it; the whole where it sends none."""
    if not isinstance(given, (list, tuple)) or len(given) != 4:
        return (0.0, 0.0, SIDE, SIDE)
    ends = [float(v) if isinstance(v, (int, float)) and abs(v) <= 2 * SIDE else 0.0 for v in given]
    left, low = (min(max(end, 0.0), SIDE - _LEAST) for end in ends[:2])
    right, high = max(ends[2], left + _LEAST), max(ends[3], low + _LEAST)
    return (left, low, min(right, SIDE), min(high, SIDE))


class _Scale:
    """A colour's numbers as bytes: a category's code, or where in its span a number lies; 255 is none."""

    def __init__(self, frame: Frame, colour: str) -> None:
        self._frame, self.colour = frame, colour
        self._low, self._high = 0.0, 1.0
        self.legend: dict[str, Any] = {"kind": colour}
        if colour == "topic":
            values = [words.NONE["topic"] if value is None else visible(value) for value in frame.values["topic"]]
            self.legend["values"] = values
        elif colour != "density":
            edges = frame.bins[colour].edges
            self._low, self._high = edges[0], edges[-1]
            self.legend["ends"] = [f"{self._low:.4g}", f"{self._high:.4g}"]
            self.legend["note"] = words.CHARTS[colour].note

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


def _absent(source: Source, frame: Frame) -> dict[str, Any]:
    """What is said where there is no map."""
    if isinstance(source, Demo):
        said = "The bundled demo has no map. Make a run, or import questions: then a map can be made of them."
        return {"about": said, "make": None}
    if frame.total < FEWEST:
        return {"about": f"A map needs at least {FEWEST} questions; there are {frame.total:,}.", "make": None}
    said = (
        f"There is no map yet. This makes one of all {frame.total:,} questions by the offline text embedder; "
        "`scalequest embed --profile` takes another. A million take some minutes; the page can be used meanwhile."
    )
    return {"about": said, "make": "Make the map"}


def _state(source: Source, map_: Map, frame: Frame, count: int) -> dict[str, Any]:
    """Of a map: what it is, how many are on it, and what can be done about the others."""
    nature = visible(stored(map_.meta.embedder).description)
    if frame.size < frame.total:
        return {"about": f"So far of a sample of the questions. {nature} {_READ_IT}", "make": None, "sampled": True}
    missing = frame.total - count
    own = not isinstance(source, Demo)  # the demo's map is as it is
    said = f"{count:,} of {frame.total:,} questions are on the map. {nature} {_READ_IT}"
    if map_.meta.fitted < SAMPLE and frame.total >= GROWN * map_.meta.fitted:
        said += f" It was laid out when there were {map_.meta.fitted:,}: make it anew to have a layout of all."
    add = f"Add the {missing:,} that are not on it" if missing and own else None
    return {"about": said, "make": add, "remake": own}


def _job(going: Going | None) -> dict[str, Any] | None:
    """How far the job is; what its end said."""
    if going is None:
        return None
    if going.ended:
        return {"ended": True, "said": visible(going.message)}
    event = going.event
    stage = {"fit": "Learning the words", "layout": "Laying out landmarks"}.get(event.get("stage", "fit"), "")
    if stage or not event:
        return {"ended": False, "said": f"{stage or 'Starting'}…", "share": None}
    share = event["done"] / max(event["total"], 1)
    left = f", about {clock(event['eta_s'])} left" if event.get("eta_s") is not None else ""
    said = f"{event['done']:,} of {event['total']:,} embedded ({share:.0%}){left}."
    return {"ended": False, "said": said, "share": share}


def _text(source: Source, frames: Frames, row: str) -> str:
    """The first characters of a question that is pointed at, and what is known of it."""
    frame = frames.of(source)
    at = frame.place(row)
    if at is None:
        return "(deleted meanwhile)"
    found = query.rows_at(source, frame, [at])[0]
    text = " ".join((found.query or "(no text)").split())
    numbers = {"difficulty": found.difficulty, "reward": found.reward}
    facts = [found.topic or words.NONE["topic"]]
    facts += [f"{name} {three(value)}" for name, value in numbers.items() if value is not None]
    return visible(f"{text if len(text) <= _CUT else text[:_CUT] + '…'} ({', '.join(facts)})")
