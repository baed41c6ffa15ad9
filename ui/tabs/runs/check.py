"""Check this run, in the Runs tab: a stage of a stored run is judged again.

The check runs in the server: it continues when the page is closed, every page sees it, and one that stopped can be
continued.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from engine.checks.report import Counts, report
from engine.checks.request import BY, CHECKS, NEAR, PASS_RATE, ROLE, ROLLOUTS, SIMILAR
from engine.config.profiles import profile_names
from engine.config.validation import validate
from engine.job_registry import JobRegistry
from engine.job_requests import CheckRequest
from engine.jobs.runner import Job
from engine.training import registered_models
from store.database import check_notes
from store.database.workspace import Workspace
from store.records import STAGES
from ui.components import sheet
from ui.components.pace import hurry
from ui.components.sheet import Cell, Part, table, text, when
from ui.tabs.runs.list import chosen_run
from ui.web.errors import attempt

_ABOUT = {
    NEAR: "Marks questions that nearly repeat an earlier question of the run. By wording: most words are the same. By "
    "meaning: a sentence embedder, which `make smol` installs, finds them similar; this takes longer.",
    "contamination": "Drops benchmark questions and questions that share 13 consecutive words with one.",
    "solvability": "A judge drops questions that are not complete, consistent problems.",
    "difficulty": "A scorer predicts each question's fail rate.",
    "reward": "A reward model scores every solution; the best one is chosen.",
    "answers": "Reads the final answers again and compares them with each other and with the gold answers.",
    PASS_RATE: "The profile's solver writes solutions to every question with a gold answer; the share that is right is "
    "stored as this model's pass rate. No verdict changes.",
}
_CHOOSE = "Choose a run above, then a check. New verdicts replace the run's verdicts of that stage."
_FILES = [".jsonl", ".gz", ".csv", ".parquet"]


def section(workspace: Workspace, jobs: JobRegistry, run: gr.Dropdown, timer: gr.Timer, looks: Sequence[Any]) -> None:
    """Draws the section into the open blocks; ``run`` chooses the run, the events ``looks`` update the section, of
    which ``timer`` is to hurry while a run is checked.
    """
    view = _View(workspace, jobs)
    folder = registered_models.folder(workspace.path)
    with gr.Accordion("Check this run", open=False, elem_id="check"):
        with gr.Row():
            name = gr.Dropdown(list(CHECKS), value=NEAR, label="Check", info="The stage to judge again.")
            known, use = profile_names(folder), "Whose model to use."
            profile = gr.Dropdown(known, value="nano", label="Profile", info=use, visible=False)
            wanted = "Solutions to each question."
            n = gr.Number(ROLLOUTS, label="Rollouts", info=wanted, precision=0, minimum=1, visible=False)
            by = gr.Dropdown(list(BY), value=BY[0], label="Compare by", info="What near-duplicates have in common.")
            least = "Least cosine of two questions; 0.9 suits all-MiniLM-L6-v2."
            threshold = gr.Number(
                SIMILAR, label="Threshold", info=least, minimum=0, maximum=1, step=0.01, visible=False
            )
            drop = gr.Checkbox(False, label="Drop near-duplicates", info="If off, they are only marked.")
            files = gr.File(
                label="Benchmark questions", file_count="multiple", file_types=_FILES, visible=False, height=150
            )
        says = gr.Markdown(_ABOUT[NEAR], elem_classes="quiet")
        with gr.Row():
            start = gr.Button("Check", variant="primary", size="sm", min_width=90)
            cancel = gr.Button("Stop the check", size="sm", interactive=False, min_width=90)
            go_on = gr.Button("Resume the check", size="sm", visible=False, min_width=90)
        progress = sheet.sheet("checked")
    seen = gr.State({})
    look = sheet.updates(view.look, [seen, run], [seen, progress, cancel, go_on])

    def fitted(chosen: str, by: str) -> list[Any]:
        near = chosen == NEAR
        shown = (chosen in ROLE, chosen == PASS_RATE, near, near and by == "meaning", near, chosen == "contamination")
        return [*(gr.update(visible=one) for one in shown), _ABOUT.get(chosen, "")]

    gr.on(
        [name.input, by.input],
        fitted,
        [name, by],
        [profile, n, by, threshold, drop, files, says],
        show_progress="hidden",
    )
    given = [run, name, profile, drop, files, n, by, threshold]
    for started in (
        start.click(view.start, given, show_progress="hidden"),
        go_on.click(view.go_on, show_progress="hidden"),
    ):
        started.success(**look).then(hurry, outputs=timer, show_progress="hidden")
    cancel.click(view.cancel, show_progress="hidden").then(**look)
    gr.on([*looks, run.change], **look)


class _View:
    """What the section's events do and show."""

    def __init__(self, workspace: Workspace, jobs: JobRegistry) -> None:
        self._workspace, self._jobs = workspace, jobs

    def look(self, seen: dict[str, Any], chosen: str | None) -> list[Any]:
        job = self._jobs.last("check")
        now: dict[str, dict[str, Any]] = {
            "progress": {"value": sheet.value([*_progress(job), *self._earlier(chosen)])},
            "cancel": {"interactive": job is not None and not job.ended},
            "go on": {"visible": job is not None and job.unfinished},
        }
        return [now, *sheet.changes(seen, now)]

    def start(
        self,
        chosen: str | None,
        name: str,
        profile: str | None,
        drop: bool,
        files: Sequence[str] | None,
        n: float | None = None,
        by: str | None = None,
        threshold: float | None = None,
    ) -> None:
        near = name == NEAR
        request = {
            "run_id": attempt(lambda: chosen_run(chosen)),
            "stage": name,
            "benchmarks": (files or ()) if name == "contamination" else (),
            "profile": (profile or None) if name in ROLE else None,
            "drop": drop is True and near,
            "n": int(n) if n is not None and name == PASS_RATE else None,
            "by": by if near else None,
            "threshold": threshold if near and by == "meaning" else None,
        }
        attempt(lambda: self._jobs.start(validate(CheckRequest, request)))

    def go_on(self) -> None:
        job = self._jobs.last("check")
        if job is not None and job.unfinished:
            attempt(lambda: self._jobs.start(job.request))

    def cancel(self) -> None:
        self._jobs.cancel("check")

    def _earlier(self, chosen: str | None) -> list[Part]:
        if not chosen:
            return [text(_CHOOSE)]
        with self._workspace.cursor() as cursor:
            notes = check_notes.notes(cursor, chosen)
        order = [*STAGES, PASS_RATE]
        found = [notes[name] for name in sorted(notes, key=lambda name: (order.index(name.partition(":")[0]), name))]
        if not found:
            return [text(_CHOOSE)]
        rows: list[list[Cell]] = [
            [
                report(note["words"], Counts(**note["counts"])),
                "done" if note["done"] else "not finished",
                when(datetime.fromisoformat(note["when"]).replace(tzinfo=UTC)),
            ]
            for note in found
        ]
        return [table("Checks of the chosen run", ["result", "state", "last written"], rows)]


def _progress(job: Job | None) -> list[Part]:
    if job is None:
        return []
    head, event = f"{job.title[:1].upper()}{job.title[1:]}, run {job.run_id}", job.event
    if job.ended:
        return [text(f"{head}: ended. {job.outcome}", strong=True)]
    if not event:
        loads = job.request.stage in ROLE or job.request.by == "meaning"
        return [text(f"{head}: {'loading the model' if loads else 'starting'}.", strong=True)]
    if job.request.stage == PASS_RATE:
        facts = [f"{event['rollouts']:,} rollouts", f"{event['right']:,} right", f"{event['unclear']:,} undecided"]
    else:
        facts = [f"{event['dropped']:,} dropped", f"{event['marked']:,} marked", f"{event['rows_per_s']:,.0f} rows/s"]
    facts += [f"{event['failed']:,} failed"] if event["failed"] else []
    return [*sheet.progress(head, event), text(", ".join(facts) + ".")]
