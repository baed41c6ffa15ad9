"""The frame of the page: the rail of tabs, a search, what is running, and the theme.

Gradio draws and mounts the tabs; its own row of buttons is hidden. ``assets/static/shell`` opens the tab that the
address names, and makes a change of tab a step of the browser's history.
"""

import html

import gradio as gr

from engine.job_registry import JobRegistry
from engine.jobs.runner import Job
from engine.pipeline.live import Live
from store.database.workspace import Workspace
from ui.web import assets
from ui.web.addresses import TABS
from ui.web.escape import visible
from ui.web.requests import Reply, Request, server_function

_MODELS = "compare"  # the first tab of those about models
_SHOWN_ON = {"export": "export", "embed": "explore"}
"""The tab of each kind of job; of all others, Runs."""


def shell(workspace: Workspace, jobs: JobRegistry, live: Live) -> None:
    """Draws the frame into the open blocks."""

    def status(_: Request) -> Reply:
        active = [{"tab": _SHOWN_ON.get(job.kind, "runs"), "text": visible(_progress(job))} for job in jobs.active()]
        models = visible(live.model_cache.state.sentence)
        return {"models": models, "workspace": f"Workspace: {visible(workspace.path.name)}", "jobs": active}

    component = assets.component("shell")
    component["html_template"] = component["html_template"].replace("{tabs}", _links())
    gr.HTML(
        "",
        **component,
        server_functions=[server_function("shell_status", Request, status)],
        apply_default_css=False,
        elem_id="shell",
    )


def _links() -> str:
    links = []
    for slug, name in TABS.items():
        if slug == _MODELS:
            links.append('<span aria-hidden="true">Models</span>')
        here = 'aria-selected="true" tabindex="0"' if slug == "home" else 'aria-selected="false" tabindex="-1"'
        place = "./" if slug == "home" else slug
        links.append(f'<a role="tab" href="{place}" data-tab="{slug}" {here}>{html.escape(name)}</a>')
    return "".join(links)


def _progress(job: Job) -> str:
    """The job in a few words, with how far it is."""
    total = job.event.get("total")
    return f"{job.title or job.kind}: {job.event.get('done', 0) / total:.0%}" if total else job.title or job.kind
