"""Import a dataset, in the Runs tab: an uploaded file or a dataset of the Hugging Face hub becomes a run.

The import runs in the server: it continues when the page is closed, and every page sees it. A page cannot name a file
on the server's disk, which remote users must not read.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from engine.data.rows import HUB
from engine.imports.mapping import FIELDS, Mapping
from engine.imports.preview import Beginning, begin
from engine.job_registry import JobRegistry
from engine.job_requests import ImportRequest
from store.database.workspace import Workspace
from store.errors import InputError, ScaleQuestError
from ui.components import sheet
from ui.components.pace import hurry
from ui.components.sheet import Part, text
from ui.tabs.runs import import_view
from ui.web.escape import inert, visible
from ui.web.escape import sentence as in_words
from ui.web.uploads import Uploads, drop

TITLE = "Import a dataset"
_FILES = [".jsonl", ".json", ".gz", ".csv", ".parquet"]
_HUB_NAME = re.compile(r"hf:[a-z0-9][\w.-]*/[a-z0-9][\w.-]*(:[\w.-]+)?(@[\w.\[\]:%+-]+)?", re.ASCII | re.IGNORECASE)
_ABOUT = {
    "query": "question text",
    "response": "one solution or a list",
    "answer": "gold (reference) answer",
    "reasoning": "apart from the response",
    "rejected": "the worse response of a pair",
    "topic": "a MATH subject",
    "level": "short text or whole number",
    "difficulty": "number from 0 to 1",
    "pass_rate": "measured; 1-COLUMN/16 counts failures",
    "reward": "one number per solution",
    "verdict": "true or false: is it wanted",
    "finish_reason": "length: was cut off",
    "solver": "model that wrote the solution",
    "generator": "name of its generator",
    "id": "original id, stored in extra",
}
_NONE = ("none", "")
_COLUMNS = 300  # columns in the lists; files with more need the command line
_EMPTY = "Choose a file or a dataset to see a preview here. Nothing is stored until you press Import."
_SCORED = "Also check language and exact duplicates, and find final answers, topic and difficulty (from level)."
_GROUPS = [
    ("as the first rows suggest", "auto"),
    ("samples of the question", "question"),
    ("questions of their own", "none"),
]
_GROUP = "Several rows of one question become its samples, or stay rows."
_LANGUAGES = "Questions in other languages than English are only marked otherwise."
_AT_ONCE = 4  # previews that may be made at the same moment; one from the hub can be slow


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What a page has chosen and not imported yet. ``upload``: the file to delete afterwards."""

    beginning: Beginning
    upload: Path | None


