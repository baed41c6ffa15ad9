"""The Compare tab: two generators at equal n and equal seeds, or two runs, side by side, with intervals.

Each generator's side is a live run that is stored in the workspace.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from engine import compare as sides
from engine.compare import Figure, GeneratorStats
from engine.config.profiles import Profile, load_profile, profile_names
from engine.pipeline.live import Live, Session
from engine.training import registered_models
from store.database.workspace import Workspace
from store.errors import InputError, ScaleQuestError
from store.frame.cache import Frames
from ui.components import sheet
from ui.components.chart_board import board
from ui.components.chart_board import value as charts_value
from ui.components.profile_dropdowns import ProfileDropdown
from ui.tabs.runs.compare import EVERY, PAIRS, side_by_side
from ui.tabs.runs.intervals import interval_chart
from ui.tabs.runs.list import label
from ui.web.errors import attempt
from ui.web.escape import clock, inert, three

MOST, _EVERY, _AT_ONCE = 500, 0.5, 4
_HEAD = ["measure", "A", "B", "B - A"]
_WIDTHS: list[str | int] = ["150px", "190px", "190px", "220px"]
_CHOOSE = "Choose two runs to compare their settings, funnels, costs and distributions."
_SAME = "Generators A and B are the same; choose another one for B."
_ABOUT = """Both generators write the same number of questions from the same seeds, with the same judge, solver and
reward model. `-qft` is a generator before preference optimisation (QPO), `-base` a model without its adapter, so before
question fine-tuning (QFT). Each side is stored as a live run."""
_NOTES = """*valid*: the judge kept the question. *kept*: it became a pair. Difficulty is the predicted fail rate of the
valid questions. The effective number of topics (of pairs) or kinds (of valid questions that the nano curriculum's
patterns recognise) is the exponential of the entropy. Intervals are 95 %: Wilson's for shares, Newcombe's for
differences. If the interval of a difference contains 0, these questions do not show a difference."""


@dataclass(slots=True)
class _PageSessions:
    """The two sessions of one open page."""

    sessions: list[Session] = field(default_factory=list)

    @property
    def running(self) -> bool:
        return any(not session.over for session in self.sessions)


def tab(workspace: Workspace, live: Live, frames: Frames, shown: Callable[..., Any]) -> ProfileDropdown:
    """Draws the tab into the open blocks; returns what updates its list of profiles. ``shown``: the event that brings
    the tab up."""
    gr.Markdown("### Two generators")
    profiles = _generators(workspace, live)
    gr.Markdown("### Two runs")
    _runs(workspace, frames, shown)
    return profiles


def _runs(workspace: Workspace, frames: Frames, shown: Callable[..., Any]) -> None:
    """Draws the comparison of two runs."""
    with gr.Column(elem_id="compare-runs"):
        with gr.Row():
            first = gr.Dropdown([], label="Run A", min_width=240, allow_custom_value=True)
            second = gr.Dropdown([], label="Run B", min_width=240, allow_custom_value=True)
            of = gr.Radio([EVERY, PAIRS], value=EVERY, label="Distributions of", min_width=200)
        tables = sheet.sheet("compared", _CHOOSE)
        charts = board("compared-charts")

    def offer(one: str | None, other: str | None) -> tuple[Any, Any]:
        runs = workspace.runs()[::-1]
        known = {run.run_id for run in runs}
        choices = [(label(run), run.run_id) for run in runs]
        return gr.Dropdown(choices, value=one if one in known else None), gr.Dropdown(
            choices, value=other if other in known else None
        )

    def show(one: str | None, other: str | None, of: str) -> tuple[str, str]:
        if not one or not other or one == other:
            hint = "A and B are the same run; choose another." if one and one == other else _CHOOSE
            return sheet.value([sheet.text(hint)]), "[]"
        parts, drawn = attempt(lambda: side_by_side(workspace, frames, one, other, of))
        return sheet.value(parts), charts_value(drawn)

    shown(offer, [first, second], [first, second], show_progress="hidden")
    for choice in (first, second, of):
        choice.input(show, [first, second, of], [tables, charts], show_progress="minimal", trigger_mode="always_last")


def _generators(workspace: Workspace, live: Live) -> ProfileDropdown:
    """Draws the comparison of two generators."""
    folder = registered_models.folder(workspace.path)
    first = load_profile("nano")
    names = list(sides.comparable_generators(first))
    gr.Markdown(_ABOUT)
    with gr.Row():
        profile = gr.Dropdown(profile_names(folder), value=first.name, label="Profile", min_width=140)
        a = gr.Dropdown(names, value=_before(names), label="Generator A", min_width=160)
        b = gr.Dropdown(names, value=names[0], label="Generator B", min_width=160)
        number = gr.Slider(10, MOST, 50, step=10, label="Questions each", min_width=160)
        seed = gr.Number(1, label="Seed", precision=0, min_width=100)
    with gr.Row(elem_classes="buttons"):
        go = gr.Button("Compare", variant="primary", size="sm", min_width=90, scale=0)
        cancel = gr.Button("Cancel", size="sm", interactive=False, min_width=90, scale=0, elem_id="compare-cancel")
    same = gr.Markdown(_SAME, visible=False, elem_classes="quiet", elem_id="compare-same")
    status = gr.Markdown("No comparison yet.", elem_id="compare-status")
    table = gr.Dataframe(
        headers=_HEAD,
        interactive=False,
        wrap=True,
        column_widths=_WIDTHS,
        label="Comparison",
        visible=False,
        elem_id="compare",
    )
    intervals = board("compare-intervals")
    gr.Markdown(_NOTES)
    page = gr.State(_PageSessions())

    def defaults(name: str) -> tuple[gr.Dropdown, gr.Dropdown]:
        names = list(sides.comparable_generators(attempt(lambda: load_profile(name, folder))))
        return gr.Dropdown(names, value=_before(names)), gr.Dropdown(names, value=names[0])

    def offer(name: str, a: str, b: str) -> tuple[Any, ...]:
        """The current profiles, and other generators where the chosen profile is gone or has changed."""
        known = profile_names(folder)
        if name not in known:
            return gr.Dropdown(known, value=first.name), *defaults(first.name)
        names = list(sides.comparable_generators(attempt(lambda: load_profile(name, folder))))
        rest = (gr.Dropdown(names), gr.Dropdown(names)) if {a, b} <= set(names) else defaults(name)
        return gr.Dropdown(known), *rest

    def compare(page: _PageSessions, profile: str, a: str, b: str, number: float, seed: float | None) -> Iterator[Any]:
        if page.running:
            raise gr.Error(
                "This page is already comparing; cancel that first, or wait for its end.", print_exception=False
            )
        page.sessions = attempt(lambda: _begin(live, load_profile(profile, folder), (a, b), number, seed))
        buttons = (gr.Button(interactive=False), gr.Button(interactive=True))
        try:
            while page.running:
                # each time: a busy page can miss one
                yield _progress(page.sessions, (a, b)), gr.skip(), gr.skip(), *buttons
                page.sessions[0 if not page.sessions[0].over else 1].wait(_EVERY)
        finally:  # a page that is closed cancels its sessions
            cancel_it(page)
        yield *_end(workspace, page.sessions, (a, b)), gr.Button(interactive=True), gr.Button(interactive=False)

    def cancel_it(page: _PageSessions) -> None:
        for session in page.sessions:
            if not session.over:
                session.cancel()

    inputs = [page, profile, a, b, number, seed]
    go.click(
        compare, inputs, [status, table, intervals, go, cancel], show_progress="hidden", concurrency_limit=_AT_ONCE
    )
    cancel.click(cancel_it, page, show_progress="hidden", queue=False)
    profile.input(defaults, profile, [a, b], show_progress="hidden")

    def differ(a: str, b: str) -> tuple[Any, Any]:
        """A generator is not compared with itself."""
        return gr.Button(interactive=a != b), gr.Markdown(visible=a == b)

    gr.on([a.change, b.change], differ, [a, b], [go, same], show_progress="hidden")
    return ProfileDropdown(offer, [profile, a, b], [profile, a, b])


def _before(names: list[str]) -> str:
    """The default counterpart of the first generator: itself before QPO, where there is one."""
    before = f"{names[0]}-qft"
    return before if before in names else names[-1]


def _begin(live: Live, profile: Profile, chosen: tuple[str, str], number: float, seed: float | None) -> list[Session]:
    known = sides.comparable_generators(profile)
    if not 1 <= number <= MOST:
        raise InputError("questions", number, "is out of range here", f"use 1 to {MOST}")
    for generator in chosen:
        if generator not in known:
            problem = f"is not of profile {profile.name}"
            raise InputError("generator", generator, problem, f"use one of {', '.join(known)}")
    configs = [sides.run_config_for(profile, known[generator], int(number), int(seed or 0)) for generator in chosen]
    both = zip(configs, chosen, strict=True)
    return [live.start(config, f"compare: {generator}", texts=False) for config, generator in both]


def _progress(sessions: list[Session], names: tuple[str, str]) -> str:
    states = [session.now() for session in sessions]
    if any(now.status == "loading" for now in states):
        return f"**Loading the models of profile {inert(sessions[0].config.profile.name)}.**"
    both = zip(names, states, strict=True)
    parts = [f"{inert(name)} {now.decided} of {len(now.questions)}, {now.pairs} pairs" for name, now in both]
    return f"**Sampling: {'; '.join(parts)}.** {clock(max(now.seconds for now in states))}"


def _end(workspace: Workspace, sessions: list[Session], names: tuple[str, str]) -> tuple[str, gr.Dataframe, str]:
    states = [session.now() for session in sessions]
    nothing = gr.Dataframe(visible=False)
    lacking = [now.message or "" for session, now in zip(sessions, states, strict=True) if session.result is None]
    if lacking:
        return f"**{inert(lacking[0])}**", nothing, "[]"
    try:
        found = [sides.generator_stats(workspace, session.run_id) for session in sessions]
    except ScaleQuestError as error:
        return f"**{inert(str(error))}**", nothing, "[]"
    messages = [now.message for now in states if now.message]
    head = f"**{inert(messages[0])}** The table covers the questions decided so far." if messages else "**Done.**"
    runs = " and ".join(session.run_id for session in sessions)
    heads = [_HEAD[0], f"A: {names[0]}", f"B: {names[1]}", _HEAD[3]]
    table = gr.Dataframe([list(row) for row in report(*found)], headers=heads, visible=True)
    rows = [(name, *(getattr(one, name) for one in found)) for name in ("valid", "kept", "difficulty")]
    note = "Valid and kept: share of the questions. Difficulty: mean predicted fail rate of the valid ones."
    chart = interval_chart("compare-generators", "Both generators", note, rows, names)
    said = f"{head} Stored as live runs {runs}, seed {sessions[0].config.seed}."
    return said, table, charts_value([chart] if chart is not None else [])


def report(a: GeneratorStats, b: GeneratorStats) -> list[tuple[str, str, str, str]]:
    """Both sides as rows of a table: name, A, B and their difference."""
    return [
        ("questions", f"{a.questions:,}", f"{b.questions:,}", ""),
        _figures("valid", a.valid, b.valid, _percent, " points"),
        _figures("kept", a.kept, b.kept, _percent, " points"),
        _figures("mean difficulty", a.difficulty, b.difficulty, three, ""),
        ("effective topics", _number(a.topics), _number(b.topics), ""),
        ("effective kinds", _kinds(a), _kinds(b), ""),
        ("tokens per kept pair", _number(a.tokens_per_pair, 0), _number(b.tokens_per_pair, 0), ""),
    ]


def _figures(
    name: str, a: Figure | None, b: Figure | None, write: Callable[[float], str], unit: str
) -> tuple[str, str, str, str]:
    """A row of two estimates; shares and rates end at 0 and 1, and so do their intervals."""
    ends = [None if f is None else (f.value, max(f.low, 0.0), min(f.high, 1.0)) for f in (a, b)]
    cells = ["-" if end is None else "{} ({} to {})".format(*map(write, end)) for end in ends]
    if a is None or b is None:
        return name, cells[0], cells[1], "-"
    gap = sides.difference(a, b)
    apart = "" if gap.low <= 0 <= gap.high else ", significant"
    value, low, high = (write(x).removesuffix(" %") for x in (gap.value, gap.low, gap.high))
    return name, cells[0], cells[1], f"{value}{unit} ({low} to {high}){apart}"


def _percent(value: float) -> str:
    return f"{round(100 * value, 1) + 0.0:.1f} %"


def _number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _kinds(side: GeneratorStats) -> str:
    return "-" if side.kinds is None else f"{side.kinds:.1f} (of {side.read} recognised)"
