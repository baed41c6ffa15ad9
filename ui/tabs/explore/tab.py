"""The Explore tab: cross-filtered charts, facets, the funnel, a search, and a table.

One component draws itself in the browser (``assets/static/explore``) from what ``look`` answers. The filter is part of
the page's address. The story of a row is in a drawer of its own (``ui.tabs.row``).
"""

from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

import gradio as gr
from pydantic import PlainValidator

from engine.job_registry import JobRegistry
from store.database.sources import Source, SourceSelector
from store.explore import query
from store.explore.lengths import lengths
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.frame.frame import NUMBERS, Frame, Selection
from store.records import Run
from ui.components.charts import CHARTS
from ui.tabs.explore import labels, rates, saved_views, search, sql, thresholds
from ui.tabs.explore import map as map_section
from ui.tabs.explore.group_table import group_table
from ui.web import assets
from ui.web.escape import plural, visible
from ui.web.requests import AddressFilter, AddressFilterField, Reply, Request, Text, server_function


class ExploreRequest(Request):
    """``sort``: None, or an order that is not known, for the best match where there is one, else the newest.

    ``group``: what the questions are grouped by. ``texts``: with answers and solutions. ``tick``: while brushing, only
    counts are wanted. ``version``: of the rows for which the page has the bins.
    """

    filter: AddressFilterField = AddressFilter()
    group: Annotated[str | None, PlainValidator(lambda given: given if given in labels.GROUPS else None)] = None
    texts: bool = False
    sort: Annotated[str | None, PlainValidator(lambda given: given if given in labels.SORTS else None)] = None
    tick: bool = False
    version: Text | None = None
    after: Text | None = None
    before: Text | None = None
    at: Text | None = None

    @property
    def page(self) -> dict[str, Any]:
        places = {"after": self.after, "before": self.before, "at": self.at}
        return {name: key for name, key in places.items() if key is not None}


def tab(sources: SourceSelector, frames: Frames, jobs: JobRegistry) -> None:
    """Draws the tab into the open blocks."""
    saved_views.control(sources)
    gr.HTML(
        "",
        **assets.component("explore"),
        server_functions=[
            server_function("explore_look", ExploreRequest, lambda r: look(sources.current(), frames, r))
        ],
        apply_default_css=False,
        elem_id="explore",
        sorts=labels.SORTS,
        facets=labels.FACETS,
        single=[*labels.SINGLE],
        groups=labels.GROUPS,
    )
    map_section.section(sources, frames, jobs)
    thresholds.section(sources, frames)
    sql.section(sources)


def look(source: Source, frames: Frames, request: ExploreRequest) -> Reply:
    filter, refused = map_section.without_other_area(source, request.filter)
    frame = frames.of(source)
    runs = source.runs()
    names = _names(runs)
    selection = query.select(source, frame, filter, more=not request.tick)
    tally = query.tally(selection)
    searched = search.state(source, frame, filter, ranked=not request.tick)
    version = f"{hash((frame.version, filter.rate_model)) & (2**64 - 1):x}"
    reply: Reply = {
        "filter": filter.to_dict(),
        "refused": refused,
        "version": version,
        "total": frame.size,
        "count": tally.count,
        "headline": labels.headline(tally.count, frame.size, tally.pairs, least=searched.least),
        "parts": labels.parts(filter, names),
        "notes": labels.state(source, frame, runs) + searched.notes,
        "running": frame.size < frame.total or searched.again or any(run.status == "running" for run in runs),
        "numbers": {name: {"counts": counts, "none": none} for name, (counts, none) in tally.numbers.items()},
        "topic": _values("topic", tally.values["topic"], names),
        "facets": {name: _facet(name, tally, names) for name in labels.FACETS},
        "funnel": [list(asdict(row).values()) for row in tally.funnel],
        "dropped": labels.dropped(filter.drop_stage, tally.values["drop_reason"]),
    }
    if request.version != version:
        reply["board"] = _board(selection.frame)
    if request.tick:
        return reply
    if not tally.count and frame.size:
        reply["empty"] = _remedy(query.best_removal(source, frame, filter), reply["parts"])
    reply["lengths"] = _lengths(frame, selection)
    reply["rates"] = rates.summary(selection)
    reply["groups"] = None if request.group is None else group_table(selection, request.group, names)
    return reply | _rows(source, selection, request, filter, searched, names)