def section(workspace: Workspace, jobs: JobRegistry, opens: gr.Button, timer: gr.Timer, looks: Sequence[Any]) -> None:
    """Draws the section into the open blocks; the button ``opens`` shows and hides it, the events ``looks`` update
    it, of which ``timer`` is to hurry while a dataset is imported.
    """
    view = _View(workspace, jobs)
    line = inert(f"scalequest import FILE --workspace {shlex.quote(str(workspace.path))}")
    about = "Upload a .jsonl, .jsonl.gz, .json, .parquet or .csv file, or name a dataset of the Hugging Face hub. It "
    about += f"becomes a new run. To import a file from the server's disk, use the command line: <code>{line}</code>"
    with gr.Column(visible=False, elem_id="import") as whole:
        gr.Markdown(f"### {TITLE}\n\n{about}", elem_classes="quiet")
        with gr.Row():
            file = gr.File(label="File", file_types=_FILES, height=150)
            with gr.Column():
                info = "Add :CONFIG@SPLIT to choose a part of it."
                hub = gr.Textbox(label="Or a dataset of the hub", placeholder="hf:OWNER/NAME", info=info, max_lines=1)
                look_into = gr.Button("Preview", size="sm", min_width=90)
        with gr.Column(visible=False) as form:
            fields: list[gr.Dropdown] = []
            for some in (FIELDS[:5], FIELDS[5:10], FIELDS[10:]):
                with gr.Row():
                    fields += [_field(name) for name in some]
            name = gr.Textbox(label="Name", info="Of the new run; optional.", max_lines=1)
            with gr.Row():
                scored = gr.Checkbox(True, label="Score", info=_SCORED)
                group = gr.Dropdown(_GROUPS, value="auto", label="Rows of one question", info=_GROUP, min_width=220)
                languages = gr.Checkbox(False, label="Drop other languages", info=_LANGUAGES)
            with gr.Row():
                start = gr.Button("Import", variant="primary", size="sm", min_width=90)
                leave = gr.Button("Discard", size="sm", min_width=90)
        shown = sheet.sheet("import-preview", _EMPTY)
        why = gr.Markdown(visible=False, elem_classes="quiet", elem_id="import-why")
        cancel = gr.Button("Cancel the import", size="sm", visible=False, min_width=90)
        progress = sheet.sheet("imported")
    chosen, seen, is_open = gr.State(None, delete_callback=_forget), gr.State({}), gr.State(False)
    look = sheet.updates(view.look, [seen, chosen, is_open], [seen, is_open, whole, progress, cancel, start, why])
    opens.click(lambda open: (not open, gr.Column(visible=not open)), is_open, [is_open, whole], show_progress="hidden")
    drawn: dict[str, Any] = {"outputs": [chosen, shown, form, name, *fields], "concurrency_limit": _AT_ONCE}
    file.upload(view.uploaded, [file, chosen], **drawn).then(lambda: None, outputs=file, show_progress="hidden")
    for event in (look_into.click, hub.submit):
        event(view.named, [hub, chosen], **drawn)
    for field in (*fields, group):
        field.input(view.mapped, [chosen, group, *fields], shown, show_progress="hidden", trigger_mode="always_last")
    leave.click(view.left, chosen, show_progress="hidden", **drawn)
    started = start.click(
        view.start, [chosen, name, scored, group, languages, *fields], show_progress="hidden", **drawn
    )
    started.success(**look).then(hurry, outputs=timer, show_progress="hidden")
    cancel.click(view.cancel, show_progress="hidden").then(**look)
    gr.on(looks, **look)


def _field(name: str) -> gr.Dropdown:
    # Typed values are allowed for joins and paths; the preview refuses what is not a column.
    return gr.Dropdown([_NONE], value="", label=name, info=_ABOUT[name], min_width=150, allow_custom_value=True)


