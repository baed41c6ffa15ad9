"""The Train tab: the workspace's trainings with their curves and texts, and registering their models for other tabs.

Trainings are separate processes, started by a command that the tab writes. This module puts the parts of the tab
together (``command``, ``curves``, ``register``, ``view``).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from engine.training import record, registered_models
from engine.training.record import Training
from store.database.workspace import Workspace
from ui.components import sheet
from ui.components.chart_board import board
from ui.components.chart_board import value as charts_value
from ui.components.pace import pace
from ui.components.pace import timer as pace_timer
from ui.tabs.train import command, curves, register
from ui.tabs.train import view as train_view


@dataclass(frozen=True, slots=True)
class Train:
    """What the page connects: ``show`` takes the event that opens the tab, ``timer`` is to be active only while it is
    visible, ``changes`` are the events that change the workspace's profiles.
    """

    show: Callable[[Callable[..., Any]], None]
    timer: gr.Timer
    changes: list[Callable[..., Any]]


def tab(workspace: Workspace) -> Train:
    view = _View(workspace.path)
    table = sheet.sheet("trainings")
    with gr.Column(visible=False) as there:
        chosen = gr.Dropdown([], label="Training", allow_custom_value=True, elem_id="training-choice")
        status = sheet.sheet("training")
        go_on = gr.Textbox(
            label="Command that resumes it",
            interactive=False,
            visible=False,
            lines=2,
            buttons=["copy"],
            elem_id="train-go-on",
        )
        charts = board("train-curves")
        with gr.Accordion("Settings, data and result", open=False):
            facts = sheet.sheet("train-facts")
    with gr.Accordion("Registered models", open=True, visible=False) as models:
        registering = register.draw(workspace.path, chosen)
    with gr.Accordion("Texts before and after", open=True, visible=False) as both:
        texts = sheet.sheet("train-texts")
    with gr.Accordion("Start a training", open=True) as start:
        command.draw(workspace.path)

    seen = gr.State({})
    timer = pace_timer()
    outputs = [seen, table, there, models, start, chosen, status, go_on, charts, facts, both, texts]
    look = sheet.updates(view.look, [seen, chosen], [*outputs, *registering.of_training, timer])
    timer.tick(**look)
    chosen.input(**look)

    def show(event: Callable[..., Any]) -> None:
        event(**look)
        registering.profiles.update_after(event)

    return Train(show, timer, registering.changes)


class _View:
    """The state of the tab. Safe from any thread."""

    def __init__(self, workspace: Path) -> None:
        self._models, self._profiles = workspace / "models", registered_models.folder(workspace)
        self._lock = threading.Lock()
        self._read: dict[Path, tuple[object, list[dict[str, Any]], dict[str, Any]]] = {}

    def look(self, seen: dict[str, Any], chosen: str | None) -> list[Any]:
        found = record.trainings(self._models)
        known = [training.folder.name for training in found]
        last = {training.folder.name: self._events(training)[1] for training in found}
        wanted = chosen if chosen in known else (known[0] if known else None)
        one = next((training for training in found if training.folder.name == wanted), None)
        now: dict[str, dict[str, Any]] = {
            "table": {"value": sheet.value([train_view.listed(found, last)])},
            "there": {"visible": one is not None},
            "models": {"visible": one is not None or bool(registered_models.registered(self._profiles))},
            "start": {"open": one is None},
            "choice": {"choices": [(train_view.label(training), training.folder.name) for training in found]},
            **self._of(one, last),
        }
        if wanted != chosen:
            now["choice"]["value"] = wanted
        updates = sheet.changes(seen, now)
        registered = (wanted, one.status if one else None)
        form = register.for_training(one, self._profiles)
        if seen.get("registered") == registered:
            form = [gr.skip()] * len(form)
        running = any(training.status == "running" for training in found)
        return [{**now, "registered": registered}, *updates, *form, pace(running)]

    def _of(self, training: Training | None, last: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """What is shown of the chosen training, in the order of the components."""
        texts = train_view.compared(record.samples(training.folder)) if training else []
        resume = train_view.go_on(training) if training else ""
        status = train_view.status(training, last[training.folder.name]) if training else []
        return {
            "status": {"value": sheet.value(status)},
            "go on": {"value": resume, "visible": bool(resume)},
            "curves": {"value": charts_value(curves.charts(self._events(training)[0]) if training else [])},
            "facts": {"value": sheet.value(train_view.facts(training) if training else [])},
            "both": {"visible": bool(texts)},
            "texts": {"value": sheet.value(texts)},
        }

    def _events(self, training: Training) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The training's curve and its last progress event; read again only where the file has changed."""
        path = training.folder / record.EVENTS
        try:
            state = path.stat()
        except OSError:
            return [], {}
        key = (state.st_ino, state.st_size, state.st_mtime_ns)
        with self._lock:
            kept = self._read.get(training.folder)
            if kept is None or kept[0] != key:
                progress = [event for event in record.events(training.folder) if event.get("event") == "progress"]
                curve = record.curve(training.folder, training.kind)
                kept = (key, curve, progress[-1] if progress else {})
                self._read[training.folder] = kept
            return kept[1], kept[2]
