"""The Runs tab: start a run, watch, pause, cancel or resume it, delete runs, compare two of them.

A run belongs to the server: it continues when the page is closed, and every page sees it. This module puts the parts of
the tab together (``form``, ``progress``, ``list``, ``import_``, ``check``, ``compare``).
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from engine.config.profiles import profile_names
from engine.job_registry import JobRegistry
from engine.job_requests import RunRequest
from engine.training import registered_models
from store.database.run_queries import contents
from store.database.workspace import Workspace
from store.frame.cache import Frames
from ui.components import sheet
from ui.components.chart_board import board
from ui.components.chart_board import value as charts_value
from ui.components.profile_dropdowns import ProfileDropdown
from ui.tabs.runs import check, import_
from ui.tabs.runs import form as runs_form
from ui.tabs.runs.compare import EVERY, PAIRS, side_by_side
from ui.tabs.runs.list import Listed, chosen_run, has_limit, label
from ui.tabs.runs.progress import Progress
from ui.web.errors import attempt
from ui.web.escape import inert

_EVERY = 1.0
_CHOOSE = "Choose two runs to compare their settings, funnels, costs and distributions."


@dataclass(frozen=True, slots=True)
class Runs:
    """What the page connects: ``timer``, to be active only while the tab is visible, the form, which
    ``runs_form.fill`` sets, and its list of profiles.
    """

    timer: gr.Timer
    form: runs_form.Form
    profiles: ProfileDropdown


def tab(workspace: Workspace, jobs: JobRegistry, frames: Frames, shown: Any) -> Runs:
    """Draws the tab into the open blocks; ``shown`` is the event that brings it up."""
    view = _View(workspace, jobs)
    folder = registered_models.folder(workspace.path)
    form = runs_form.draw(folder)
    with gr.Row():
        start = gr.Button("Start", variant="primary", size="sm", min_width=90)
        pause = gr.Button("Pause", size="sm", interactive=False, min_width=90)
        cancel = gr.Button("Cancel", size="sm", interactive=False, min_width=90)
    with gr.Row(visible=False, elem_id="stopped") as stopped:
        stopped_note = gr.Markdown()
        go_on = gr.Button(size="sm", min_width=120, scale=0)
    progress = sheet.sheet("batch")
    table = sheet.sheet("runs")
    with gr.Row():
        run = gr.Dropdown([], label="Run", scale=3, min_width=240, allow_custom_value=True)
        limit = gr.Textbox(
            label="New maximum cost (USD)", info="Leave empty to keep the run's own.", visible=False, min_width=160,
            max_lines=1, elem_id="limit",
        )  # fmt: skip
        resume = gr.Button("Resume", size="sm", min_width=90)
        delete = gr.Button("Delete", variant="stop", size="sm", min_width=90)
    with gr.Column(visible=False, elem_id="delete") as sure:
        what_goes = gr.Markdown()
        with gr.Row():
            keep = gr.Button("Keep it", size="sm", min_width=120)
            yes = gr.Button("Yes, delete it", variant="stop", size="sm", min_width=120)
    timer, seen, named = gr.Timer(_EVERY, active=False), gr.State({}), gr.State(None)
    looks = (timer.tick, shown)
    import_.section(workspace, jobs, looks)
    check.section(workspace, jobs, run, looks)
    first, second = _comparison(workspace, frames)
    shown_parts = [progress, table, pause, cancel, stopped, stopped_note, go_on, limit, run, first, second]
    look = sheet.updates(view.look, [seen, run, first, second], [seen, *shown_parts])
    start.click(view.start, form.inputs, show_progress="hidden").success(**look)
    pause.click(view.pause, show_progress="hidden").then(**look)
    cancel.click(view.cancel, show_progress="hidden").then(**look)
    resume.click(view.resume, [run, limit], show_progress="hidden").success(**look)
    go_on.click(view.resume_stopped, seen, show_progress="hidden").success(**look)
    delete.click(view.name_for_deletion, run, [sure, what_goes, named], show_progress="hidden")
    keep.click(lambda: gr.Column(visible=False), outputs=sure, show_progress="hidden")
    yes.click(view.delete, named, [sure, run], show_progress="hidden").success(**look)
    gr.on(looks, **look)
    return Runs(timer, form, ProfileDropdown(lambda: gr.Dropdown(profile_names(folder)), [], [form.profile]))


def _comparison(workspace: Workspace, frames: Frames) -> tuple[gr.Dropdown, gr.Dropdown]:
    """Draws the comparison of two runs; returns the dropdowns that choose them."""
    with gr.Accordion("Compare two runs", open=False, elem_id="compare"):
        with gr.Row():
            first = gr.Dropdown([], label="Run A", min_width=240, allow_custom_value=True)
            second = gr.Dropdown([], label="Run B", min_width=240, allow_custom_value=True)
            of = gr.Radio([EVERY, PAIRS], value=EVERY, label="Distributions of", min_width=200)
        tables = sheet.sheet("compared", _CHOOSE)
        charts = board("compared-charts")

    def show(one: str | None, other: str | None, of: str) -> tuple[str, str]:
        if not one or not other or one == other:
            hint = "A and B are the same run; choose another." if one and one == other else _CHOOSE
            return sheet.value([sheet.text(hint)]), "[]"
        parts, drawn = attempt(lambda: side_by_side(workspace, frames, one, other, of))
        return sheet.value(parts), charts_value(drawn)

    for choice in (first, second, of):
        choice.input(show, [first, second, of], [tables, charts], show_progress="minimal", trigger_mode="always_last")
    return first, second


class _View:
    """What the tab's events do and show."""

    def __init__(self, workspace: Workspace, jobs: JobRegistry) -> None:
        self._workspace, self._jobs = workspace, jobs
        self._progress, self._listed = Progress(workspace, jobs), Listed(workspace, jobs)

    def look(self, seen: dict[str, Any], chosen: str | None, first: str | None, second: str | None) -> list[Any]:
        runs, batch = self._listed.runs(), self._jobs.running("run")
        steered = batch is not None and bool(batch.event)
        paused = batch is not None and batch.control.requested == "pause"
        stopped = self._listed.stopped(runs)
        now: dict[str, dict[str, Any]] = {
            "progress": {"value": sheet.value(self._progress.parts())},
            "table": {"value": sheet.value([self._listed.part(runs)])},
            "pause": {"value": "Go on" if paused else "Pause", "interactive": steered},
            "cancel": {"interactive": steered},
            "stopped": {"visible": bool(stopped) and batch is None},
            "note": {"value": inert(self._listed.stopped_sentence(stopped))},
            "go on": {"value": f"Resume {stopped[0].run_id}" if stopped else "Resume"},
            "limit": {"visible": any(run.run_id == chosen and has_limit(run) for run in runs)},
        }
        updates = sheet.changes(seen, now)
        choices = [(label(run), run.run_id) for run in runs]
        known = [run.run_id for run in runs]
        begun = batch.run_id if batch is not None and batch.run_id in known else None
        wanted = begun if begun != seen.get("begun") and begun is not None else chosen
        fallback = known[0] if known else None
        for now_chosen, value in (
            (chosen, wanted if wanted in known else fallback),
            (first, first if first in known else None),
            (second, second if second in known else None),
        ):
            change: dict[str, Any] = {} if seen.get("choices") == choices else {"choices": choices}
            change |= {} if value == now_chosen else {"value": value}
            updates.append(gr.update(**change) if change else gr.skip())
        waiting = stopped[0].run_id if stopped else None
        return [{**now, "choices": choices, "begun": begun, "waiting": waiting}, *updates]

    def start(self, *values: Any) -> None:
        folder = registered_models.folder(self._workspace.path)
        config, name = attempt(lambda: runs_form.read(*values, folder=folder))
        attempt(lambda: self._jobs.start(RunRequest(config=config, name=name)))

    def pause(self) -> None:
        if (batch := self._jobs.running("run")) is not None:
            (batch.control.resume if batch.control.requested == "pause" else batch.control.pause)()

    def cancel(self) -> None:
        self._jobs.cancel("run")

    def resume(self, chosen: str | None, limit: str | None = None) -> None:
        attempt(lambda: self._jobs.start(RunRequest(resume=chosen_run(chosen), max_cost=runs_form.cost_limit(limit))))

    def resume_stopped(self, seen: dict[str, Any]) -> None:
        """The run that the button named."""
        self.resume(seen.get("waiting"))

    def name_for_deletion(self, chosen: str | None) -> tuple[Any, str, str]:
        """The question that confirms a deletion."""
        run = attempt(lambda: self._workspace.run(chosen_run(chosen)))
        if (batch := self._jobs.running("run")) is not None and batch.run_id == run.run_id:
            raise gr.Error("This run is active; cancel it first.", print_exception=False)
        with self._workspace.cursor() as cursor:
            has = contents(cursor, run.run_id)
        goes = f"{has.questions:,} questions, {has.pairs:,} pairs and {has.decisions:,} decisions on them"
        goes += f", and {has.preferences:,} preference pairs" if has.preferences else ""
        confirm = f"Delete **{inert(run.name or run.run_id)}** ({inert(run.run_id)}), {goes}? This cannot be undone."
        return gr.Column(visible=True), confirm, run.run_id

    def delete(self, named: str | None) -> tuple[Any, None]:
        run_id = chosen_run(named)
        attempt(lambda: self._workspace.delete_run(run_id))
        self._jobs.forget(run_id)
        return gr.Column(visible=False), None