class _View:
    """What the section's events do and show."""

    def __init__(self, workspace: Workspace, jobs: JobRegistry) -> None:
        self._workspace, self._jobs = workspace, jobs
        self._uploads = Uploads()
        self._last: tuple[str, list[Part]] = ("", [])

    def look(self, seen: dict[str, Any], chosen: _Chosen | None, is_open: bool) -> list[Any]:
        """The state of the section. A result belongs to its file: a preview of another one takes it away."""
        busy, job = self._jobs.running(*ImportRequest.excludes), self._jobs.last("import")
        running = job is not None and not job.ended
        gone = seen.get("gone")
        if job is not None and job.ended and chosen is not None:
            gone = job.job_id
        shown = self._progress() if job is not None and job.job_id != gone else []
        now: dict[str, dict[str, Any]] = {
            "progress": {"value": sheet.value(shown)},
            "cancel": {"visible": running},
            "start": {"interactive": busy is None},
            "why": {
                "value": "" if busy is None else inert(f"Another job is active ({busy.title}); wait until it ends."),
                "visible": busy is not None and chosen is not None,
            },
        }
        opens = running and not seen and not is_open  # a page that is opened meanwhile
        whole = gr.update(visible=True) if opens else gr.skip()
        return [{**now, "gone": gone}, is_open or opens, whole, *sheet.changes(seen, now)]

    def uploaded(self, given: str | None, before: _Chosen | None) -> list[Any]:
        """Preview an uploaded file, which belongs to this page from now on."""
        if not given:
            return [gr.skip()] * (4 + len(FIELDS))
        _forget(before)
        try:
            path = self._uploads.take(given)
        except InputError as error:
            return _nothing(str(error))
        return _form(str(path), path)

    def named(self, given: str, before: _Chosen | None) -> list[Any]:
        source = (given or "").strip()
        source = source if source.startswith(HUB) else f"{HUB}{source}"
        _forget(before)
        name = source.removeprefix(HUB).partition("@")[0].partition(":")[0]
        if _HUB_NAME.fullmatch(source) is None or Path(name).exists():  # a folder of that name would be read instead
            remedy = "write hf:OWNER/NAME; to import a folder, use the command line"
            return _nothing(str(InputError("dataset", given, "is not a dataset of the hub", remedy)))
        return _form(source, None)

    def mapped(self, chosen: _Chosen | None, group: str, *columns: str | None) -> str:
        if chosen is None:
            return sheet.value([text(_EMPTY)])
        try:
            mapping = chosen.beginning.mapping(_given(columns), group or "auto")
        except InputError as error:
            return sheet.value([text(_plain(error, chosen))])
        return sheet.value(import_view.preview(chosen.beginning, mapping))

    def left(self, chosen: _Chosen | None) -> list[Any]:
        _forget(chosen)
        return _nothing(_EMPTY)

    def start(
        self, chosen: _Chosen | None, name: str, scored: bool, group: str, languages: bool, *columns: str | None
    ) -> list[Any]:
        given = _given(columns)
        try:
            if chosen is None:
                raise InputError("FILE", "", "is not chosen", "choose a file, or name a dataset of the hub")
            if not given["query"]:
                raise InputError("query", "none", "is not a column", "choose the column with the questions")
            source = chosen.beginning.source.given
            request = ImportRequest(
                source=source, mapping=given, name=(name or "").strip(), scored=scored is not False,
                group=group or "auto", drop_languages=languages is True,
            )  # fmt: skip
            self._jobs.start(request, after=lambda: _forget(chosen))
        except ScaleQuestError as error:
            raise gr.Error(in_words(_plain(error, chosen)), print_exception=False) from error
        return _nothing(_EMPTY)

    def cancel(self) -> None:
        self._jobs.cancel("import")

    def _progress(self) -> list[Part]:
        """The running or last import; the summary of an ended one is made once."""
        job = self._jobs.last("import")
        if job is None:
            return []
        if not job.ended:
            return import_view.progress(self._workspace, job)
        if self._last[0] != job.run_id:
            self._last = (job.run_id, import_view.progress(self._workspace, job))
        return self._last[1]


def _form(source: str, upload: Path | None) -> list[Any]:
    """The form for this source; a sentence where it cannot be read."""
    try:
        beginning = begin(source)
        if (problem := import_view.unreadable(beginning)) is not None:
            raise InputError("FILE", source, problem, "check its contents")
        mapping = beginning.mapping({})
    except InputError as error:
        if upload is not None:
            drop(upload)
        return _nothing(import_view.sentence(error, source))
    preview = sheet.value(import_view.preview(beginning, mapping))
    columns = _choices(beginning, mapping)
    fields = [gr.update(choices=columns, value=mapping[name] or "") for name in FIELDS]
    return [_Chosen(beginning, upload), preview, gr.update(visible=True), beginning.source.name, *fields]


def _nothing(sentence: str) -> list[Any]:
    """Nothing is chosen, with the reason or a hint."""
    return [None, sheet.value([text(sentence)]), gr.update(visible=False), *[gr.skip()] * (1 + len(FIELDS))]


def _choices(beginning: Beginning, mapping: Mapping) -> list[tuple[str, str]]:
    joined = [column for column in mapping.columns.values() if column not in beginning.columns]
    return [_NONE, *((visible(column)[:80], column) for column in [*joined, *beginning.columns[:_COLUMNS]])]


def _given(columns: Sequence[str | None]) -> dict[str, str]:
    return {name: column or "" for name, column in zip(FIELDS, columns, strict=True)}


def _plain(error: ScaleQuestError, chosen: _Chosen | None) -> str:
    return str(error) if chosen is None else import_view.sentence(error, chosen.beginning.source.given)


def _forget(chosen: _Chosen | None) -> None:
    if chosen is not None and chosen.upload is not None:
        drop(chosen.upload)
