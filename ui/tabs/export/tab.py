"""The Export tab: which pairs, in which format, a preview, and the finished exports.

An export runs in the server: it continues when the page is closed, and every page sees it.
"""

import html
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import gradio as gr

from engine.exports import finished
from engine.exports.plan import LICENSE, Plan
from engine.exports.preview import look
from engine.exports.rl_trainers import TRAINERS
from engine.job_registry import JobRegistry
from engine.job_requests import ExportRequest, VerifyRequest
from store.database.sources import SourceSelector
from store.errors import InputError, ScaleQuestError
from store.export.formats import FORMATS
from store.filters import saved_views
from store.filters.filter import Filter
from ui.components import sheet
from ui.components.sheet import text
from ui.tabs.export import view as export_view
from ui.web import assets
from ui.web.errors import attempt
from ui.web.escape import size

_EVERY = 1.0  # seconds between two updates
_ALL, _EXPLORE = "all", "shown"
_WHICH = [("All pairs", _ALL), ("Explore's current filter", _EXPLORE)]
_ABOUT = "Writes files that training tools load directly, and a manifest that reproduces them byte for byte. "
_ABOUT += "Pairs that a reviewer rejected are left out unless the filter selects a status."
_REASONING = [("As the format expects", ""), ("Inline", "inline"), ("Field", "field"), ("Left out", "none")]
_TRAINER = "verl"
_EMPTY = "There is nothing to export yet: make a run, or import a dataset, first."
_DEMO = "These are the pairs of the bundled demo. Export makes the demo a part of this workspace and writes them."
_ADDRESS = assets.given("lib/address.js", "addressFilter")
"""Explore's filter, as the page's addresses have it."""
_GOES = "Its files will be permanently deleted; the workspace keeps its rows."
_CONFIRM = f"(name) => [confirm(`Delete the export ${{name}}? {_GOES}`) ? name : '']"


