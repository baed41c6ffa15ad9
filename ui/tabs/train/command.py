"""The command that starts a training, made from a few fields, to copy into a shell. Starts nothing."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import gradio as gr

from engine.config import prompts
from engine.training import record
from store.errors import InputError
from ui.web.escape import inert

KINDS = {"QFT": "qft", "QPO": "qpo", "difficulty scorer": "difficulty"}
GUESSED = "guessed from the base"
_DATA = {
    "qft": ("--questions", "questions.jsonl", "Questions", "A .jsonl, .csv, .txt or .parquet file, or hf:NAME."),
    "qpo": ("--pairs", "", "Preference pairs", "A file with chosen and rejected. Empty: the workspace's pairs."),
    "difficulty": ("--rates", "rates.jsonl", "Pass rates", "A file with questions and how often they were solved."),
}
_BASE, _NAME = "Qwen/Qwen2-Math-7B-Instruct", "my-generator"
_ABOUT = {
    "qft": "Question fine-tuning: any causal language model that solves problems learns to write them.",
    "qpo": "Question preference optimisation: a generator made by QFT learns to prefer the better of two questions; "
    "`scalequest train build-pairs` makes the pairs. The workspace's own pairs are read while no app has it open.",
    "difficulty": "A scorer reads a question and predicts how often it is failed.",
}


def draw(workspace: Path) -> None:
    """Draws the form into the open blocks."""
    templates = [GUESSED, *(name for name in prompts.TEMPLATES if name.endswith("-generate"))]
    about = gr.Markdown(_ABOUT["qft"], elem_classes="quiet")
    with gr.Row():
        kind = gr.Dropdown(list(KINDS), value=next(iter(KINDS)), label="Kind of training", min_width=200)
        base = gr.Textbox(_BASE, label="Base model", info="A folder, a hub id or a training's name.", min_width=200)
        data = gr.Textbox(
            _DATA["qft"][1], label=_DATA["qft"][2], info=_DATA["qft"][3], min_width=200, elem_id="train-data"
        )
        template = gr.Dropdown(
            templates, value=GUESSED, label="Template", info="The base model's chat format.", min_width=200
        )
        name = gr.Textbox(_NAME, label="Name of the model", info="Its folder in the workspace.", min_width=160)
    line = gr.Textbox(
        command("qft", _BASE, _DATA["qft"][1], GUESSED, _NAME, workspace),
        label="Command to copy into a shell",
        interactive=False,
        lines=2,
        buttons=["copy"],
        elem_id="train-command",
    )
    fault = gr.Markdown(visible=False, elem_id="train-fault")
    fields = [kind, base, data, template, name]

    def written(kind: str, base: str, data: str, template: str, name: str) -> tuple[str, gr.Markdown]:
        said = _fault(name, workspace)
        line = command(KINDS[kind], base, data, template, name, workspace)
        return line, gr.Markdown(inert(said), visible=bool(said))

    def of_kind(kind: str) -> tuple[str, gr.Textbox, gr.Dropdown]:
        _, file, label, info = _DATA[KINDS[kind]]
        return (
            _ABOUT[KINDS[kind]],
            gr.Textbox(file, label=label, info=info),
            gr.Dropdown(visible=KINDS[kind] != "difficulty"),
        )

    show: dict[str, Any] = {"fn": written, "inputs": fields, "outputs": [line, fault], "show_progress": "hidden"}
    kind.input(of_kind, kind, [about, data, template], show_progress="hidden").then(**show)
    for one in (base, data, template, name):
        one.change(**show, trigger_mode="always_last")  # `input` would not hear what is pasted


def command(kind: str, base: str, data: str, template: str, name: str, workspace: Path) -> str:
    """The shell line that starts this training; what was left empty stands in it in capitals."""
    flag = _DATA[kind][0]
    words = ["scalequest", "train", kind, "--base", base.strip() or "MODEL"]
    if data.strip() or kind != "qpo":  # without pairs, QPO takes the workspace's own
        words += [flag, data.strip() or "FILE"]
    if kind != "difficulty" and template != GUESSED:
        words += ["--template", template]
    return shlex.join([*words, "--workspace", str(workspace), "--name", name.strip() or "NAME"])


def _fault(name: str, workspace: Path) -> str:
    """Why no training can have this name; empty where it can."""
    if not name.strip():
        return ""
    try:
        folder = record.place(name.strip(), workspace, None)
    except InputError as error:
        return str(error)
    if folder.exists() and any(folder.iterdir()):
        return f"The folder models/{name.strip()} of this workspace is taken; choose another name."
    return ""
