"""The page: its tabs, in order. Each tab is a file; this one only puts them together."""

from __future__ import annotations

import gradio as gr

from engine.batches import Batches
from store.workspace import Workspace
from ui import home, runs


def page(workspace: Workspace, batches: Batches) -> gr.Blocks:
    """The page over an open workspace and its batches."""
    blocks: gr.Blocks
    with gr.Blocks(title="ScaleQuest Explorer", analytics_enabled=False, fill_width=True) as blocks:
        gr.Markdown("# ScaleQuest Explorer")
        with gr.Tab("Home"):
            home.tab(workspace, blocks)
        with gr.Tab("Runs"):
            runs.tab(workspace, batches)
    return blocks
