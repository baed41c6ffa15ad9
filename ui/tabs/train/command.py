"""The form that writes the command of a training, to copy into a shell. It starts nothing."""

import shlex
from pathlib import Path
from typing import Any

import gradio as gr

from engine.config import prompts
from engine.training import record
from store.errors import InputError
from ui.web.escape import inert

KINDS = {"QFT": "qft", "QPO": "qpo", "difficulty scorer": "difficulty", "judge": "judge"}
_SCORERS = ("difficulty", "judge")
GUESSED = "detected from the base model"
_DATA = {
    "qft": ("--questions", "questions.jsonl", "Questions", "A .jsonl, .csv, .txt or .parquet file, or hf:NAME."),
    "qpo": (
        "--pairs",
        "",
        "Preference pairs",
        "A file with chosen and rejected. Leave empty for the workspace's pairs.",
    ),
    "difficulty": ("--rates", "rates.jsonl", "Pass rates", "A file with questions and their pass rates."),
    "judge": ("--questions", "questions.jsonl", "Real questions", "A .jsonl, .csv, .txt or .parquet file, or hf:NAME."),
}
_BASE, _NAME = "Qwen/Qwen2-Math-7B-Instruct", "my-generator"
_ABOUT = {
    "qft": "Question fine-tuning (QFT): a language model that solves problems learns to write them.",
    "qpo": "Question preference optimisation (QPO): a generator from QFT learns to prefer the better of two questions. "
    "`scalequest train build-pairs` makes the pairs. Close the app before training on the workspace's own pairs.",
    "difficulty": "A scorer reads a question and predicts its fail rate.",
    "judge": "A scorer learns to tell real questions from the same ones altered: cut off, or with a number missing.",
}


def draw(workspace: Path) -> None:
    templates = [GUESSED, *(name for name in prompts.TEMPLATES if name.endswith("-generate"))]
    about = gr.Markdown(_ABOUT["qft"], elem_classes="quiet")
    with gr.Row():
        kind = gr.Dropdown(list(KINDS), value=next(iter(KINDS)), label="Kind of training", min_width=200)
        sources = "A folder, a hub id or the name of a training."
        base = gr.Textbox(_BASE, label="Base model", info=sources, min_width=200)
        _, file, label, info = _DATA["qft"]
        data = gr.Textbox(file, label=label, info=info, min_width=200, elem_id="train-data")
        chat_format = "The base model's chat format."
        template = gr.Dropdown(templates, value=GUESSED, label="Template", info=chat_format, min_width=200)
        name = gr.Textbox(_NAME, label="Name of the model", info="Its folder in the workspace.", min_width=160)
        gpus = gr.Number(1, label="GPUs", info="They share model and batch.", minimum=1, precision=0, min_width=100)
    line = gr.Textbox(
        command("qft", _BASE, file, GUESSED, _NAME, workspace),
        label="Command to copy into a shell",
        interactive=False,
        lines=2,
        buttons=["copy"],
        elem_id="train-command",
    )
    fault_text = gr.Markdown(visible=False, elem_id="train-fault")
    fields = [kind, base, data, template, name, gpus]

    def update(kind: str, base: str, data: str, template: str, name: str, gpus: int | None) -> tuple[str, gr.Markdown]:
        fault = _fault(name, workspace)
        line = command(KINDS[kind], base, data, template, name, workspace, gpus or 1)
        return line, gr.Markdown(inert(fault), visible=bool(fault))

    def of_kind(kind: str) -> tuple[str, gr.Textbox, gr.Dropdown]:
        _, file, label, info = _DATA[KINDS[kind]]
        data = gr.Textbox(file, label=label, info=info)
        return _ABOUT[KINDS[kind]], data, gr.Dropdown(visible=KINDS[kind] not in _SCORERS)

    show: dict[str, Any] = {"fn": update, "inputs": fields, "outputs": [line, fault_text], "show_progress": "hidden"}
    kind.input(of_kind, kind, [about, data, template], show_progress="hidden").then(**show)
    for one in (base, data, template, name, gpus):
        one.change(**show, trigger_mode="always_last")  # `input` misses pasted text


def command(kind: str, base: str, data: str, template: str, name: str, workspace: Path, gpus: int = 1) -> str:
    """The shell command of this training; empty fields are placeholders in capitals."""
    flag = _DATA[kind][0]
    words = ["scalequest", "train", kind, "--base", base.strip() or "MODEL"]
    if data.strip() or kind != "qpo":  # without pairs, QPO takes the workspace's own
        words += [flag, data.strip() or "FILE"]
    if kind not in _SCORERS and template != GUESSED:
        words += ["--template", template]
    words += ["--gpus", str(gpus)] if gpus > 1 else []
    return shlex.join([*words, "--workspace", str(workspace), "--name", name.strip() or "NAME"])


def _fault(name: str, workspace: Path) -> str:
    """Why a training cannot have this name; empty where it can."""
    if not name.strip():
        return ""
    try:
        folder = record.folder_for(name.strip(), workspace, None)
    except InputError as error:
        return str(error)
    if folder.exists() and any(folder.iterdir()):
        return f"The folder models/{name.strip()} of this workspace already exists; choose another name."
    return ""