_OUTCOMES = {"same": "right", "different": "wrong", "undecided": "undecided", "cut": "cut off"}


def _lengths(frame: Frame, selection: Selection) -> dict[str, Any] | None:
    """The chart of lengths by outcome; None where nothing is compared with a gold answer."""
    found = lengths(frame, selection.rows) if frame.size else None
    if found is None:
        return None
    outcomes = [asdict(one) | {"name": _OUTCOMES[one.name], "count": sum(one.counts)} for one in found.outcomes]
    return {"edges": found.edges, "outcomes": outcomes}


def _names(runs: list[Run]) -> dict[str, str]:
    """The name of each run: its id where it has none, and with its id where others share it."""
    often = Counter(run.name for run in runs)
    return {
        run.run_id: run.run_id if not run.name else run.name if often[run.name] == 1 else f"{run.name} ({run.run_id})"
        for run in runs
    }


def _rows(
    source: Source,
    selection: Selection,
    request: ExploreRequest,
    filter: Filter,
    searched: search.State,
    names: dict[str, str],
) -> Reply:
    best = searched.best if request.sort in (None, labels.BEST) else None
    sort = labels.order(request.sort, ranked=best is not None)
    order: dict[str, Any] = {"by": sort.lstrip("-"), "descending": sort.startswith("-"), "best": best}
    page = query.page(source, selection, **order, **request.page, texts=request.texts)
    last = page.start + len(page.rows)
    total = f"{'at least ' if searched.least else ''}{page.total:,}"
    pieces = search.marked([visible(row.query or "") for row in page.rows], filter)
    reply: Reply = {
        "page": {
            "rows": [_row(row, query_pieces, names) for row, query_pieces in zip(page.rows, pieces, strict=True)],
            "first": not page.start,
            "last": last >= page.total,
            "said": f"{page.start + 1:,}-{last:,} of {total} questions" if page.rows else "No questions",
        },
        "sort": sort,
        "ranked": searched.best is not None,
    }
    return reply


def _row(row: query.Row, pieces: list[str], names: dict[str, str]) -> dict[str, Any]:
    """A row of the table; the question in pieces, None where it was deleted."""
    cells = {name: visible(cell) if isinstance(cell, str) else cell for name, cell in asdict(row).items()}
    run = visible(labels.value_text("run", row.run, names))
    return cells | {"question_id": row.question_id, "query": None if row.query is None else pieces, "run": run}


def _board(frame: Frame) -> dict[str, Any]:
    """What the charts show of all questions: bins and grey totals. It changes only with the rows."""
    charts = []
    for name in NUMBERS:
        bins, totals = frame.bins[name], frame.totals[name]
        measured = rates.choices(frame) if name == "pass_rate" else {}
        if sum(totals[:-1]) or measured:
            charts.append({"id": name, **CHARTS[name]._asdict(), **asdict(bins), "totals": totals[:-1], **measured})
    topics = list(zip(frame.values["topic"], frame.totals["topic"], strict=False))
    return {"charts": charts, "topic": {**CHARTS["topic"]._asdict(), "totals": topics}}


def _facet(name: str, tally: query.Tally, runs: dict[str, str]) -> list[dict[str, Any]]:
    if name not in labels.SINGLE:
        return _values(name, tally.values[name], runs)
    known = labels.SINGLE[name]
    return [{"value": known[key][1], "text": known[key][0], "count": count} for key, count in tally.flags[name].items()]


def _values(name: str, counts: list[tuple[str | None, int]], runs: dict[str, str]) -> list[dict[str, Any]]:
    """A category's values as the browser draws them: runs newest first, stages in order."""
    values: list[dict[str, Any]] = []
    for value, count in counts:
        values.append({"value": value, "text": visible(labels.value_text(name, value, runs)), "count": count})
    if name == "run":
        return values[::-1]
    return values if name == "drop_stage" else sorted(values, key=lambda entry: str(entry["text"]))


def _remedy(best: tuple[str, int] | None, parts: list[dict[str, str]]) -> dict[str, str | None]:
    """Where nothing matches: the part of the filter to remove, or that all of them must go."""
    if best is None:
        text = "No question matches. Removing one part of the filter does not help: clear all of them."
        return {"name": None, "text": text}
    text = next(part["text"] for part in parts if part["name"] == best[0])
    return {"name": best[0], "text": f"No question matches. Without “{text}”, {plural(best[1], 'question')} would."}
