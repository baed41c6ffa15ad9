"""Home, read-only: of a chosen run its funnel, its distributions and its three best pairs.

Drawn from the database alone, with no model loaded. Draws only; ``ui.server`` serves it. Knows neither SQL nor models.
"""

from __future__ import annotations

import re

import gradio as gr

from store.errors import StoreError
from store.overview import Overview, Pair, overview
from store.records import Run
from store.workspace import Workspace
from ui.board import board, value
from ui.charts import charts
from ui.text import inert

_EMPTY = """**No runs yet.** Start one in the Runs tab, or on the command line while this app is not running:

    scalequest run --profile nano --questions 200 --workspace {path}"""
_LATEX: list[dict[str, str | bool]] = [{"left": "⟦", "right": "⟧", "display": False}]
"""Marks of our own around what is a formula: texts speak of money, and a model may write any usual delimiter."""
_BOXED = re.compile(r"\\boxed\{[^{}\n]*(?:\{[^{}\n]*\}[^{}\n]*)*\}")
_LONGEST_FORMULA = 200
"""Characters; KaTeX holds the page up while it works on a longer one."""
_SHOWN = 3


def tab(workspace: Workspace, blocks: gr.Blocks) -> None:
    """Draws the tab into the open blocks; every load reads the database anew."""

    def choices() -> gr.Dropdown:
        runs = workspace.runs()[::-1]
        options = [(_label(run), run.run_id) for run in runs]
        return gr.Dropdown(options, value=runs[0].run_id if runs else None, visible=bool(runs), interactive=True)

    def show(run_id: str | None) -> tuple[str, ...]:
        if run_id is None:
            return (_EMPTY.format(path=workspace.path), "[]", *[""] * _SHOWN)
        try:
            with workspace.cursor() as cursor:
                found = overview(cursor, run_id, _SHOWN)
        except StoreError as error:
            return (f"**This run cannot be read.** {error}", "[]", *[""] * _SHOWN)
        pairs = [_pair(pair) for pair in found.pairs]
        return (_headline(found), value(charts(found)), *pairs, *[""] * (_SHOWN - len(pairs)))

    with gr.Row():
        run = gr.Dropdown([], label="Run", scale=4, min_width=240, allow_custom_value=True)
        again = gr.Button("Read again", size="sm", scale=1, min_width=120)
    note = gr.Markdown()
    shown = board()
    with gr.Row():
        cards = [
            gr.Markdown(latex_delimiters=_LATEX, container=True, min_height=0, elem_classes="pair")
            for _ in range(_SHOWN)
        ]
    outputs = [note, shown, *cards]
    blocks.load(choices, outputs=run).then(show, run, outputs, show_progress="hidden")
    run.input(show, run, outputs, show_progress="hidden")
    again.click(choices, outputs=run, show_progress="hidden").then(show, run, outputs, show_progress="minimal")


def _headline(found: Overview) -> str:
    if not found.funnel:
        return "**There is no such run.** Choose one from the list."
    first, last = found.funnel[0], found.funnel[-1]
    if not first.entered:
        return "**This run has no questions yet.** Read again in a moment."
    pending = sum(row.pending for row in found.funnel)
    return f"**{last.kept:,} pairs** from {first.entered:,} questions" + (f"; {pending:,} pending" if pending else "")


def _pair(pair: Pair) -> str:
    """Markdown that shows a pair's texts as they were written: nothing in them is markup, but for the boxed answer."""
    facts = [
        pair.topic,
        None if pair.difficulty is None else f"difficulty {pair.difficulty:.2f}",
        None if pair.reward is None else f"reward {round(pair.reward, 3) + 0.0:.3f}",
        None if pair.agreement is None else f"agreement {pair.agreement:.0%}",
    ]
    said = " · ".join(inert(fact) for fact in facts if fact)
    return f"**{inert(pair.query)}**\n\n{_with_boxes(pair.response)}\n\n{said}"


def _with_boxes(text: str) -> str:
    """The text inert, its lines kept, its boxed answers as formulas."""
    lines = []
    for line in text.splitlines():
        ends = [(m.start(), m.end()) for m in _BOXED.finditer(line) if len(m.group()) <= _LONGEST_FORMULA]
        parts, at = [], 0
        for start, end in ends:
            parts += [inert(line[at:start]), "⟦" + line[start:end] + "⟧"]
            at = end
        lines.append("".join([*parts, inert(line[at:])]))
    return "  \n".join(lines)


def _label(run: Run) -> str:
    return f"{run.name or run.run_id} · {run.status} · {run.created_at:%Y-%m-%d %H:%M} UTC"
