"""The page: its tabs, in order. Each tab is a file; this one only puts them together."""

from __future__ import annotations

import gradio as gr

from engine.batches import Batches
from engine.live import Live
from store.workspace import Workspace
from ui import compare, home, runs, sample


def page(workspace: Workspace, batches: Batches, live: Live) -> gr.Blocks:
    """The page over an open workspace, its batches and its live runs."""
    blocks: gr.Blocks
    with gr.Blocks(title="ScaleQuest Explorer", analytics_enabled=False, fill_width=True) as blocks:
        gr.Markdown("# ScaleQuest Explorer")
        with gr.Tab("Home"):
            home.tab(workspace, blocks)
        with gr.Tab("Sample"):
            sample.tab(workspace, live)
        with gr.Tab("Runs"):
            runs.tab(workspace, batches)
        with gr.Tab("Compare"):
            compare.tab(workspace, live)
    return blocks
