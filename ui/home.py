"""The page, read-only: the runs of a workspace, and of the chosen run its funnel and the difficulty of its questions.

Draws only; ``ui.server`` serves it. Knows neither SQL nor models.
"""

from __future__ import annotations

import gradio as gr
import plotly.graph_objects as go

from store import overview, reads
from store.records import Run
from store.workspace import Workspace

BINS = 20
_FUNNEL_HEAD = ["stage", "entered", "kept", "dropped", "pending"]
_EMPTY = "No runs yet. Make one: `scalequest run --profile nano --questions 200 --workspace {path}`"


def page(workspace: Workspace) -> gr.Blocks:
    """The page over an open workspace; every load reads the database anew."""

    def choices() -> tuple[gr.Dropdown, str]:
        runs = workspace.runs()[::-1]
        options = [(_label(run), run.run_id) for run in runs]
        note = f"{len(runs)} runs in `{workspace.path}`" if runs else _EMPTY.format(path=workspace.path)
        return gr.Dropdown(options, value=runs[0].run_id if runs else None, interactive=True), note

    def show(run_id: str | None) -> tuple[list[list[object]], go.Figure | None]:
        if run_id is None:
            return [], None
        with workspace.cursor() as cursor:
            rows = [[r.stage, r.entered, r.kept, r.dropped, r.pending] for r in reads.funnel(cursor, run_id)]
            return rows, _histogram(overview.difficulty_counts(cursor, run_id, BINS))

    blocks: gr.Blocks
    with gr.Blocks(title="ScaleQuest Explorer", analytics_enabled=False) as blocks:
        gr.Markdown("# ScaleQuest Explorer")
        note = gr.Markdown()
        run = gr.Dropdown([], label="Run")
        with gr.Row():
            funnel = gr.Dataframe(headers=_FUNNEL_HEAD, label="Funnel", interactive=False)
            difficulty = gr.Plot(label="Difficulty")
        blocks.load(choices, outputs=[run, note]).then(show, run, [funnel, difficulty])
        run.input(show, run, [funnel, difficulty])
    return blocks


def _label(run: Run) -> str:
    return f"{run.name or run.run_id} · {run.status} · {run.created_at:%Y-%m-%d %H:%M} UTC"


def _histogram(counts: list[int]) -> go.Figure:
    middles = [(i + 0.5) / BINS for i in range(BINS)]
    figure = go.Figure(go.Bar(x=middles, y=counts, width=1 / BINS))
    figure.update_layout(
        xaxis_title="predicted fail rate", yaxis_title="questions", xaxis_range=[0, 1], bargap=0, margin={"t": 20}
    )
    return figure
