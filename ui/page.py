"""The page: its tabs, in order, and what goes from one to another. Each tab is a file; this one only puts them
together.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from engine.batches import Batches
from engine.live import Live
from engine.paths import ASSETS
from store.shelf import Shelf
from store.workspace import Workspace
from ui import compare, explore, home, runs, runs_form, sample
from ui.text import inert

_EVERY = 2.0
"""Seconds between two looks at the models, for the line that tells of them."""


def page(workspace: Workspace, batches: Batches, live: Live) -> gr.Blocks:
    """The page over an open workspace, its batches and its live runs."""
    shelf = Shelf(workspace, ASSETS / "demo")
    blocks: gr.Blocks
    with gr.Blocks(title="ScaleQuest Explorer", analytics_enabled=False, fill_width=True) as blocks:
        with gr.Row(elem_classes="masthead"):
            gr.Markdown("# ScaleQuest Explorer")
            models = gr.Markdown(elem_id="models", elem_classes="quiet")
        with gr.Tabs() as tabs:
            with gr.Tab("Home"):
                home.tab(shelf, live, blocks)
            with gr.Tab("Sample"):
                sampled = sample.tab(workspace, live)
            with gr.Tab("Explore"):
                explore.tab(shelf.reading, blocks)
            with gr.Tab("Runs", id="runs"):
                batch = runs.tab(workspace, batches)
            with gr.Tab("Compare"):
                compare.tab(workspace, live)

        def tell() -> str:
            return inert(live.room.state.sentence)

        blocks.load(tell, outputs=models, show_progress="hidden")
        gr.Timer(_EVERY).tick(tell, outputs=models, show_progress="hidden")
        settings = [
            sampled.profile, sampled.generator, sampled.temperature, sampled.top_p, sampled.samples, sampled.seed
        ]  # fmt: skip
        sampled.send.click(_to_batch, settings, [*batch.form.filled, tabs], show_progress="hidden")
    return blocks


def _to_batch(
    profile: str, generator: str, temperature: float, top_p: float, samples: float, seed: str
) -> tuple[Any, ...]:
    """Sample's settings as the batch form's, and the tab that shows it."""
    number = int(seed) if seed.strip().isdecimal() else None
    filled = runs_form.fill(profile, generator, temperature, top_p, int(samples), number)
    return (*filled, gr.Tabs(selected="runs"))
