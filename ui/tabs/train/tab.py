"""The Train tab: the trainings of this workspace while they go on, what they changed, and the way into the other tabs.

Nothing is trained here: a training is a process of its own, started by a command that the tab writes. Puts the parts
together (``ui.tabs.train.view``, ``train_curves``, ``train_start``, ``train_register``); knows neither SQL nor models.
"""

from __future__ import annotations

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
from ui.tabs.train import command as train_start
from ui.tabs.train import curves as train_curves
from ui.tabs.train import register as train_register
from ui.tabs.train import view as train_told

_EVERY = 2.0
"""Seconds between two looks while the tab is shown."""
_MANY = 20
"""Pages that may look at the same moment."""


@dataclass(frozen=True, slots=True)
class Train:
    """What the page may wire: ``show`` for the event that brings the tab up, ``timer`` to be active only while it is
    shown, ``changes`` after which the workspace's profiles are other ones."""

    show: Callable[[Callable[..., Any]], None]
    timer: gr.Timer
    changes: list[Callable[..., Any]]


def tab(workspace: Workspace) -> Train:
    """Draws the tab into the open blocks."""
    view = _View(workspace.path)
    table = sheet.sheet("trainings")
    with gr.Column(visible=False) as there:
        chosen = gr.Dropdown([], label="Training", allow_custom_value=True, elem_id="training-choice")
        status = sheet.sheet("training")
        go_on = gr.Textbox(
            label="Command that goes on with it",
            interactive=False,
            visible=False,
            lines=2,
            buttons=["copy"],
            elem_id="train-go-on",
        )
        curves = board("train-curves")
        with gr.Accordion("Settings, data and result", open=False):
            facts = sheet.sheet("train-facts")
    with gr.Accordion("Registered models", open=True, visible=False) as models:
        register = train_register.draw(workspace.path, chosen)
    with gr.Accordion("Texts before and after", open=True, visible=False) as both:
        texts = sheet.sheet("train-texts")
    with gr.Accordion("Start a training", open=True) as start:
        train_start.draw(workspace.path)

    seen = gr.State({})
    timer = gr.Timer(_EVERY, active=False)
    look: dict[str, Any] = {
        "fn": view.look,
        "inputs": [seen, chosen],
        "outputs": [
            seen,
            table,
            there,
            models,
            start,
            chosen,
            status,
            go_on,
            curves,
            facts,
            both,
            texts,
            *register.of_training,
        ],
        "show_progress": "hidden",
        "concurrency_limit": _MANY,
    }
    timer.tick(**look)
    chosen.input(**look)

    def show(event: Callable[..., Any]) -> None:
        event(**look)
        register.offered.after(event)

    return Train(show, timer, register.changes)


class _View:
    """What the tab shows of the trainings in a workspace. Safe from any thread."""

    def __init__(self, workspace: Path) -> None:
        self._models, self._profiles = workspace / "models", registered_models.folder(workspace)
        self._lock = threading.Lock()
        self._read: dict[Path, tuple[object, list[dict[str, Any]], dict[str, Any]]] = {}

    def look(self, seen: dict[str, Any], chosen: str | None) -> list[Any]:
        """What there is now; of each component only what differs from what this page has ``seen``."""
        found = record.trainings(self._models)
        known = [training.folder.name for training in found]
        last = {training.folder.name: self._events(training)[1] for training in found}
        wanted = chosen if chosen in known else (known[0] if known else None)
        one = next((training for training in found if training.folder.name == wanted), None)
        now: dict[str, dict[str, Any]] = {
            "table": {"value": sheet.value([train_told.listed(found, last)])},
            "there": {"visible": one is not None},
            "models": {"visible": one is not None or bool(registered_models.registered(self._profiles))},
            "start": {"open": one is None},
            "choice": {"choices": [(train_told.label(training), training.folder.name) for training in found]},
            **self._of(one, last),
        }
        if wanted != chosen:
            now["choice"]["value"] = wanted
        updates = [gr.skip() if seen.get(name) == change else gr.update(**change) for name, change in now.items()]
        registered = (wanted, one.status if one else None)
        form = train_register.for_training(one, self._profiles)
        if seen.get("registered") == registered:
            form = [gr.skip()] * len(form)
        return [{**now, "registered": registered}, *updates, *form]

    def _of(self, training: Training | None, last: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """What is shown of the chosen one, in the order of its components."""
        if training is None:
            hidden: dict[str, Any] = {"visible": False}
            empty = {"value": sheet.value([])}
            return {
                "status": empty,
                "go on": hidden,
                "curves": {"value": "[]"},
                "facts": empty,
                "both": hidden,
                "texts": empty,
            }
        texts = train_told.compared(record.samples(training.folder))
        command = train_told.go_on(training)
        return {
            "status": {"value": sheet.value(train_told.status(training, last[training.folder.name]))},
            "go on": {"value": command, "visible": bool(command)},
            "curves": {"value": charts_value(train_curves.charts(self._events(training)[0]))},
            "facts": {"value": sheet.value(train_told.facts(training))},
            "both": {"visible": bool(texts)},
            "texts": {"value": sheet.value(texts)},
        }

    def _events(self, training: Training) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The training's curve and its last progress; read again only where the file has changed."""
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
