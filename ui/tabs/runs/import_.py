"""Import a dataset: an uploaded file, or a data set of the hub, becomes a run, from the Runs tab.

The import lives in the server: it goes on when the page is closed, and every page sees it. A page can name no file of
the server's machine: who uses it from afar must not read that. Knows neither SQL nor formats.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from engine.data.formats import HUB
from engine.imports.background import Imports
from engine.imports.mapping import FIELDS, JOIN, Mapping
from engine.imports.preview import Beginning, begin
from store.database.workspace import Workspace
from store.errors import InputError, ScaleQuestError
from ui.components import sheet
from ui.components.sheet import Part, text
from ui.tabs.runs import import_view as told
from ui.web.escape import inert, visible
from ui.web.uploads import Uploads, drop

_FILES = [".jsonl", ".json", ".gz", ".csv", ".parquet"]
_HUB_NAME = re.compile(r"hf:[a-z0-9][\w.-]*/[a-z0-9][\w.-]*(:[\w.-]+)?(@[\w.\[\]:%+-]+)?", re.ASCII | re.IGNORECASE)
_SAYS = {
    "query": "the question",
    "response": "the solution, or several",
    "answer": "the reference answer",
    "topic": "one of MATH's subjects",
    "level": "a short text or a whole number",
    "difficulty": "a number from 0 to 1",
    "reward": "a number a solution",
    "generator": "what wrote it",
    "id": "its own name, kept in extra",
}
_NONE = ("nothing", "")
_COLUMNS = 300
"""Columns that can be chosen from; a file with more is for the command line."""
_EMPTY = "Nothing is chosen yet. What a file holds is shown here first; nothing is stored before Import."
_SCORED = "Find language, exact duplicates, final answers, topic and difficulty (by level) on the way."
_AT_ONCE = 4
"""Sources that may be looked into at the same moment; one on the hub can take its time."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What a page has chosen and not yet imported; ``upload``: the file to delete after that."""

    beginning: Beginning
    upload: Path | None


def section(workspace: Workspace, imports: Imports, looks: Sequence[Any]) -> None:
    """Draws the section into the open blocks; the events ``looks`` keep it up to date."""
    view = _View(workspace, imports)
    line = inert(f"scalequest import FILE --workspace {shlex.quote(str(workspace.path))}")
    here = "A .jsonl, .jsonl.gz, .json, .parquet or .csv file, or a data set of the hub, becomes a run of its own. "
    here += f"Files on the server's disk are for the command line: <code>{line}</code>"
    with gr.Accordion("Import a dataset", open=False, elem_id="import") as whole:
        gr.Markdown(here, elem_classes="quiet")
        with gr.Row():
            file = gr.File(label="File", file_types=_FILES, height=150)
            with gr.Column():
                what = "hf:OWNER/NAME:CONFIG@SPLIT names a part of it."
                hub = gr.Textbox(label="Or a data set of the hub", placeholder="hf:OWNER/NAME", info=what, max_lines=1)
                look_into = gr.Button("Look at it", size="sm", min_width=90)
        with gr.Column(visible=False) as form:
            fields: list[gr.Dropdown] = []
            for some in (FIELDS[:5], FIELDS[5:]):
                with gr.Row():
                    fields += [_field(name) for name in some]
            name = gr.Textbox(label="Name", info="Of the run, for people.", max_lines=1)
            scored = gr.Checkbox(True, label="Score", info=_SCORED)
            with gr.Row():
                start = gr.Button("Import", variant="primary", size="sm", min_width=90)
                leave = gr.Button("Choose nothing", size="sm", min_width=90)
        shown = sheet.sheet("import-preview", _EMPTY)
        cancel = gr.Button("Cancel the import", size="sm", visible=False, min_width=90)
        progress = sheet.sheet("imported")
    chosen, seen = gr.State(None, delete_callback=_forget), gr.State({})
    look: dict[str, Any] = {
        "fn": view.look,
        "inputs": seen,
        "outputs": [seen, whole, progress, cancel],
        "show_progress": "hidden",
        "concurrency_limit": 20,
    }
    drawn: dict[str, Any] = {"outputs": [chosen, shown, form, name, *fields], "concurrency_limit": _AT_ONCE}
    file.upload(view.uploaded, [file, chosen], **drawn).then(lambda: None, outputs=file, show_progress="hidden")
    for event in (look_into.click, hub.submit):
        event(view.named, [hub, chosen], **drawn)
    for field in fields:
        field.input(view.mapped, [chosen, *fields], shown, show_progress="hidden", trigger_mode="always_last")
    leave.click(view.left, chosen, show_progress="hidden", **drawn)
    started = start.click(view.start, [chosen, name, scored, *fields], show_progress="hidden", **drawn)
    started.success(**look)
    cancel.click(view.cancel, show_progress="hidden").then(**look)
    gr.on(looks, **look)


def _field(name: str) -> gr.Dropdown:
    # A join of two columns is typed; what is not a column is refused when it is looked at.
    return gr.Dropdown([_NONE], value="", label=name, info=_SAYS[name], min_width=150, allow_custom_value=True)


