"""The page: its tabs, and what goes from one to another."""

from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from engine.job_registry import JobRegistry
from engine.paths import ASSETS
from engine.training import registered_models
from store.database.sources import SourceSelector
from store.database.workspace import Workspace
from store.frame.cache import Frames
from ui.components.live_stream import LiveStreams
from ui.shell import shell
from ui.tabs import compare, help, home
from ui.tabs.curate import tab as curate
from ui.tabs.explore import tab as explore
from ui.tabs.export import tab as export
from ui.tabs.row.drawer import drawer
from ui.tabs.runs import form
from ui.tabs.runs import tab as runs
from ui.tabs.sample import tab as sample
from ui.tabs.train import tab as train
from ui.web import errors
from ui.web.addresses import TABS
from ui.web.errors import attempt


class _Page(gr.Blocks):
    """Blocks whose page does not come with a description of every event for programs: 390 kB that nothing reads."""

    def get_api_info(self, *_: Any, **__: Any) -> Any:
        return {"named_endpoints": {}, "unnamed_endpoints": {}}


def page(workspace: Workspace, jobs: JobRegistry, streams: LiveStreams) -> gr.Blocks:
    """The page over an open workspace, its jobs and its live runs."""
    live = streams.live
    sources, frames = SourceSelector(workspace, ASSETS / "demo"), Frames()
    blocks: gr.Blocks
    with _Page(title="ScaleQuest Explorer", analytics_enabled=False, fill_width=True) as blocks:
        shell(workspace, jobs, live)
        with gr.Tabs(elem_id="pages") as tabs:
            with _tab("home"):
                home.tab(sources, streams, frames)
            with _tab("sample") as sample_tab:
                sampled = sample.tab(workspace, streams)
            with _tab("runs") as runs_tab:
                batch = runs.tab(workspace, jobs, runs_tab.select)
            with _tab("explore"):
                explore.tab(sources, frames, jobs)
            with _tab("curate"):
                curate.tab(sources, frames)
            with _tab("export") as export_tab:
                exported = export.tab(sources, jobs)
            with _tab("compare") as compare_tab:
                compared = compare.tab(workspace, live, frames, compare_tab.select)
            with _tab("train") as train_tab:
                trained = train.tab(workspace)
            with _tab("help"):
                help.tab()
        drawer(sources, frames)

        exported(export_tab.select)
        trained.show(train_tab.select)
        tabs.select(_active_timers, None, [batch.timer, trained.timer], show_progress="hidden")
        for profiles, its_tab in ((sampled.profiles, sample_tab), (batch.profiles, runs_tab), (compared, compare_tab)):
            for event in (its_tab.select, *trained.changes):
                profiles.update_after(event)
        to_batch = partial(_to_batch, registered_models.folder(workspace.path))
        sampled.send.click(to_batch, sampled.settings, [*batch.form.filled, tabs, batch.timer], show_progress="hidden")
    _rest(blocks)
    errors.show_all(blocks)
    return blocks


def _rest(blocks: gr.Blocks) -> None:
    """Keeps the browser from counting the time of events whose progress is hidden.

    Gradio counts it in each output, 60 times a second, and for ever in an output that it draws again meanwhile, as it
    does with ``gr.HTML``: an idle page then takes some percent of a core.
    """
    for function in blocks.fns.values():
        if function.show_progress == "hidden":
            function.show_progress_on = []


def _tab(slug: str) -> gr.Tab:
    """A tab with a heading for screen readers, under which its sections are."""
    tab = gr.Tab(TABS[slug], id=slug, elem_id=f"page-{slug}")
    with tab:
        gr.HTML(f"<h2>{TABS[slug]}</h2>", elem_classes="for-screen-readers", apply_default_css=False)
    return tab


def _active_timers(event: gr.SelectData) -> list[gr.Timer]:
    """Runs and trainings are updated only while their tab is visible."""
    return [gr.Timer(active=event.value == TABS[slug]) for slug in ("runs", "train")]


def _to_batch(
    folder: Path, profile: str, generator: str, temperature: float, top_p: float, samples: float, seed: str
) -> tuple[Any, ...]:
    """Sample's settings in the form of a run, and the tab that shows it."""
    number = int(seed) if seed.strip().isdecimal() else None
    filled = attempt(lambda: form.fill(profile, generator, temperature, top_p, int(samples), number, folder))
    return (*filled, gr.Tabs(selected="runs"), gr.Timer(active=True))  # `tabs.select` fires only for clicks
