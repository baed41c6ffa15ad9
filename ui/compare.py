"""The Compare tab: two generators at equal n and equal seeds, side by side, with intervals.

Each side is a live run. Knows neither SQL nor models.
"""

from __future__ import annotations

import gradio as gr

from engine.live import Live
from store.workspace import Workspace


def tab(workspace: Workspace, live: Live) -> None:
    """Draws the tab into the open blocks."""
    gr.Markdown("Two generators at equal n and equal seeds.")