def tab(sources: SourceSelector, jobs: JobRegistry) -> Callable[[Any], None]:
    """Draws the tab into the open blocks; the returned function updates it after an event."""
    view = _View(sources, jobs)
    gr.Markdown(_ABOUT, elem_classes="quiet")
    address = gr.Textbox(visible=False)
    with gr.Row():
        which = gr.Dropdown(_WHICH, value=_ALL, label="Which pairs", allow_custom_value=True, elem_id="export-which")
        form = gr.Dropdown(list(FORMATS), value="jsonl", label="Format", info=_info("jsonl"), min_width=200)
    with gr.Row():
        more = "Includes reviews, tags and edits, so that it can be imported again."
        full = gr.Checkbox(False, label="All columns", info=more)
        equal = "Also pairs whose two solutions have the same answer."
        same = gr.Checkbox(False, label="Include equal answers", info=equal, visible=False)
        share = "Share of the rows; duplicates stay in one split."
        validation = gr.Slider(0, 0.5, 0, step=0.01, label="Validation split", info=share)
        licence = gr.Textbox(LICENSE, label="Licence", info="As the hub spells it, e.g. apache-2.0.", visible=False)
    with gr.Row():
        where = "Before the response as <think> text, in a field of its own, or left out."
        thought = gr.Dropdown(_REASONING, value="", label="Reasoning", info=where, min_width=200)
        every = "One row for every sample; text formats leave out those that were cut off."
        samples = gr.Checkbox(False, label="All samples", info=every)
        trainer = gr.Dropdown(
            [(one.title, name) for name, one in TRAINERS.items()], value=_TRAINER, label="Trainer",
            info=_use(_TRAINER), visible=False, min_width=200,
        )  # fmt: skip
        keep = "Also proofs, several parts, yes or no, prose: rules cannot check them, or reward guessing."
        uncheckable = gr.Checkbox(False, label="Include uncheckable answers", info=keep, visible=False)
    shown = sheet.sheet("export-look")
    with gr.Accordion("Dataset card", open=True, visible=False, elem_id="export-card") as card:
        written = gr.Markdown(latex_delimiters=[], elem_id="export-card-text")
    with gr.Row(elem_id="export-start", elem_classes="buttons"):
        name = gr.Textbox(
            label="Name of the export, and of its folder", max_lines=1, min_width=140, scale=0,
        )  # fmt: skip
        start = gr.Button("Export", variant="primary", size="sm", min_width=120, scale=0)
        cancel = gr.Button("Cancel the export", size="sm", visible=False, min_width=120, scale=0)
        why_not = gr.Markdown(visible=False, elem_classes="quiet", elem_id="export-why-not")
    progress = sheet.sheet("export-progress")
    gr.Markdown("### Finished exports")
    done = gr.HTML(elem_id="exported", css_template=assets.style("export"))
    with gr.Row(elem_classes="buttons"):
        chosen = gr.Dropdown(
            [], label="Finished export", min_width=200, allow_custom_value=True, elem_id="export-chosen"
        )
        verify = gr.Button("Verify against the workspace", size="sm", min_width=200, scale=0, interactive=False)
        delete = gr.Button("Delete", variant="stop", size="sm", min_width=90, scale=0, interactive=False)

    options = [which, form, full, same, validation, licence, thought, samples, trainer, uncheckable]
    asks: dict[str, Any] = {"inputs": [address, *options], "outputs": [shown, written, start, why_not], "js": _ADDRESS}
    asks["concurrency_id"] = (
        "export-look"  # one after the other: an earlier choice's preview never replaces a later one's
    )
    seen = gr.State({})
    now = sheet.updates(view.now, seen, [seen, progress, cancel, done, verify, delete, chosen])
    fits = [full, same, validation, licence, thought, samples, trainer, uncheckable, form, name, card]
    form.input(view.fitted, form, fits, show_progress="hidden").then(view.look, **asks)
    trainer.input(lambda one: gr.update(info=_use(one)), trainer, trainer, show_progress="hidden")
    for field in (which, full, same, validation, licence, thought, samples, trainer, uncheckable):
        event = field.release if isinstance(field, gr.Slider) else field.input
        event(view.look, **asks, trigger_mode="always_last")
    started = start.click(view.start, [address, *options, name], name, js=_ADDRESS, show_progress="hidden")
    started.success(**now)
    cancel.click(view.cancel, show_progress="hidden").then(**now)
    verify.click(view.verify, chosen, show_progress="hidden").then(**now)
    delete.click(view.delete, chosen, js=_CONFIRM, show_progress="hidden").then(**now)
    gr.Timer(_EVERY).tick(**now)

    def opened(event: Any) -> None:
        event(view.opened, [form, name], [which, name], show_progress="hidden").then(view.look, **asks)

    return opened


