"""The Explore tab: cross-filtered charts, facets, the funnel, a search, a table, and the whole story of a row.

One component draws itself in the browser (``assets/static/explore_*.js``) from what ``explore_look`` answers, read-only
and without a queue; the story of a row is Markdown, which renders formulas. The filter lives in the page's address.
Knows neither SQL nor models.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import gradio as gr

from engine.embedding.background import Embedding
from store.database import label_texts
from store.database.question import tell
from store.database.sources import Source, SourceSelector
from store.errors import InputError, ScaleQuestError
from store.explore import query
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.frame.frame import NUMBERS, Frame, Selection
from store.records import Run
from ui.tabs.explore import labels as words
from ui.tabs.explore import map as explore_map
from ui.tabs.explore import neighbours, overlaps, saved_views, search, sql, thresholds
from ui.tabs.explore.question import markdown
from ui.web import assets
from ui.web.escape import inert, visible
from ui.web.latex import LATEX

_SCRIPTS = ("state", "charts", "counts", "list", "start")
_LONGEST = 100_000
"""Characters of a filter in a request: longer ones come from no page of ours."""

_FRONT = """() => {
    const asked = new URL(location.href).searchParams;
    const every = document.querySelectorAll('[role="tab"], .overflow-dropdown button'); // narrow pages fold some away
    const tabs = [...every].filter((tab) => tab.textContent.trim() === "Explore");
    if (["filter", "sort", "row"].some((name) => asked.has(name))) tabs.forEach((tab) => tab.click());
}"""
"""The tabs above have no component of their own that an event could give a value."""


def tab(sources: SourceSelector, frames: Frames, blocks: gr.Blocks, embedding: Embedding) -> None:
    """Draws the tab into the open blocks. An address that has a filter, an order or a row in it opens on this tab."""
    source = sources.reading  # asked at each request

    def explore_look(asked: Any) -> dict[str, Any]:
        return look(source(), frames, asked)

    def tell(event: gr.EventData) -> gr.Markdown:
        row = event._data.get("row") if isinstance(event._data, dict) else None
        if not isinstance(row, str):
            return gr.Markdown("", visible=False)
        return gr.Markdown(story(source(), row), visible=True)

    def near(event: gr.EventData) -> gr.Markdown:
        row = event._data.get("row") if isinstance(event._data, dict) else None
        told = neighbours.markdown(source(), frames, row) if isinstance(row, str) else ""
        return gr.Markdown(told, visible=bool(told))

    saved_views.control(sources)
    board = gr.HTML(
        "",
        html_template=assets.text("explore.html"),
        css_template=assets.text("explore.css"),
        js_on_load=assets.script(*(f"explore_{name}.js" for name in _SCRIPTS)),
        head='<script src="/vendor/plotly.min.js"></script>',
        server_functions=[explore_look],
        apply_default_css=False,
        elem_id="explore",
        sorts=words.SORTS,
        facets=words.FACETS,
    )
    told = gr.Markdown(latex_delimiters=LATEX, visible=False, elem_id="explore-story")
    # one after the other, so that the row asked for last is the one that stays
    board.story(tell, outputs=told, show_progress="hidden", trigger_mode="multiple", concurrency_limit=1)
    nearby = gr.Markdown(visible=False, elem_id="explore-neighbours")
    board.story(near, outputs=nearby, show_progress="hidden", trigger_mode="multiple", concurrency_limit=1)
    explore_map.section(sources, frames, embedding)
    thresholds.section(sources, frames)
    sql.section(sources)
    blocks.load(None, js=_FRONT)


@dataclass(frozen=True, slots=True)
class _Request:
    """A request of the browser, every field of it checked. ``refused``: why its filter was left out. ``sort``: None
    for the best match where there is one, else the newest.
    """

    filter: Filter
    refused: str | None
    sort: str | None
    tick: bool
    version: str | None
    row: str | None
    page: dict[str, Any]

    @classmethod
    def read(cls, asked: Any) -> _Request:
        if not isinstance(asked, dict):
            raise InputError("request", type(asked).__name__, "is not an object", "reload the page")
        wanted, refused = _read(asked.get("filter"))
        sort = asked.get("sort")
        sort = sort if isinstance(sort, str) and sort in words.SORTS else None
        page = {k: asked[k] for k in ("after", "before", "at") if isinstance(asked.get(k), str)}
        row, version = (asked.get(k) if isinstance(asked.get(k), str) else None for k in ("row", "version"))
        return cls(wanted, refused, sort, asked.get("tick") is True, version, row, page)


def _read(given: Any) -> tuple[Filter, str | None]:
    """The filter, and why what was left out was. A search that is still being typed leaves the rest as it is."""
    try:
        if isinstance(given, str) and len(given) > _LONGEST:
            raise InputError("filter", f"{len(given):,} characters", "is too long", "ask for less")
        return Filter.from_json({} if given is None else given), None
    except InputError as error:
        said = _short(str(error))
        if isinstance(given, dict) and error.field in ("filter.words", "filter.regex"):
            rest = {name: value for name, value in given.items() if name not in ("words", "regex")}
            with suppress(InputError):
                return Filter.from_json(rest), f"The search was left out. {said}"
        return Filter(), f"The filter in the address was left out. {said}"


def _short(said: str) -> str:
    return said if len(said) <= 300 else said[:300] + "…"


def story(source: Source, row: str) -> str:
    """All that is known of a question, as Markdown."""
    try:
        with source.cursor() as cursor:
            told = tell(cursor, row)
            return markdown(told, label_texts.texts(cursor, overlaps.named(told)))
    except ScaleQuestError as error:
        return f"**This row cannot be shown.** {inert(str(error))}"


def look(source: Source, frames: Frames, asked: Any) -> dict[str, Any]:
    """What the page draws for a request of the browser; what cannot be answered is a sentence, under ``error``."""
    try:
        return _look(source, frames, _Request.read(asked))
    except ScaleQuestError as error:
        return {"error": str(error)}


def _look(source: Source, frames: Frames, request: _Request) -> dict[str, Any]:
    asked, refused = explore_map.left_out(source, request.filter)
    if refused is not None:
        request = replace(request, filter=asked, refused=request.refused or refused)
    frame = frames.of(source)
    runs = source.runs()
    names = _names(runs)
    chosen = query.select(source, frame, request.filter, more=not request.tick)
    told = query.tally(chosen)
    searched = search.told(source, frame, request.filter, ranked=not request.tick)
    version = f"{hash(frame.version) & (2**64 - 1):x}"
    reply: dict[str, Any] = {
        "filter": request.filter.to_dict(),
        "refused": request.refused,
        "version": version,
        "total": frame.size,
        "count": told.count,
        "headline": words.headline(told.count, frame.size, told.pairs, least=searched.least),
        "parts": words.parts(request.filter, names),
        "notes": words.state(source, frame, runs) + searched.notes,
        "running": frame.size < frame.total or searched.again or any(run.status == "running" for run in runs),
        "numbers": {name: {"counts": counts, "none": none} for name, (counts, none) in told.numbers.items()},
        "topic": _values("topic", told.values["topic"], names),
        "facets": {name: _values(name, told.values[name], names) for name in words.FACETS},
        "funnel": [list(asdict(row).values()) for row in told.funnel],
        "dropped": words.dropped(request.filter.drop_stage, told.values["drop_reason"]),
    }
    if request.version != version:
        reply["board"] = _board(frame)
    if request.tick:
        return reply
    if not told.count and frame.size:
        reply["empty"] = _remedy(query.best_removal(source, frame, request.filter), reply["parts"])
    return reply | _rows(source, chosen, request, searched)


def _names(runs: list[Run]) -> dict[str, str]:
    """What each run is called: its name, with its id where it has none or shares it."""
    often = Counter(run.name for run in runs)
    return {
        run.run_id: run.run_id if not run.name else run.name if often[run.name] == 1 else f"{run.name} ({run.run_id})"
        for run in runs
    }


def _rows(source: Source, chosen: Selection, request: _Request, searched: search.Told) -> dict[str, Any]:
    best = searched.best if request.sort in (None, words.BEST) else None
    sort = words.BEST if best is not None else request.sort if request.sort not in (None, words.BEST) else "-newest"
    order: dict[str, Any] = {"by": sort.lstrip("-"), "descending": sort.startswith("-"), "best": best}
    shown = query.page(source, chosen, **order, **request.page)
    last = shown.start + len(shown.rows)
    total = f"{'at least ' if searched.least else ''}{shown.total:,}"
    said = f"{shown.start + 1:,}-{last:,} of {total} questions" if shown.rows else "No question"
    pieces = search.marked([visible(row.query or "") for row in shown.rows], request.filter)
    rows = [_row(row, query) for row, query in zip(shown.rows, pieces, strict=True)]
    page = {"rows": rows, "first": not shown.start, "last": last >= shown.total, "said": said}
    found: dict[str, Any] = {"page": page, "sort": sort, "ranked": searched.best is not None}
    if request.row is not None:
        at = query.place(chosen, request.row, **order)
        where = f"{at.number + 1:,} of {at.total:,}" if at.number is not None else "not among those of the filter"
        found["place"] = {"row": request.row, "said": where, "before": at.before, "after": at.after}
    return found


def _row(row: query.Row, query: list[str]) -> dict[str, Any]:
    """As the table shows it, its texts made visible; the query in pieces, None where it is gone."""
    cells = {name: visible(cell) if isinstance(cell, str) else cell for name, cell in asdict(row).items()}
    return cells | {"question_id": row.question_id, "query": None if row.query is None else query}


def _board(frame: Frame) -> dict[str, Any]:
    """What charts show of all questions, which changes only with the rows: bins and grey totals."""
    charts = []
    for name in NUMBERS:
        bins, totals = frame.bins[name], frame.totals[name]
        if sum(totals[:-1]):
            charts.append({"id": name, **words.CHARTS[name]._asdict(), **asdict(bins), "totals": totals[:-1]})
    topics = list(zip(frame.values["topic"], frame.totals["topic"], strict=False))
    return {"charts": charts, "topic": {**words.CHARTS["topic"]._asdict(), "totals": topics}}


def _values(name: str, counts: list[tuple[str | None, int]], runs: dict[str, str]) -> list[dict[str, Any]]:
    """A category's values as the browser draws them: runs newest first, stages in order."""
    shown = [{"value": v, "text": _called(name, v, runs), "count": count} for v, count in counts]
    if name == "run":
        return shown[::-1]
    return shown if name == "drop_stage" else sorted(shown, key=lambda entry: str(entry["text"]))


def _called(name: str, value: str | None, runs: dict[str, str]) -> str:
    if value is None:
        return words.NONE.get(name, "none")
    return visible(runs.get(value, value) if name == "run" else value)


def _remedy(best: tuple[str, int] | None, parts: list[dict[str, str]]) -> dict[str, str | None]:
    """What to say where nothing matches: the part to remove, or that all must go."""
    if best is None:
        return {"name": None, "text": "No question matches. No single part of the filter is to blame: clear them all."}
    text = next(part["text"] for part in parts if part["name"] == best[0])
    back = f"{best[1]:,} question" + ("s" if best[1] != 1 else "")
    return {"name": best[0], "text": f"No question matches. Without “{text}” there would be {back}."}
