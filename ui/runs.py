"""The Runs tab: start a batch, watch it, pause, cancel or resume it, delete what is not wanted.

The batch lives in the server: it goes on when the page is closed, and every page sees it. Knows neither SQL nor models.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from engine.batches import Batches
from engine.config import load_run_config, profile_names
from store import reads
from store.errors import InputError, ScaleQuestError
from store.records import STAGES, Run
from store.workspace import Workspace
from ui.text import clock, inert

HEAD = ["run", "name", "status", "questions", "pairs", "errors", "started (UTC)"]
BY_QUESTIONS, BY_PAIRS = "questions generated", "pairs accepted"
_EVERY = 1.0


def tab(workspace: Workspace, batches: Batches) -> gr.Timer:
    """Draws the tab into the open blocks; gives back the timer that keeps it up to date."""
    with gr.Row():
        profile = gr.Dropdown(profile_names(), value="nano", label="Profile")
        target = gr.Dropdown([BY_QUESTIONS, BY_PAIRS], value=BY_QUESTIONS, label="Stop at", min_width=180)
        number = gr.Number(100, label="Number", precision=0, min_width=100)
        seed = gr.Number(0, label="Seed", precision=0, min_width=100)
        name = gr.Textbox(label="Name", placeholder="optional", min_width=140)
    with gr.Row():
        start = gr.Button("Start", variant="primary", size="sm", min_width=90)
        pause = gr.Button("Pause", size="sm", interactive=False, min_width=90)
        cancel = gr.Button("Cancel", size="sm", interactive=False, min_width=90)
    said = gr.Markdown(elem_id="batch")
    with gr.Row():
        run = gr.Dropdown([], label="Run", scale=3, min_width=240, allow_custom_value=True)
        resume = gr.Button("Resume", size="sm", min_width=90)
        delete = gr.Button("Delete", variant="stop", size="sm", min_width=90)
    sure = gr.Checkbox(False, label="Yes, delete this run and everything it made; this cannot be undone", visible=False)
    table = gr.Dataframe(headers=HEAD, interactive=False, label="All runs", elem_id="runs", wrap=True)
    timer = gr.Timer(_EVERY)
    shown = [said, pause, cancel, run, table]

    def look(chosen: str | None) -> tuple[Any, ...]:
        return _look(workspace, batches, chosen)

    def begin(profile: str, target: str, number: float, seed: float, name: str) -> gr.Dropdown:
        kind = "questions" if target == BY_QUESTIONS else "accepted"
        asked: dict[str, Any] = {kind: int(number or 0), "seed": int(seed or 0)}
        run_id = _asked(lambda: batches.start(load_run_config(profile, **asked), name.strip()))
        return gr.Dropdown([(name.strip() or run_id, run_id)], value=run_id)

    def steer(verb: str) -> None:
        if (batch := batches.running) is not None:
            wish = "resume" if verb == "pause" and batch.control.wish == "pause" else verb
            getattr(batch.control, wish)()

    def remove(chosen: str | None, certain: bool) -> tuple[Any, ...]:
        if chosen is None:
            raise gr.Error("Choose a run first.", print_exception=False)
        if not certain:
            return gr.Checkbox(visible=True), chosen
        if (batch := batches.running) is not None and batch.run_id == chosen:
            raise gr.Error("This run is under way; cancel it first.", print_exception=False)
        _asked(lambda: workspace.delete_run(chosen))
        return gr.Checkbox(False, visible=False), None

    again: dict[str, Any] = {"fn": look, "inputs": run, "outputs": shown, "show_progress": "hidden"}
    start.click(begin, [profile, target, number, seed, name], run, show_progress="hidden").success(**again)
    pause.click(lambda: steer("pause"), show_progress="hidden").then(**again)
    cancel.click(lambda: steer("cancel"), show_progress="hidden").then(**again)
    resume.click(lambda chosen: _asked(lambda: batches.resume(_some(chosen))), run, show_progress="hidden").then(
        **again
    )
    delete.click(remove, [run, sure], [sure, run], show_progress="hidden").then(**again)
    timer.tick(**again)
    return timer


def _some(chosen: str | None) -> str:
    if chosen is None:
        raise InputError("run", "", "is not chosen", "choose one from the list")
    return chosen


def _asked(action: Any) -> Any:
    """The action's answer; what it refuses, as the one sentence that it says."""
    try:
        return action()
    except ScaleQuestError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _look(workspace: Workspace, batches: Batches, chosen: str | None) -> tuple[Any, ...]:
    runs = workspace.runs()[::-1]
    batch = batches.running
    paused = batch is not None and batch.control.wish == "pause"
    known = [run.run_id for run in runs]
    return (
        progress(batches),
        gr.Button("Go on" if paused else "Pause", interactive=batch is not None and not batch.loading),
        gr.Button(interactive=batch is not None and not batch.loading),
        gr.Dropdown(
            [(f"{run.name or run.run_id} · {run.status}", run.run_id) for run in runs],
            value=chosen if chosen in known else (known[0] if known else None),
        ),
        [_row(workspace, run) for run in runs],
    )


def _row(workspace: Workspace, run: Run) -> list[Any]:
    with workspace.cursor() as cursor:
        rows = reads.funnel(cursor, run.run_id)
        errors = reads.error_count(cursor, run.run_id)
    questions, pairs = (rows[0].entered, rows[-1].kept) if rows else (0, 0)
    return [run.run_id, run.name, run.status, questions, pairs, errors, f"{run.created_at:%Y-%m-%d %H:%M:%S}"]


def progress(batches: Batches) -> str:
    """The batch under way, or how the last one ended, as Markdown."""
    batch = batches.last
    if batch is None:
        return "No batch is under way."
    if batch.loading:
        return "**Loading the models.**"
    event = batch.event
    if batch.ended:
        how = inert(batch.message) if batch.message else f"Run {batch.run_id} is done."
        return f"**{how}**" + (f" {_speed(event)}" if event else "")
    if not event:
        return "**Starting.**"
    what = "Paused" if event["status"] == "paused" else "Running"
    left = f", about {clock(event['eta_s'])} left" if event.get("eta_s") is not None and what == "Running" else ""
    share = event["done"] / max(event["total"], 1)
    head = f"**{what}: {event['done']:,} of {event['total']:,} ({share:.0%}){left}.** {_speed(event)}"
    stages = event["stages"]
    rows = [("generated", event["generated"], 0), *((stage, *stages[stage]) for stage in STAGES)]
    lines = [f"| {stage} | {kept:,} | {dropped:,} |" for stage, kept, dropped in rows]
    return "\n".join([f"{head}\n", "| stage | kept | dropped |", "|:--|--:|--:|", *lines])


def _speed(event: dict[str, Any]) -> str:
    parts = [
        f"{event['accepted']:,} pairs",
        f"{event['rows_per_s']:.1f} rows/s",
        f"{event['tokens_per_s']:,.0f} tokens/s",
        f"{clock(event['elapsed_s'])} so far",
    ]
    return ", ".join(parts) + (f", {event['errors']:,} failed" if event["errors"] else "") + "."