class _View:
    """What the tab's events do and show."""

    def __init__(self, sources: SourceSelector, jobs: JobRegistry) -> None:
        self._sources, self._jobs = sources, jobs
        self._folder = sources.workspace.path
        finished.clear(self._folder)

    def opened(self, form: str, name: str) -> list[Any]:
        try:
            views = [(f"View: {one}", f"view {one}") for one in saved_views.views(self._folder)]
        except ScaleQuestError:  # Explore shows the error
            views = []
        return [gr.update(choices=[*_WHICH, *views]), name or finished.unused_name(self._folder, form)]

    def fitted(self, form: str) -> list[Any]:
        one = FORMATS.get(form, FORMATS["jsonl"])
        return [
            _fit(bool(one.full), False),
            _fit(form == "dpo", False),
            _fit(one.view == "pairs", 0),
            _fit(form == "hf", LICENSE),
            _fit(one.view == "pairs", ""),
            _fit(one.has_samples, False),
            _fit(form == "rl", _TRAINER),
            _fit(form == "rl", False),
            gr.update(info=_info(form)),
            finished.unused_name(self._folder, form),
            gr.update(visible=form == "hf"),
        ]

    def look(self, address: str, *options: Any) -> list[Any]:
        """The preview, the dataset card, and whether there is anything to export."""
        demo, source = self._sources.shows_demo, self._sources.current()
        if not demo and not self._sources.workspace.runs():
            return _nothing(_EMPTY)
        try:
            seen = look(source, self._plan(address, *options))
        except ScaleQuestError as error:
            return _nothing(str(error))
        names = {run.run_id: run.name for run in source.runs()}
        parts = [*([text(_DEMO)] if demo else []), *export_view.look(seen, names)]
        if not export_view.rows_written(seen):
            return [sheet.value(parts), "", *_startable("There is nothing to export.")]
        return [sheet.value(parts), export_view.card(seen), *_startable(None)]

    def start(self, address: str, *given: Any) -> str:
        *options, name = given

        def begin() -> None:
            self._sources.keep_shown()
            if not self._sources.workspace.runs():
                raise InputError("workspace", "", "has no run yet", "make one, or import a dataset, first")
            out = finished.new_folder(self._folder, name or "").absolute()
            self._jobs.start(ExportRequest(plan=self._plan(address, *options), out=out))

        attempt(begin)
        return finished.unused_name(self._folder, options[1], but=name.strip())

    def cancel(self) -> None:
        self._jobs.cancel("export", "verify")

    def verify(self, name: str | None) -> None:
        attempt(lambda: self._jobs.start(VerifyRequest(manifest=finished.find(self._folder, name or "").path)))

    def delete(self, name: str | None) -> None:
        if name:
            attempt(lambda: finished.delete(self._folder, name))

    def now(self, seen: dict[str, Any]) -> list[Any]:
        done = finished.finished_exports(self._folder)
        names = [one.name for one in done]
        job = self._jobs.last("export", "verify")
        now: dict[str, dict[str, Any]] = {
            "progress": {"value": sheet.value(export_view.progress(job))},
            "cancel": {"visible": job is not None and not job.ended},
            "done": {"value": _table(done, {run.run_id: run.name for run in self._sources.workspace.runs()})},
            "verify": {"interactive": bool(names) and (job is None or job.ended)},
            "delete": {"interactive": bool(names)},
            "chosen": {"choices": names},
        }
        updates = sheet.changes(seen, now)
        if seen.get("chosen") != now["chosen"]:
            updates[-1] = gr.update(choices=names, value=names[-1] if names else None)
        return [now, *updates]

    def _plan(
        self,
        address: str,
        which: str,
        form: str,
        full: bool,
        same: bool,
        validation: float,
        licence: str,
        reasoning: str,
        all_samples: bool,
        trainer: str,
        uncheckable: bool,
    ) -> Plan:
        if which == _EXPLORE:
            chosen = Filter.from_json(address or "{}")
        elif which.startswith("view "):
            views = saved_views.views(self._folder)
            if (name := which.removeprefix("view ")) not in views:
                raise InputError("view", name, "no longer exists", "choose another one")
            chosen = views[name]
        else:
            chosen = Filter()
        return Plan(
            form,
            chosen,
            full is True,
            round(float(validation or 0), 4),
            same is True,
            (licence or LICENSE).strip(),
            reasoning or "",
            all_samples is True,
            trainer if form == "rl" else "",
            uncheckable is True,
        )


def _nothing(sentence: str) -> list[Any]:
    """No preview, with the reason."""
    return [sheet.value([text(sentence)]), "", *_startable("There is nothing to export.")]


def _startable(why_not: str | None) -> list[Any]:
    """Export, disabled with the reason beside it where it would be refused."""
    return [gr.Button(interactive=why_not is None), gr.Markdown(why_not or "", visible=why_not is not None)]


def _fit(there: bool, plain: Any) -> Any:
    """Visible where the format has the option, else hidden and reset."""
    return gr.update(visible=True) if there else gr.update(visible=False, value=plain)


def _use(trainer: str) -> str:
    """How the trainer is pointed at the file."""
    return f"{TRAINERS[trainer].use}." if trainer in TRAINERS else ""


def _info(form: str) -> str:
    says = FORMATS[form].description if form in FORMATS else ""
    return f"{says[:1].upper()}{says[1:]}."


def _table(done: list[finished.Finished], runs: dict[str, str]) -> str:
    """The finished exports with their downloads; every text is escaped."""
    if not done:
        return "<p class='quiet'>None yet. Exports from the command line are in their --out folders.</p>"
    rows = []
    for one in done:
        link = f"<a href='/api/export/{quote(one.name)}' download>{html.escape(one.name)}</a>"
        form, filtered = str(one.manifest["format"]), export_view.filtered(one.manifest["filter"], runs)
        cells = (link, html.escape(form), f"{one.rows:,}", size(one.size), html.escape(filtered))
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "<tr><th>Download (zip)</th><th>Format</th><th>Rows</th><th>Size</th><th>Filter</th></tr>"
    return f"<div class='scroll'><table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table></div>"
