"""Home: the runs' funnel, distributions and three pairs from easy to hard; and a button that generates five questions.

Drawn from the database, or from the bundled demo while the workspace has no run. Only the button loads models.
"""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import gradio as gr

from engine.config.packaged import SMOLLM2
from engine.config.profiles import load_profile
from engine.pipeline.live import Live, Snapshot, settings
from engine.pipeline.live_questions import LiveQuestion
from store.database.sources import SourceSelector
from store.errors import StoreError
from store.explore.overview import Overview, Pair, overview
from store.frame.cache import Frames
from store.frame.frame import Frame
from ui.components.chart_board import board, value
from ui.components.charts import charts
from ui.components.live_cards import REASONS, why
from ui.web.errors import attempt
from ui.web.escape import inert, three, visible
from ui.web.latex import written

EVERY_RUN = ""  # the choice of all runs together
_DEMO = (
    "**This is the bundled demo**: questions that small models wrote, judged and solved on a CPU. What you generate "
    "here is added to it; your own runs from the Sample and the Runs tab appear without it."
)
_REAL = " The nano models know templates only; for real English with 190 MB more, run `make smol`."
_REAL_HERE = " The nano models know templates only; profile `smol`, which is installed, writes real English."
_EMPTY = "**No runs yet.** Generate five questions here, or use the Sample or the Runs tab."
_PAIRS, _MORE = 3, 5
_AT_ONCE = 8  # pages that may generate at the same time; others wait in a queue


def tab(sources: SourceSelector, live: Live, frames: Frames, blocks: gr.Blocks) -> None:
    """Draws the tab into the open blocks. Each load of the page reads the rows, of many a sample first."""

    def choices(chosen: str | None) -> gr.Dropdown:
        runs = sources.current().runs()[::-1]
        options = [(f"All {len(runs)} runs", EVERY_RUN)] if len(runs) > 1 else []
        for run in runs:
            label = f"{visible(run.name or run.run_id)} · {run.status} · {run.created_at:%Y-%m-%d %H:%M} UTC"
            options.append((label, run.run_id))
        known = [name for _, name in options]
        value = chosen if chosen in known else (known[0] if known else None)
        return gr.Dropdown(options, value=value, visible=len(runs) > 1, interactive=True)

    def show(chosen: str | None, drawn: str | None, now: bool = False) -> tuple[Any, ...]:
        """What is drawn, and the state of its rows; no update where that is drawn already."""
        source = sources.current()
        runs = [run.run_id for run in source.runs() if chosen in (None, EVERY_RUN, run.run_id)]
        if not runs:
            return (None, gr.skip() if chosen else _EMPTY + _real(), "[]", *[""] * _PAIRS)
        try:
            frame = frames.of(source, now=now)
            what = f"{chosen} {hash(frame.version)}"
            if now and what == drawn:
                return (gr.skip(),) * (3 + _PAIRS)
            found = overview(source, frame, runs, _PAIRS)
        except StoreError as error:
            return (None, f"**These runs cannot be read.** {inert(str(error))}", "[]", *[""] * _PAIRS)
        pairs = [_pair(pair) for pair in found.pairs]
        note = _headline(found, frame) + (f"\n\n{_DEMO}{_real()}" if sources.shows_demo else "")
        return (what, note, value(charts(found)), *pairs, *[""] * (_PAIRS - len(pairs)))

    def generate() -> Iterator[tuple[Any, ...]]:
        attempt(sources.keep_shown)
        session = attempt(lambda: live.start(settings(load_profile("nano"), questions=_MORE), "five more"))
        with closing(session.snapshots()) as snapshots:  # a page that is closed cancels its session
            for now in snapshots:
                made = gr.Markdown(_fresh(now), visible=True)
                yield made, gr.Button(interactive=False)  # each time: a busy page can miss one
        yield made, gr.Button(interactive=True)

    with gr.Row():
        with gr.Column(min_width=300):
            note = gr.Markdown(elem_id="headline")
        more = gr.Button(f"Generate {_MORE} more", variant="primary", size="sm", scale=0, min_width=180)
        again = gr.Button("Refresh", size="sm", scale=0, min_width=120)
    run = gr.Dropdown([], label="Run", visible=False, allow_custom_value=True)
    fresh = gr.Markdown(visible=False, container=True, elem_id="fresh")
    shown = board()
    gr.Markdown("Three pairs from easy to hard: the best by reward of each third.", elem_classes="quiet")
    with gr.Row():
        cards = []
        for _ in range(_PAIRS):
            with gr.Column(min_width=280):
                cards.append(gr.Markdown(latex_delimiters=[], container=True, min_height=0, elem_classes="pair"))
    drawn = gr.State()
    read: dict[str, Any] = {"inputs": [run, drawn], "outputs": [drawn, note, shown, *cards], "show_progress": "hidden"}
    generated = more.click(generate, None, [fresh, more], show_progress="hidden", concurrency_limit=_AT_ONCE)
    listed: dict[str, Any] = {"fn": choices, "inputs": run, "outputs": run, "show_progress": "hidden"}
    draws: list[Any] = [blocks.load(**listed), again.click(**listed), generated.then(**listed)]
    for then in (*(draw.then for draw in draws), run.input):
        then(show, **read).then(partial(show, now=True), **read)


def _real() -> str:
    """A sentence on the models beyond the bundled ones."""
    return _REAL_HERE if SMOLLM2.fetched else _REAL


def _headline(found: Overview, frame: Frame) -> str:
    first, last = found.funnel[0], found.funnel[-1]
    if not first.entered:
        return "**These runs have no questions yet.** Refresh in a moment."
    pending = sum(row.pending for row in found.funnel)
    line = f"**{last.kept:,} pairs** from {first.entered:,} questions" + (f"; {pending:,} pending" if pending else "")
    if frame.size < frame.total:
        line += f"\n\nA first look at an even sample: {frame.size:,} of {frame.total:,} questions. The rest follows."
    return line


def _fresh(now: Snapshot) -> str:
    """A live run as Markdown: each question as far as it is written, and its stage."""
    if now.status == "loading":
        return "**Loading the models.** The first time, this takes some seconds."
    ended = now.status != "running"
    head = f"{now.pairs} of {len(now.questions)} became pairs" if ended else "Generating"
    line = f"**{head}.**" + (f" {inert(now.message)}" if now.message else "")
    return "\n".join([line, "", *(f"1. {inert(card.text) or '…'}  \n   {_fate(card)}" for card in now.questions)])


def _fate(card: LiveQuestion) -> str:
    dropped = next((verdict for verdict in card.verdicts.values() if not verdict.kept), None)
    if dropped is not None:
        return f"*dropped at {dropped.stage}: {REASONS.get(dropped.reason or '', 'no reason given')}*"
    if card.kept:
        return f"*kept: {inert(why(card))}*"
    return f"*at {card.stage}*" if card.stage else "*not decided*"


def _pair(pair: Pair) -> str:
    """A pair as Markdown."""
    facts = [
        pair.topic,
        None if pair.difficulty is None else f"difficulty {pair.difficulty:.2f}",
        None if pair.reward is None else f"reward {three(pair.reward)}",
        None if pair.agreement is None else f"agreement {pair.agreement:.0%}",
    ]
    line = " · ".join(inert(fact) for fact in facts if fact)
    return f"{written(pair.query, 'is-title')}\n\n{written(pair.response)}\n\n{line}"
