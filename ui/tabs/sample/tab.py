"""The Sample tab: questions and their solutions as they are written, each through all stages, stored as a live run.

A page's sessions are kept on the server, in its ``PageSessions``; closing the page cancels the running one.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from engine.config.profiles import Profile, load_profile, profile_names
from engine.config.run_config import RunConfig
from engine.pipeline.live import SEEDS, Live, Session, settings
from engine.pipeline.live_questions import LiveQuestion
from engine.training import registered_models
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import Decision
from ui.components import live_cards
from ui.components.profile_dropdowns import ProfileDropdown
from ui.web import assets
from ui.web.errors import attempt

ALL = "all, by their shares"
MOST_QUESTIONS, MOST_SAMPLES, MOST_SESSIONS = 20, 16, 12
_AT_ONCE = 8  # pages that may sample at the same time; others wait in a queue
_ME = "you"


@dataclass(frozen=True, slots=True)
class Sample:
    """What the page connects: the button ``send``, which sends ``settings`` to the form of a run, and the list of
    profiles. ``settings``: profile, generator, temperature, top-p, samples, seed.
    """

    send: gr.Button
    settings: list[Any]
    profiles: ProfileDropdown


@dataclass(slots=True)
class PageSessions:
    """The sessions of one open page, newest first, and the questions that its user has kept."""

    sessions: list[Session] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)

    @property
    def running(self) -> Session | None:
        newest = self.sessions[0] if self.sessions else None
        return newest if newest is not None and not newest.over else None

    def find(self, question_id: object) -> tuple[LiveQuestion, RunConfig]:
        """The question of an event of the page. InputError for one that the page does not have."""
        for session in self.sessions:
            for card in session.now().questions:
                if card.question_id == question_id:
                    return card, session.config
        raise InputError("question", str(question_id)[:60], "is not on this page", "sample again")


def tab(workspace: Workspace, live: Live) -> Sample:
    folder = registered_models.folder(workspace.path)
    first = load_profile("nano")
    names = [generator.name for generator in first.generators]
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
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
                info="Leave empty for a random one. Equal seeds give equal samples.",
                max_lines=1,
                elem_id="sample-seed",
            )
            with gr.Row():
                go = gr.Button("Sample", variant="primary", size="sm", min_width=90)
                cancel = gr.Button("Cancel", size="sm", interactive=False, min_width=90, elem_id="sample-cancel")
            send = gr.Button("Use these settings in a run", size="sm")
        with gr.Column(scale=3, min_width=300):
            board = gr.HTML(live_cards.EMPTY, **assets.component("sample", "keep", "regenerate"), elem_id="sample")
    page = gr.State(PageSessions())
    fields = [page, profile, generator, temperature, top_p, questions, samples, seed]
    shown = [board, go, cancel]

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

    def sample(page: PageSessions, name: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        config = attempt(lambda: _config(load_profile(name, folder), *values))
        page.sessions, page.kept = [], set()
        yield from _watch(page, lambda: live.start(config))

    def regenerate(page: PageSessions, event: gr.EventData) -> Iterator[tuple[Any, ...]]:
        card, config = attempt(lambda: page.find(event._data.get("id")))
        yield from _watch(page, lambda: live.start(_again(config, card), regenerated_from=card.question_id))

    def keep(page: PageSessions, request: gr.Request, event: gr.EventData) -> Any:
        card, _ = attempt(lambda: page.find(event._data.get("id")))
        if card.chosen is None or card.stage is not None:
            raise gr.Error("Only a question with a chosen solution can be kept.", print_exception=False)
        if card.question_id not in page.kept:
            page.kept.add(card.question_id)
            who = request.username or _ME
            decision = Decision(secrets.token_hex(8), card.question_id, who, "accept", {"sample": card.chosen})
            attempt(lambda: workspace.writer.put([decision]))
        if page.running is not None:
            return gr.skip()  # the next snapshot shows it
        return live_cards.value(page.sessions, page.sessions[0].now(), page.kept)

    def cancel_it(page: PageSessions) -> None:
        if (session := page.running) is not None:
            session.cancel()

    watching: dict[str, Any] = {"outputs": shown, "show_progress": "hidden", "concurrency_limit": _AT_ONCE}
    go.click(sample, fields, **watching)
    seed.submit(sample, fields, **watching)
    board.regenerate(regenerate, page, **watching)
    # By default a click on a second question is lost while the first one's is handled. Every "Keep" counts, in order,
    # so that a value with a greater number is newer.
    board.keep(keep, page, board, show_progress="hidden", trigger_mode="multiple", concurrency_limit=1)
    cancel.click(cancel_it, page, show_progress="hidden", queue=False)
    of_profile = [generator, temperature, top_p, samples]
    profile.input(defaults, profile, of_profile, show_progress="hidden")
    profiles = ProfileDropdown(offer, [profile, generator], [profile, *of_profile])
    return Sample(send, [profile, generator, temperature, top_p, samples, seed], profiles)


def _watch(page: PageSessions, start: Callable[[], Session]) -> Iterator[tuple[Any, ...]]:
    """Start a new session and show it until its end."""
    if page.running is not None:
        raise gr.Error("This page is already sampling; cancel that first, or wait for its end.", print_exception=False)
    page.sessions = [attempt(start), *page.sessions[: MOST_SESSIONS - 1]]
    buttons = (gr.Button(interactive=False), gr.Button(interactive=True))
    with closing(page.sessions[0].snapshots()) as snapshots:  # a page that is closed cancels its session
        for now in snapshots:
            shown = live_cards.value(page.sessions, now, page.kept)
            yield shown, *buttons  # each time: a busy page can miss one
    yield shown, gr.Button(interactive=True), gr.Button(interactive=False)


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


def _again(config: RunConfig, card: LiveQuestion) -> RunConfig:
    """Settings for one more question like this one, with a new seed."""
    generators = tuple(g for g in config.profile.generators if g.name == card.generator)
    seed = secrets.randbelow(SEEDS)
    return replace(config, profile=replace(config.profile, generators=generators), questions=1, seed=seed)
