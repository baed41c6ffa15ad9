"""Registering a trained model as a profile of the workspace, and unregistering it."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from engine.config.profiles import load_profile, profile_names
from engine.training import record, registered_models
from engine.training.record import Training
from store.errors import InputError
from ui.components import sheet
from ui.components.profile_dropdowns import ProfileDropdown
from ui.web.errors import attempt
from ui.web.escape import inert

INSTEAD, ADDED = "replaces its generators", "is added, with an equal share"
_EMPTY = "No models are registered in this workspace. To register one, choose a finished training above."
_FIRST = ("nano", "small", "paper")
"""The most likely profiles of a trained model: no server is needed, smallest first."""


@dataclass(slots=True)
class Register:
    """``of_training``: the components that ``for_training`` sets; ``changes``: the events that change the workspace's
    profiles; ``profiles``: the lists here.
    """

    of_training: list[Any]
    profiles: ProfileDropdown
    changes: list[Callable[..., Any]]


def draw(workspace: Path, training: gr.Dropdown) -> Register:
    """Draws the form and the list into the open blocks; ``training`` chooses the training."""
    where = registered_models.folder(workspace)
    with gr.Column(visible=False, elem_id="register") as form:
        about = gr.Markdown()
        with gr.Row():
            base = gr.Dropdown(profile_names(), label="Profile", info="Supplies all other settings.", min_width=160)
            how = gr.Radio([INSTEAD, ADDED], value=INSTEAD, label="The new generator", min_width=260)
            name = gr.Textbox(label="Name of the new profile", max_lines=1, min_width=160)
            over = gr.Checkbox(label="Replace a registered profile of that name", min_width=160)
        with gr.Row():
            go = gr.Button("Register", variant="primary", size="sm", min_width=120, scale=0)
    said = gr.Markdown(elem_id="register-said")
    table = sheet.sheet("registered")
    with gr.Row(visible=False) as choice:
        which = gr.Dropdown([], label="Registered profile", scale=3, min_width=200)
        away = gr.Button("Unregister", variant="stop", size="sm", min_width=120)
    with gr.Column(visible=False, elem_id="unregister") as sure:
        what_goes = gr.Markdown()
        with gr.Row():
            keep = gr.Button("Keep it", size="sm", min_width=120)
            yes = gr.Button("Yes, unregister it", variant="stop", size="sm", min_width=120)
    named = gr.State(None)

    def register(chosen: str | None, base: str, how: str, name: str, over: bool) -> str:
        if not chosen:
            raise gr.Error("Choose a training first.", print_exception=False)
        found = attempt(lambda: record.read(workspace / "models" / Path(chosen).name))
        name = name.strip()
        attempt(lambda: registered_models.register(where, found, base, name, add=how == ADDED, replace=over))
        command = inert(shlex.join(["scalequest", "run", "--profile", name, "--workspace", str(workspace)]))
        return f"**Registered as {inert(name)}.** Sample, Compare and Runs now offer it. In a shell: {command}."

    def ask(which: str | None) -> tuple[Any, str, str | None]:
        if not which:
            raise gr.Error("Choose a registered profile first.", print_exception=False)
        goes = f"Unregister **{inert(which)}**? This deletes profiles/{inert(which)}.toml. The model is kept, and runs "
        return gr.Column(visible=True), f"{goes}made with the profile keep their settings.", which

    def unregister(which: str | None) -> tuple[Any, str]:
        attempt(lambda: registered_models.unregister(where, which or ""))
        return gr.Column(visible=False), f"**{inert(which or '')} is no longer registered.**"

    def listed(base: str | None, which: str | None) -> tuple[Any, ...]:
        mine, every = registered_models.registered(where), profile_names(where)
        shown = sheet.value([_table(where, mine)])
        bases = gr.Dropdown(every) if base in every else gr.Dropdown(every, value="nano")
        names = gr.Dropdown(mine, value=which if which in mine else (mine[0] if mine else None))
        return bases, shown, gr.Row(visible=bool(mine)), names

    profiles = ProfileDropdown(listed, [base, which], [base, table, choice, which])
    made = go.click(register, [training, base, how, name, over], said, show_progress="hidden")
    away.click(ask, which, [sure, what_goes, named], show_progress="hidden")
    keep.click(lambda: gr.Column(visible=False), outputs=sure, show_progress="hidden")
    gone = yes.click(unregister, named, [sure, said], show_progress="hidden")
    changes: list[Callable[..., Any]] = [made.success, gone.success]
    for event in changes:
        profiles.update_after(event)
    return Register([form, about, base, how, name, over, said], profiles, changes)


def for_training(training: Training | None, where: Path) -> list[Any]:
    """Values for ``of_training`` once this training is chosen, or has ended."""
    # a student has no role in a run
    done = training is not None and training.status == "done" and training.kind != "student"
    if training is None or not done:
        return [gr.Column(visible=False), *[gr.skip()] * 5, ""]
    role = {"difficulty": "difficulty scorer", "judge": "judge"}.get(training.kind, "generator")
    scores = role != "generator"
    about = f"**Register {inert(training.name)} as a {role}**: makes a profile for Sample, Compare and Runs."
    base = gr.Dropdown(profile_names(where), value=_like(training, where))
    return [gr.Column(visible=True), about, base, gr.Radio(visible=not scores), training.name, False, ""]


def _like(training: Training, where: Path) -> str:
    """The first profile one of whose models reads the same template; nano where none does."""
    for name in [*_FIRST, *profile_names(where)]:
        try:
            roles = load_profile(name, where).roles
        except InputError:
            continue
        if any(role.template.id == training.template for role in roles):
            return name
    return "nano"


def _table(where: Path, names: list[str]) -> sheet.Part:
    if not names:
        return sheet.text(_EMPTY)
    rows: list[list[sheet.Cell]] = []
    for name in names:
        try:
            found = load_profile(name, where)
            generators = ", ".join(one.name for one in found.generators)
            rows.append([name, generators, found.difficulty.name, found.solver.name])
        except InputError as error:
            rows.append([name, f"cannot be used: {error}", "-", "-"])
    return sheet.table("Registered in this workspace", ["profile", "generators", "difficulty", "solver"], rows)
