"""Check this run: a stage of a stored run judged anew, from the Runs tab.

The check lives in the server: it goes on when the page is closed, every page sees it, and one that stopped goes on
where it stopped. Knows neither SQL nor models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from engine.checks import request as checks
from engine.checks.background import Checks, Going
from engine.checks.job import Counts, told
from engine.checks.request import ROLE, STAGE
from engine.config.run_config import profile_names
from engine.training import registered_models
from store.database import replace_verdicts
from store.database.workspace import Workspace
from store.errors import InputError
from ui.components import sheet
from ui.components.sheet import Part, bar, table, text
from ui.web.errors import asked
from ui.web.escape import clock

_SAYS = {
    "near-duplicates": "Marks questions that are nearly the same as an earlier one of the run.",
    "contamination": "Drops questions that share 13 words in a row with a benchmark question, or are one.",
    "solvability": "A judge drops questions that make no complete problem.",
    "difficulty": "A scorer predicts how often each question is failed.",
    "reward": "A reward model scores every solution; the best becomes the question's own.",
}
_CHOOSE = "Choose a run above, then what to look at. Its verdicts of that stage are replaced by what is found."
_FILES = [".jsonl", ".gz", ".csv", ".parquet"]


def section(workspace: Workspace, checks: Checks, run: gr.Dropdown, looks: Sequence[Any]) -> None:
    """Draws the section into the open blocks; ``run`` is where the run is chosen, the events ``looks`` keep it up to
    date."""
    view = _View(workspace, checks)
    folder = registered_models.folder(workspace.path)
    with gr.Accordion("Check this run", open=False, elem_id="check"):
        with gr.Row():
            name = gr.Dropdown(list(STAGE), value="near-duplicates", label="Check", info="What to look at.")
            profile = gr.Dropdown(
                profile_names(folder), value="nano", label="Profile", info="Whose model judges.", visible=False
            )
            drop = gr.Checkbox(False, label="Drop near-duplicates", info="Otherwise they are only marked.")
            files = gr.File(
                label="Benchmark questions", file_count="multiple", file_types=_FILES, visible=False, height=150
            )
        says = gr.Markdown(_SAYS["near-duplicates"], elem_classes="quiet")
        with gr.Row():
            start = gr.Button("Check", variant="primary", size="sm", min_width=90)
            cancel = gr.Button("Stop the check", size="sm", interactive=False, min_width=90)
            go_on = gr.Button("Continue the check", size="sm", visible=False, min_width=90)
        progress = sheet.sheet("checked")
    seen = gr.State({})
    look: dict[str, Any] = {
        "fn": view.look,
        "inputs": [seen, run],
        "outputs": [seen, progress, cancel, go_on],
        "show_progress": "hidden",
        "concurrency_limit": 20,
    }

    def fitted(chosen: str) -> list[Any]:
        shown = (chosen in ROLE, chosen == "near-duplicates", chosen == "contamination")
        return [*(gr.update(visible=one) for one in shown), _SAYS.get(chosen, "")]

    name.input(fitted, name, [profile, drop, files, says], show_progress="hidden")
    start.click(view.start, [run, name, profile, drop, files], show_progress="hidden").success(**look)
    cancel.click(view.cancel, show_progress="hidden").then(**look)
    go_on.click(view.go_on, show_progress="hidden").success(**look)
    gr.on([*looks, run.change], **look)


class _View:
    """What the section's events do and show."""

    def __init__(self, workspace: Workspace, checks: Checks) -> None:
        self._workspace, self._checks = workspace, checks

    def look(self, seen: dict[str, Any], chosen: str | None) -> list[Any]:
        """What there is now; of each component only what differs from what this page has ``seen``."""
        going = self._checks.last
        now: dict[str, dict[str, Any]] = {
            "progress": {"value": sheet.value([*_going(going), *self._had(chosen)])},
            "cancel": {"interactive": going is not None and not going.ended},
            "go on": {"visible": going is not None and going.unfinished},
        }
        return [now, *(gr.skip() if seen.get(key) == change else gr.update(**change) for key, change in now.items())]

    def start(
        self, chosen: str | None, name: str, profile: str | None, drop: bool, files: Sequence[str] | None
    ) -> None:
        def begin() -> None:
            if not chosen:
                raise InputError("run", "", "is not chosen", "choose one from the list")
            check = checks.asked(
                name,
                (files or ()) if name == "contamination" else (),
                (profile or None) if name in ROLE else None,
                registered_models.folder(self._workspace.path),
                drop is True and name == "near-duplicates",
            )
            self._checks.start(chosen, check)

        asked(begin)

    def go_on(self) -> None:
        """The check that stopped last."""
        going = self._checks.last
        if going is not None and going.unfinished:
            asked(lambda: self._checks.start(going.run_id, going.check))

    def cancel(self) -> None:
        if (going := self._checks.running) is not None:
            going.control.cancel()

    def _had(self, chosen: str | None) -> list[Part]:
        """The checks that the chosen run has had."""
        if not chosen:
            return [text(_CHOOSE)]
        with self._workspace.cursor() as cursor:
            notes = replace_verdicts.notes(cursor, chosen)
        found = [notes[stage] for stage in STAGE.values() if stage in notes]
        if not found:
            return [text(_CHOOSE)]
        rows = [[_said(note), "done" if note["done"] else "not to its end", note["when"]] for note in found]
        return [table("Checks of the chosen run", ["what was found", "state", "last written (UTC)"], rows)]


def _said(note: dict[str, Any]) -> str:
    return told(note["words"], Counts(**note["counts"]))


def _going(going: Going | None) -> list[Part]:
    """How far the check is that is under way or was last."""
    if going is None:
        return []
    head = f"{going.check.words[0].upper()}{going.check.words[1:]}, run {going.run_id}"
    event = going.event
    if going.ended:
        return [text(f"{head}: ended. {going.message}", strong=True)]
    if not event:
        waits = " loading the model" if going.check.role is not None else " starting"
        return [text(f"{head}:{waits}.", strong=True)]
    share = event["done"] / max(event["total"], 1)
    left = f", about {clock(event['eta_s'])} left" if event.get("eta_s") is not None else ""
    said = f"{head}: {event['done']:,} of {event['total']:,} ({share:.0%}){left}."
    facts = [f"{event['dropped']:,} dropped", f"{event['marked']:,} marked", f"{event['rows_per_s']:,.0f} rows/s"]
    facts += [f"{event['failed']:,} failed"] if event["failed"] else []
    return [text(said, strong=True), bar(share, said), text(", ".join(facts) + ".")]
