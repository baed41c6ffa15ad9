"""Home: three ways on, the runs' funnel, distributions and three pairs from easy to hard.

Drawn from the database, or from the bundled demo while the workspace has no run. Only *Generate* loads models.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr

from engine.config.packaged import SMOLLM2
from engine.config.profiles import load_profile
from engine.pipeline.live import settings
from store.database.outcomes import FunnelRow
from store.database.sources import SourceSelector
from store.explore.overview import Overview, Pair, overview
from store.frame.cache import Frames
from store.frame.frame import Frame
from store.records import Run
from ui.components.charts import charts
from ui.components.live_stream import LiveStreams
from ui.web import assets
from ui.web.escape import plural, three, visible
from ui.web.requests import Reply, Request, Text, server_function

_SHOWN = (
    "This is the bundled demo: questions that small models wrote, judged and solved on a CPU. What you generate here "
    "or review is added to it; your own runs from Sample, Runs and imports appear without it."
)
_PART = "The demo is a part of this workspace; delete its runs in Runs if you do not want it."
_REAL = "The nano models know templates only; for real English with 190 MB more, run `make smol`."
_REAL_HERE = "The nano models know templates only; profile smol, which is installed, writes real English."
_EMPTY = "No runs yet. Generate five questions here, or use Sample, Runs or an import."
_PAIRS, _MORE = 3, 5


class LookRequest(Request):
    """``version``: what the page shows. ``whole``: wait for all rows instead of a sample of many."""

    run: Text = ""
    version: Text = ""
    whole: bool = False


def tab(sources: SourceSelector, streams: LiveStreams, frames: Frames) -> None:
    """Draws the tab into the open blocks. Its script asks for the rows whenever the tab is shown."""
    gr.HTML(
        None,
        **assets.component("home", parts=["components/board", "components/lines"]),
        server_functions=[
            server_function("home_look", LookRequest, partial(look, sources, frames)),
            server_function("home_generate", Request, lambda _: generate(sources, streams)),
            server_function("home_keep_demo", Request, lambda _: keep_demo(sources, frames)),
        ],
        apply_default_css=False,
        elem_id="home",
        padding=False,
    )


def keep_demo(sources: SourceSelector, frames: Frames) -> None:
    """Make the demo a part of the workspace; what is asked for next has its rows."""
    sources.keep_demo()
    frames.of(sources.current(), now=True)


def generate(sources: SourceSelector, streams: LiveStreams) -> Reply:
    """Start a live run of five questions, which are added to the demo where that is shown."""
    sources.keep_shown()
    return dict(streams.start(settings(load_profile("nano"), questions=_MORE), "five more"))


def look(sources: SourceSelector, frames: Frames, request: LookRequest) -> Reply:
    """What Home shows of all runs or of one; ``same`` where the page shows it already. ScaleQuestError."""
    source, demo = sources.current(), sources.shows_demo
    runs = source.runs()[::-1]
    chosen = request.run if any(run.run_id == request.run for run in runs) else ""
    if not runs:
        version = "no runs"
        found = Overview([], {"topic": []}, [])
        headline, partial_ = _EMPTY, False
    else:
        frame = frames.of(source, now=request.whole)
        version, partial_ = f"{chosen} {demo} {len(runs)} {hash(frame.version)}", frame.size < frame.total
        if version == request.version:
            return {"same": True, "partial": False}
        found = overview(source, frame, [run.run_id for run in runs if chosen in ("", run.run_id)], _PAIRS)
        headline = _headline(found, frame)
    of_run: dict[str, Any] = {"run": [chosen]} if chosen else {}
    return {
        "version": version,
        "partial": partial_,
        "headline": headline,
        "about": _about(sources, runs, demo),
        "runs": [("", f"All {len(runs)} runs"), *((run.run_id, _named(run)) for run in runs)],
        "chosen": chosen,
        "funnel": _funnel(found.funnel, of_run),
        "note": _note(found.funnel),
        "pairs_filter": {**of_run, "stage": "pair"},
        "charts": charts(found),
        "pairs": [_pair(pair) for pair in found.pairs],
        "explore": _explore(sources, demo),
    }


def _named(run: Run) -> str:
    return f"{visible(run.name or run.run_id)} · {run.status} · {run.created_at:%Y-%m-%d %H:%M} UTC"


def _headline(found: Overview, frame: Frame) -> str:
    first, last = found.funnel[0], found.funnel[-1]
    if not first.entered:
        return "These runs have no questions yet."
    pending = sum(row.pending for row in found.funnel)
    line = f"{plural(last.kept, 'pair')} from {plural(first.entered, 'question')}"
    line += f"; {pending:,} pending" if pending else ""
    if frame.size < frame.total:
        line += f". A first look at an even sample: {frame.size:,} of {frame.total:,} questions; the rest follows."
    return line


def _about(sources: SourceSelector, runs: Sequence[Run], demo: bool) -> str:
    models = _REAL_HERE if SMOLLM2.fetched else _REAL
    if demo:
        return f"{_SHOWN} {models}"
    return models if not runs else _PART if sources.has_demo else ""


def _explore(sources: SourceSelector, demo: bool) -> dict[str, Any]:
    """The second way on. ``adds``: it makes the demo a part of the workspace."""
    of_demo = [run.run_id for run in sources.demo_runs()]
    if not of_demo:
        return {"title": "Explore", "text": "Filter, search and map all questions.", "filter": {}, "adds": False}
    adds = not demo and not sources.has_demo
    text = "Questions of two small models: filter, search and map them, read the story of each."
    text += " It is added to this workspace; delete it in Runs." if adds else ""
    shown = {} if demo else {"run": of_demo}
    return {"title": "Explore the demo", "text": text, "filter": shown, "adds": adds}


def _funnel(rows: Sequence[FunnelRow], of_run: dict[str, Any]) -> list[dict[str, Any]]:
    """The stages, each with Explore's filter for what it dropped."""
    if not rows or not rows[0].entered:
        return []
    return [
        {
            "stage": row.stage,
            "passed": row.kept,
            "dropped": row.dropped,
            "pending": row.pending,
            "filter": {**of_run, "drop_stage": [row.stage]},
        }
        for row in rows
    ]


def _note(rows: Sequence[FunnelRow]) -> str:
    if not rows or not rows[0].entered:
        return ""
    share = f"{rows[-1].kept / rows[0].entered:.0%}".replace("%", " %")
    return (
        f"{rows[-1].kept:,} of {rows[0].entered:,} questions became pairs ({share}). Press a number to see what was "
        "dropped, a bar below to see its questions."
    )


def _pair(pair: Pair) -> dict[str, str]:
    facts = [
        pair.topic,
        None if pair.difficulty is None else f"difficulty {pair.difficulty:.2f}",
        None if pair.reward is None else f"reward {three(pair.reward)}",
        None if pair.agreement is None else f"agreement {pair.agreement:.0%}".replace("%", " %"),
    ]
    line = " · ".join(visible(fact) for fact in facts if fact)
    return {"id": pair.question_id, "query": visible(pair.query), "response": visible(pair.response), "facts": line}
