"""The board: a grid of charts in one ``gr.HTML``, drawn in the browser by our own plotly.js.

``gr.Plot`` emits no selections, is mounted again at every update and replaces ``window.Plotly``; hence this. The data
travels as the component's value (JSON) and is set as text by ``assets/static/components/board``, never as markup.
"""

import json
from collections.abc import Sequence

import gradio as gr

from ui.components.charts import Chart
from ui.web import assets


def board(elem_id: str = "board") -> gr.HTML:
    """An empty board; give it ``value(charts)``."""
    return gr.HTML("[]", **assets.component("components/board"), elem_id=elem_id, padding=False)


def value(charts: Sequence[Chart]) -> str:
    """Charts as the board's value."""
    return json.dumps(list(charts))
