"""The Runs tab: start or import a run, watch, pause, cancel or resume it, and see the page of each.

A run belongs to the server: it continues when the page is closed, and every page sees it. This module puts the parts of
the tab together (``form``, ``progress``, ``list``, ``run_page``, ``import_``, ``check``).
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from engine.config.profiles import profile_names
from engine.job_registry import JobRegistry
from engine.job_requests import RunRequest
from engine.jobs.runner import Job
from engine.training import registered_models
from store.database.run_queries import contents
from store.database.workspace import Workspace
from store.records import Run
from ui.components import sheet
from ui.components.pace import pace
from ui.components.pace import timer as pace_timer
from ui.components.profile_dropdowns import ProfileDropdown
from ui.tabs.runs import check, import_
from ui.tabs.runs import form as runs_form
from ui.tabs.runs.list import LIVE, Listed, chosen_run, has_limit, is_resumable, label
from ui.tabs.runs.progress import Progress
from ui.tabs.runs.run_page import RunPage
from ui.web.errors import attempt
from ui.web.escape import inert


@dataclass(frozen=True, slots=True)
class Runs:
    """What the page connects: ``timer``, to be active only while the tab is visible, the form, which
    ``runs_form.fill`` sets, and its list of profiles.
    """

    timer: gr.Timer
    form: runs_form.Form
    profiles: ProfileDropdown


def tab(workspace: Workspace, jobs: JobRegistry, shown: Any) -> Runs:
    """Draws the tab into the open blocks; ``shown`` is the event that brings it up."""
    view = _View(workspace, jobs)
    folder = registered_models.folder(workspace.path)
    form = runs_form.draw(folder)
    with gr.Row(elem_classes="buttons"):
        start = gr.Button("Start", variant="primary", size="sm", min_width=90, scale=0)
        pause = gr.Button("Pause", size="sm", interactive=False, min_width=90, scale=0)
        cancel = gr.Button("Cancel", size="sm", interactive=False, min_width=90, scale=0)
        bring = gr.Button(import_.TITLE, variant="primary", size="sm", min_width=150, scale=0, elem_id="import-open")
    busy = gr.Markdown(visible=False, elem_classes="quiet", elem_id="busy")
    timer, seen, named = pace_timer(), gr.State({}), gr.State(None)
    looks = (timer.tick, shown)
    import_.section(workspace, jobs, bring, timer, looks)
    with gr.Row(visible=False, elem_id="stopped", elem_classes="buttons") as stopped:
        stopped_note = gr.Markdown()
        go_on = gr.Button(size="sm", min_width=120, scale=0)
    progress = sheet.sheet("batch")
    table = sheet.sheet("runs", address="run")
    with gr.Row(elem_classes="buttons"):
        run = gr.Dropdown([], label="Run", scale=1, min_width=240, allow_custom_value=True)
        limit = gr.Textbox(
            label="New maximum cost (USD)", info="Leave empty to keep the run's own.", visible=False, min_width=160,
            max_lines=1, elem_id="limit",
        )  # fmt: skip
        resume = gr.Button("Resume", size="sm", min_width=90, scale=0)
        delete = gr.Button("Delete", variant="stop", size="sm", min_width=90, scale=0)
    why_not = gr.Markdown(visible=False, elem_classes="quiet", elem_id="why-not")
    with gr.Column(visible=False, elem_id="delete") as sure:
        what_goes = gr.Markdown()
        with gr.Row(elem_classes="buttons"):
            keep = gr.Button("Keep it", size="sm", min_width=120, scale=0)
            yes = gr.Button("Yes, delete it", variant="stop", size="sm", min_width=120, scale=0)
    page = sheet.sheet("run-page", address="run")
    check.section(workspace, jobs, run, timer, looks)
    shown_parts = [
        progress, table, page, start, pause, cancel, busy, stopped, stopped_note, go_on, limit, resume, delete, why_not,
    ]  # fmt: skip
    look = sheet.updates(view.look, [seen, run], [seen, *shown_parts, run, timer])
    start.click(view.start, form.inputs, show_progress="hidden").success(**look)
    pause.click(view.pause, show_progress="hidden").then(**look)
    cancel.click(view.cancel, show_progress="hidden").then(**look)
    resume.click(view.resume, [run, limit], show_progress="hidden").success(**look)
    go_on.click(view.resume_stopped, seen, show_progress="hidden").success(**look)
    delete.click(view.name_for_deletion, run, [sure, what_goes, named], show_progress="hidden")
    keep.click(lambda: gr.Column(visible=False), outputs=sure, show_progress="hidden")
    yes.click(view.delete, named, [sure, run], show_progress="hidden").success(**look)
    run.input(**look)
    for rows in (table, page):
        rows.choose(_chosen, None, run, show_progress="hidden").then(**look)
    gr.on(looks, **look)
    return Runs(timer, form, ProfileDropdown(lambda: gr.Dropdown(profile_names(folder)), [], [form.profile]))


def _chosen(event: gr.EventData) -> Any:
    """The run of the row that was clicked."""
    return sheet.chosen_key(event) or gr.skip()


class _View:
    """What the tab's events do and show."""

    def __init__(self, workspace: Workspace, jobs: JobRegistry) -> None:
        self._workspace, self._jobs = workspace, jobs
        self._progress, self._listed = Progress(workspace, jobs), Listed(workspace, jobs)
        self._page = RunPage(workspace, jobs, self._listed)

    def look(self, seen: dict[str, Any], chosen: str | None) -> list[Any]:
        runs, batch = self._listed.runs(), self._jobs.running("run")
        steered = batch is not None and bool(batch.event)
        paused = batch is not None and batch.control.requested == "pause"
        stopped = self._listed.stopped(runs)
        samples = self._listed.samples(runs)
        choices = [(label(run), run.run_id) for run in runs]
        choices += [(f"{len(samples):,} live samples", LIVE)] if samples else []
        known = [key for _, key in choices]
        begun = batch.run_id if batch is not None and batch.run_id in known else None
        wanted = begun if begun != seen.get("begun") and begun is not None else chosen
        wanted = wanted if wanted in known else (known[0] if runs else None)
        one = next((run for run in runs if run.run_id == wanted), None)
        busy = self._jobs.running(*RunRequest.excludes)
        no_resume, no_delete = self._why_not_resume(one, busy), self._why_not_delete(one)
        why = " ".join(dict.fromkeys(filter(None, (no_resume, no_delete)))) if runs else ""
        now: dict[str, dict[str, Any]] = {
            "progress": {"value": sheet.value(self._progress.parts())},
            "table": {"value": sheet.value([self._listed.part(runs, wanted)])},
            "page": {"value": sheet.value(self._page.parts(wanted, runs))},
            "start": {"interactive": busy is None},
            "pause": {"value": "Resume" if paused else "Pause", "interactive": steered},
            "cancel": {"interactive": steered},
            "busy": {"value": inert(_busy_sentence(busy)), "visible": busy is not None},
            "stopped": {"visible": bool(stopped) and batch is None},
            "note": {"value": inert(self._listed.stopped_sentence(stopped))},
            "go on": {"value": f"Resume {stopped[0].run_id}" if stopped else "Resume"},
            "limit": {"visible": one is not None and has_limit(one)},
            "resume": {"interactive": not no_resume, "visible": one is None or one.run_id != begun},
            "delete": {"interactive": not no_delete},
            "why": {"value": inert(why), "visible": bool(why)},
        }
        updates = sheet.changes(seen, now)
        change: dict[str, Any] = {} if seen.get("choices") == choices else {"choices": choices}
        change |= {} if wanted == chosen else {"value": wanted}
        updates.append(gr.update(**change) if change else gr.skip())
        waiting = stopped[0].run_id if stopped else None
        return [
            {**now, "choices": choices, "begun": begun, "waiting": waiting},
            *updates,
            pace(bool(self._jobs.active())),
        ]

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
        """A run that is paused goes on; one that has stopped is started again."""
        run_id = attempt(lambda: chosen_run(chosen))
        if (batch := self._jobs.running("run")) is not None and batch.run_id == run_id:
            batch.control.resume()
            return
        attempt(lambda: self._jobs.start(RunRequest(resume=run_id, max_cost=runs_form.cost_limit(limit))))

    def resume_stopped(self, seen: dict[str, Any]) -> None:
        """The run that the button named."""
        self.resume(seen.get("waiting"))

    def name_for_deletion(self, chosen: str | None) -> tuple[Any, str, str]:
        """The question that confirms a deletion."""
        run = attempt(lambda: self._workspace.run(chosen_run(chosen)))
        if (refused := self._why_not_delete(run)) is not None:
            raise gr.Error(inert(refused), print_exception=False)
        with self._workspace.cursor() as cursor:
            has = contents(cursor, run.run_id)
        goes = f"{has.questions:,} questions, {has.pairs:,} pairs and {has.decisions:,} decisions on them"
        goes += f", and {has.preferences:,} preference pairs" if has.preferences else ""
        confirm = (
            f"Delete **{inert(run.name or run.run_id)}** ({inert(run.run_id)})? {goes} will be permanently deleted."
        )
        return gr.Column(visible=True), confirm, run.run_id

    def delete(self, named: str | None) -> tuple[Any, None]:
        run_id = chosen_run(named)
        attempt(lambda: self._workspace.delete_run(run_id))
        self._jobs.forget(run_id)
        return gr.Column(visible=False), None

    @staticmethod
    def _why_not_resume(run: Run | None, busy: Job | None) -> str | None:
        """Why the run cannot be resumed now; None where it can, or is the active one."""
        if run is None:
            return "Choose one run to resume or delete it."
        if busy is not None and busy.kind == "run" and busy.run_id == run.run_id:
            return None
        if not is_resumable(run):
            finished = run.kind == "generate" and run.status == "done"
            return "This run is finished." if finished else "Only generated runs that stopped early can be resumed."
        return "Another job is active, so this run cannot be resumed now." if busy is not None else None

    def _why_not_delete(self, run: Run | None) -> str | None:
        """Why the run cannot be deleted now."""
        if run is None:
            return "Choose one run to resume or delete it."
        if any(job.run_id == run.run_id for job in (self._jobs.running(kind) for kind in _USING) if job is not None):
            return "This run is active; cancel it before you delete it."
        return None


_USING = ("run", "import", "check")
"""The kinds of jobs that write into a run."""


def _busy_sentence(job: Job | None) -> str:
    """Why Start is disabled."""
    if job is None:
        return ""
    if job.kind == "run":
        return f"Run {job.run_id} is active: a new one can start when it has ended or was cancelled."
    return f"Another job is active ({job.title}): a run can start when it has ended."
