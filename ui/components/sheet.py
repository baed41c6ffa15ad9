"""A sheet: sentences, progress bars, tables, texts side by side; one component, updated in place without a flicker.

The data travels as the component's value (JSON) and is set as text by ``assets/static/sheet.js``, never as markup: any
text may stand in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import gradio as gr

from ui.web import assets
from ui.web.escape import visible

Part = dict[str, Any]
Cell = str | int | float

_NUMBER = re.compile(r"-|[-+]?\d[\d.,]*(e-?\d+)?( ?%| points)?")
_CSS = """
.sheet > * { margin: 0 0 .6rem; }
p { line-height: 1.5; }
.strong { font-weight: 600; }
.bar { height: .75rem; border-radius: var(--radius-full); overflow: hidden;
       background: var(--background-fill-secondary); border: 1px solid var(--border-color-primary); }
.bar > div { height: 100%; background: var(--color-accent); transition: width .3s; }
figcaption { margin-bottom: .25rem; font-size: .9rem; font-weight: 600; }
.scroll { overflow-x: auto; }
table { border: 0; border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; width: 100%; }
thead, tbody, tr { border: 0; }
th, td { padding: .2rem .6rem; text-align: left; border: 0; border-bottom: 1px solid var(--border-color-primary);
         vertical-align: top; max-width: 24rem; overflow-wrap: break-word; }
th { white-space: nowrap; font-weight: 600; }
.number { text-align: right; white-space: nowrap; }
.sides { display: grid; gap: .5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); }
.sides > div { min-width: 0; padding: .4rem .6rem; border: 1px solid var(--border-color-primary);
               border-radius: var(--radius-md); }
.sides p { margin: 0; }
.about { font-size: .8rem; opacity: .75; }
.written { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
"""


def sheet(elem_id: str, said: str = "") -> gr.HTML:
    """A sheet that says this, or nothing yet; give it ``value(parts)``."""
    return gr.HTML(
        value([text(said)]) if said else "[]",
        html_template='<div class="sheet"></div>',
        css_template=_CSS,
        js_on_load=assets.script("sheet.js"),
        elem_id=elem_id,
    )


def value(parts: Sequence[Part]) -> str:
    """Parts as the sheet's value; at least one, a sheet says something."""
    told = json.dumps(list(parts) or [text("")], ensure_ascii=False)
    return told.replace("<", "\\u003c")  # Gradio takes a tag in a value for a mistake and warns of it


def text(said: str, strong: bool = False) -> Part:
    return {"kind": "text", "text": visible(said), "strong": strong}


def bar(share: float, label: str) -> Part:
    """``share`` in [0, 1]; ``label`` is what a screen reader says."""
    return {"kind": "bar", "share": share, "label": label}


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Part:
    """Columns of numbers, shares among them, stand to the right; numbers get their thousands separated."""
    right = [bool(rows) and all(_NUMBER.fullmatch(str(row[i])) for row in rows) for i in range(len(columns))]
    shown = [[visible(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    return {"kind": "table", "title": title, "columns": list(columns), "rows": shown, "right": right}


def sides(title: str, texts: Sequence[dict[str, str]]) -> Part:
    """Texts side by side as they were written, each ``{"title", "text"}``; one below the other where it is narrow."""
    shown = [{"title": visible(one["title"]), "text": visible(one["text"])} for one in texts]
    return {"kind": "sides", "title": title, "sides": shown}