class _View:
    """What the section's events do and show."""

    def __init__(self, workspace: Workspace, imports: Imports) -> None:
        self._workspace, self._imports = workspace, imports
        self._uploads = Uploads()
        self._last: tuple[str, list[Part]] = ("", [])

    def look(self, seen: dict[str, Any]) -> list[Any]:
        """What there is now; of each component only what differs from what this page has ``seen``."""
        running = self._imports.running is not None
        now: dict[str, dict[str, Any]] = {
            "progress": {"value": sheet.value(self._told())},
            "cancel": {"visible": running},
        }
        opens = gr.update(open=True) if running and not seen else gr.skip()  # who comes in the middle sees it
        updates = [gr.skip() if seen.get(key) == change else gr.update(**change) for key, change in now.items()]
        return [now, opens, *updates]

    def uploaded(self, given: str | None, before: _Chosen | None) -> list[Any]:
        """Look into an uploaded file, which is the page's from now on."""
        if not given:
            return [gr.skip()] * (4 + len(FIELDS))
        _forget(before)
        try:
            path = self._uploads.take(given)
        except InputError as error:
            return _nothing(str(error))
        return _shown(str(path), path)

    def named(self, given: str, before: _Chosen | None) -> list[Any]:
        """Look into a data set of the hub."""
        source = (given or "").strip()
        source = source if source.startswith(HUB) else f"{HUB}{source}"
        _forget(before)
        name = source.removeprefix(HUB).partition("@")[0].partition(":")[0]
        if _HUB_NAME.fullmatch(source) is None or Path(name).exists():  # a folder of that name would be read instead
            problem, remedy = "is not a data set of the hub", "write it hf:OWNER/NAME; a folder is for the command line"
            return _nothing(str(InputError("data set", given, problem, remedy)))
        return _shown(source, None)

    def mapped(self, chosen: _Chosen | None, *columns: str | None) -> str:
        """The preview under the columns that are chosen now."""
        if chosen is None:
            return sheet.value([text(_EMPTY)])
        try:
            mapping = chosen.beginning.mapping(_given(columns))
        except InputError as error:
            return sheet.value([text(_plain(error, chosen))])
        return sheet.value(told.preview(chosen.beginning, mapping))

    def left(self, chosen: _Chosen | None) -> list[Any]:
        _forget(chosen)
        return _nothing(_EMPTY)

    def start(self, chosen: _Chosen | None, name: str, scored: bool, *columns: str | None) -> list[Any]:
        given = _given(columns)
        try:
            if chosen is None:
                raise InputError("FILE", "", "is not chosen", "choose a file, or name a data set of the hub")
            if not given["query"]:
                raise InputError("query", "nothing", "holds no question", "choose the column that does")
            source = chosen.beginning.source.given
            self._imports.start(source, given, (name or "").strip(), scored is not False, lambda: _forget(chosen))
        except ScaleQuestError as error:
            raise gr.Error(inert(_plain(error, chosen)), print_exception=False) from error
        return _nothing(_EMPTY)

    def cancel(self) -> None:
        if (now := self._imports.running) is not None:
            now.control.cancel()

    def _told(self) -> list[Part]:
        """Of the last import; what it was at its end is asked once."""
        now = self._imports.last
        if now is None:
            return []
        if not now.ended:
            return told.going(self._workspace, now)
        if self._last[0] != now.run_id:
            self._last = (now.run_id, told.going(self._workspace, now))
        return self._last[1]


def _shown(source: str, upload: Path | None) -> list[Any]:
    """The form, filled for this source; the sentence where it cannot be read."""
    try:
        beginning = begin(source)
        if (problem := told.unreadable(beginning)) is not None:
            raise InputError("FILE", source, problem, "check what it holds")
        mapping = beginning.mapping({})
    except InputError as error:
        if upload is not None:
            drop(upload)
        return _nothing(told.sentence(error, source))
    preview = sheet.value(told.preview(beginning, mapping))
    columns = _choices(beginning, mapping)
    fields = [gr.update(choices=columns, value=mapping[name] or "") for name in FIELDS]
    return [_Chosen(beginning, upload), preview, gr.update(visible=True), beginning.source.name, *fields]


def _nothing(said: str) -> list[Any]:
    """Nothing is chosen, and why."""
    return [None, sheet.value([text(said)]), gr.update(visible=False), *[gr.skip()] * (1 + len(FIELDS))]


def _choices(beginning: Beginning, mapping: Mapping) -> list[tuple[str, str]]:
    joined = [column for column in mapping.columns.values() if JOIN in column and column not in beginning.columns]
    return [_NONE, *((visible(column)[:80], column) for column in [*joined, *beginning.columns[:_COLUMNS]])]


def _given(columns: Sequence[str | None]) -> dict[str, str]:
    return {name: column or "" for name, column in zip(FIELDS, columns, strict=True)}


def _plain(error: ScaleQuestError, chosen: _Chosen | None) -> str:
    return str(error) if chosen is None else told.sentence(error, chosen.beginning.source.given)


def _forget(chosen: _Chosen | None) -> None:
    if chosen is not None and chosen.upload is not None:
        drop(chosen.upload)
