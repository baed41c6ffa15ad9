"""The Sample tab: questions and their solutions as they are written, each through all stages, stored as a live run.

The page's script (``assets/static/sample``) asks for runs and draws them; ``ui.components.live_stream`` sends them.
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from engine.config.profiles import Profile, load_profile, profile_names
from engine.config.run_config import RunConfig
from engine.pipeline.live import settings
from engine.training import registered_models
from store.database.workspace import Workspace
from store.errors import InputError, ScaleQuestError
from ui.components.live_stream import LiveStreams
from ui.components.profile_dropdowns import ProfileDropdown
from ui.tabs.sample.stored import KeepRequest, QuestionRequest, RunRequest, StoredRuns
from ui.web import assets
from ui.web.errors import attempt
from ui.web.escape import visible
from ui.web.requests import Request, Text, server_function

ALL = "All generators (weighted)"
MOST_QUESTIONS, MOST_SAMPLES = 20, 16
_START = "() => import(new URL({}, document.baseURI).href).then((m) => m.announce(m.SAMPLE_REQUESTED))"


class TokenRequest(Request):
    token: Text


@dataclass(frozen=True, slots=True)
class Sample:
    """What the page connects: the button ``send``, which sends ``settings`` to the form of a run, and the list of
    profiles. ``settings``: profile, generator, temperature, top-p, samples, seed.
    """

    send: gr.Button
    settings: list[Any]
    profiles: ProfileDropdown


def tab(workspace: Workspace, streams: LiveStreams) -> Sample:
    """Draws the tab into the open blocks."""
    folder = registered_models.folder(workspace.path)
    stored = StoredRuns(workspace, streams)
    first = load_profile("nano")
    names = [generator.name for generator in first.generators]
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            profile = gr.Dropdown(profile_names(folder), value=first.name, label="Profile")
            generator = gr.Dropdown([ALL, *names], value=ALL, label="Generator")
            with gr.Row():
                temperature = gr.Slider(
                    0, 2, first.generators[0].temperature, step=0.05, label="Temperature", info="Of the questions"
                )
                top_p = gr.Slider(0.05, 1, first.generators[0].top_p, step=0.01, label="Top-p", info="Of the questions")
            questions = gr.Slider(1, MOST_QUESTIONS, 5, step=1, label="Questions")
            samples = gr.Slider(1, MOST_SAMPLES, first.solver.n, step=1, label="Solutions each (best of n)")
            seed = gr.Textbox(
                label="Seed",
                info="Leave empty for a random one. The same seed reproduces the same samples.",
                max_lines=1,
                elem_id="sample-seed",
            )
            send = gr.Button("Use these settings in a run", size="sm")
        with gr.Column(scale=4, min_width=300):
            board = gr.HTML(
                None,
                **assets.component("sample", "start", parts=["components/lines"]),
                server_functions=[
                    server_function("sample_stored", RunRequest, stored.look),
                    server_function("sample_history", Request, stored.history),
                    server_function("sample_cancel", TokenRequest, lambda request: streams.cancel(request.token)),
                    server_function("sample_again", QuestionRequest, stored.regenerate),
                    server_function("sample_keep", KeepRequest, stored.keep),
                ],
                apply_default_css=False,
                elem_id="sample",
                padding=False,
            )
    fields = [profile, generator, temperature, top_p, questions, samples, seed]

    def defaults(name: str) -> tuple[Any, ...]:
        chosen = attempt(lambda: load_profile(name, folder))
        first = chosen.generators[0]
        options = [ALL, *(g.name for g in chosen.generators)]
        return gr.Dropdown(options, value=ALL), first.temperature, first.top_p, min(chosen.solver.n, MOST_SAMPLES)

    def offer(name: str, generator: str) -> tuple[Any, ...]:
        """The current profiles, and other settings where the chosen profile is gone or has changed."""
        known = profile_names(folder)
        if name not in known:
            return gr.Dropdown(known, value=first.name), *defaults(first.name)
        options = [ALL, *(g.name for g in attempt(lambda: load_profile(name, folder)).generators)]
        rest = [gr.Dropdown(options), *[gr.skip()] * 3] if generator in options else defaults(name)
        return gr.Dropdown(known), *rest

    def start(event: gr.EventData, name: str, *values: Any) -> dict[str, Any]:
        """Start a run; its token goes to the script. ``request``: which click this answers."""
        answer = {"request": event._data.get("request")}
        try:
            return answer | streams.start(_config(load_profile(name, folder), *values))
        except ScaleQuestError as error:
            return answer | {"error": visible(str(error))}

    board.start(start, fields, board, show_progress="hidden", queue=False)
    seed.submit(None, js=_START.format(repr(assets.address("lib/messages.js"))))
    of_profile = [generator, temperature, top_p, samples]
    profile.input(defaults, profile, of_profile, show_progress="hidden")
    profiles = ProfileDropdown(offer, [profile, generator], [profile, *of_profile])
    return Sample(send, [profile, generator, temperature, top_p, samples, seed], profiles)


def _config(
    profile: Profile, generator: str, temperature: float, top_p: float, questions: float, samples: float, seed: str
) -> RunConfig:
    if not 1 <= questions <= MOST_QUESTIONS:
        raise InputError("questions", questions, "is out of range here", f"use 1 to {MOST_QUESTIONS}, or start a run")
    if not 1 <= samples <= MOST_SAMPLES:
        raise InputError("solutions", samples, "is out of range here", f"use 1 to {MOST_SAMPLES}, or start a run")
    if seed.strip() and not seed.strip().isdecimal():
        raise InputError("seed", seed.strip()[:40], "is not a whole number", "use 0 to 2^63 - 1, or leave it empty")
    return settings(
        profile,
        questions=int(questions),
        samples=int(samples),
        generator=None if generator == ALL else generator,
        temperature=float(temperature),
        top_p=float(top_p),
        seed=int(seed) if seed.strip() else None,
    )
