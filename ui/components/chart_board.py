"""The board: a grid of charts in one ``gr.HTML``, drawn in the browser by our own plotly.js.

``gr.Plot`` emits no selections, mounts anew at every update and replaces ``window.Plotly``; hence this. The data
travels as the component's value (JSON) and is set as text by ``assets/static/board.js``, never as markup.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import gradio as gr

from ui.components.charts import Chart
from ui.web import assets

_CSS = """
.board { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); }
section { min-width: 0; padding: .75rem 1rem; border: 1px solid var(--border-color-primary);
          border-radius: var(--block-radius); background: var(--block-background-fill); }
h3 { margin: 0; font-size: 1rem; font-weight: 600; }
.note { margin: .1rem 0 .5rem; font-size: .85rem; min-height: 2.6em; color: var(--body-text-color); opacity: .75; }
details { margin-top: .5rem; font-size: .85rem; overflow-x: auto; }
summary { cursor: pointer; }
table { width: 100%; margin-top: .5rem; border-collapse: collapse; }
table, thead, tbody, tr, th, td { border: 0; }
th, td { padding: .15rem .5rem; text-align: right; border-bottom: 1px solid var(--border-color-primary); }
th:first-child, td:first-child { text-align: left; }
"""


def board(elem_id: str = "board") -> gr.HTML:
    """An empty board; give it ``value(charts)``."""
    return gr.HTML(
        "[]",
        html_template='<div class="board"></div>',
        css_template=_CSS,
        js_on_load=assets.script("board.js"),
        head='<script src="/vendor/plotly.min.js"></script>',
        elem_id=elem_id,
        padding=False,
    )


def value(charts: Sequence[Chart]) -> str:
    """Charts as the board's value."""
    return json.dumps(list(charts))
