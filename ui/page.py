"""The page: its tabs, in order. Each tab is a file; this one only puts them together."""

from __future__ import annotations

import gradio as gr

from engine.batches import Batches
from engine.live import Live
from engine.paths import ASSETS
from store.shelf import Shelf
from store.workspace import Workspace
from ui import compare, home, runs, sample

_EVERY = 2.0
"""Seconds between two looks at the models, for the line that tells of them."""


def page(workspace: Workspace, batches: Batches, live: Live) -> gr.Blocks:
    """The page over an open workspace, its batches and its live runs."""
    shelf = Shelf(workspace, ASSETS / "demo")
    blocks: gr.Blocks
    with gr.Blocks(title="ScaleQuest Explorer", analytics_enabled=False, fill_width=True) as blocks:
        with gr.Row(elem_classes="masthead"):
            gr.Markdown("# ScaleQuest Explorer")
            models = gr.Markdown(live.room.state.sentence, elem_id="models", elem_classes="quiet")
        with gr.Tab("Home"):
            home.tab(shelf, live, blocks)
        with gr.Tab("Sample"):
            sample.tab(workspace, live)
        with gr.Tab("Runs"):
            runs.tab(workspace, batches)
        with gr.Tab("Compare"):
            compare.tab(workspace, live)
        gr.Timer(_EVERY).tick(lambda: live.room.state.sentence, outputs=models, show_progress="hidden")
    return blocks
