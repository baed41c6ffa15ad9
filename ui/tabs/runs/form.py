"""The form that starts a run: the fields of the run's config, an entry of ``OPTIONS`` each.

A field's type in ``run_config`` decides how it is drawn and read. Values that equal the profile's change nothing in it.
"""

import re
import typing
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any

import gradio as gr

from engine.config.profiles import Profile, Role, load_profile, profile_names
from engine.config.run_config import RunConfig
from engine.config.validation import validate
from store.errors import InputError
from ui.web.errors import attempt

BY_QUESTIONS, BY_PAIRS = "questions generated", "pairs accepted"
DEFAULT_PROFILE, DEFAULT_NUMBER = "nano", 100
_NONE = type(None)


@dataclass(frozen=True, slots=True)
class Option:
    """A field of the config: of ``RunConfig`` itself, or of a role (``solver.n``; ``generator.``: of all of them)."""

    path: str
    label: str
    help: str
    common: bool = False

    @property
    def role(self) -> str | None:
        return self.path.partition(".")[0] if "." in self.path else None

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def hint(self) -> Any:
        """Its type in the config; of ``X | None``, X."""
        return next(part for part in typing.get_args(self._hint) if part is not _NONE) if self.optional else self._hint

    @property
    def optional(self) -> bool:
        """Whether None is a value, shown as an empty field."""
        return _NONE in typing.get_args(self._hint)

    @property
    def _hint(self) -> Any:
        return typing.get_type_hints(Role if self.role else RunConfig)[self.name]


OPTIONS = (
    Option("seed", "Seed", "Fixes the samples on a CPU.", common=True),
    Option("solver.n", "Solutions per question", "The best by reward is chosen.", common=True),
    Option("max_questions", "Maximum questions", "For a target in pairs. Leave empty for 20 per pair."),
    Option("max_cost", "Maximum cost (USD)", "Stops the run there, to be resumed. Needs a role with prices."),
    Option("generator.share", "Generators", "Their shares of the questions. Omit one to leave it out."),
    Option(
        "generator.temperature", "Temperature of questions", "0 is greedy; higher is more varied but less often valid."
    ),
    Option("generator.top_p", "Top-p of questions", "Probability mass to sample from; 1 turns it off."),
    Option("solver.temperature", "Temperature of solutions", "0 is greedy: all samples are equal."),
    Option("solver.top_p", "Top-p of solutions", "Probability mass to sample from; 1 turns it off."),
    Option("difficulty_band", "Difficulty kept", "Lowest and highest predicted fail rate, e.g. 0.3 to 0.8."),
    Option("reward_floor", "Minimum reward", "For the best solution of a pair. Leave empty for no minimum."),
    Option("duplicate_threshold", "Near-duplicate threshold", "Jaccard similarity, above 0 and at most 1."),
    Option("other_runs", "Questions of other runs", "What to do with a question that another run already has."),
    Option("reproducible", "Reproducible on a GPU", "The same seed reproduces the same samples on a GPU too; slower."),
    Option("benchmarks", "Benchmark files", "Paths on the server, one per line. Overlapping questions are dropped."),
)


@dataclass(frozen=True, slots=True)
class Form:
    """The form's components. ``inputs`` are what ``read`` takes, ``filled`` what ``fill`` sets."""

    profile: gr.Dropdown
    target: gr.Dropdown
    number: gr.Number
    name: gr.Textbox
    options: dict[str, Any]

    @property
    def inputs(self) -> list[Any]:
        return [self.profile, self.target, self.number, self.name, *self.options.values()]

    @property
    def filled(self) -> list[Any]:
        return [self.profile, *self.options.values()]


def draw(folder: Path) -> Form:
    """Draws the form into the open blocks; ``folder`` holds the workspace's profiles."""
    start = load_profile(DEFAULT_PROFILE)
    common, rare = [o for o in OPTIONS if o.common], [o for o in OPTIONS if not o.common]
    with gr.Row():
        profile = gr.Dropdown(
            profile_names(folder),
            value=DEFAULT_PROFILE,
            label="Profile",
            info="The models and their roles.",
            min_width=150,
            allow_custom_value=True,  # the path of a user's own file
        )
        target = gr.Dropdown(
            [BY_QUESTIONS, BY_PAIRS], value=BY_QUESTIONS, label="Count", info="What the target counts.", min_width=200
        )
        number = gr.Number(DEFAULT_NUMBER, label="Target", info="How many.", precision=0, min_width=110)
        drawn = {option.path: _component(option, start) for option in common}
        name = gr.Textbox(label="Name", info="Optional.", min_width=140)
    with gr.Accordion("More options", open=False), gr.Row():
        drawn |= {option.path: _component(option, start) for option in rare}
    form = Form(profile, target, number, name, {option.path: drawn[option.path] for option in OPTIONS})
    of_profile = [option for option in OPTIONS if option.role]

    def values(chosen: str) -> list[Any]:
        found = attempt(lambda: load_profile(chosen, folder))
        return [_shown(option, found) for option in of_profile]

    profile.input(values, profile, [form.options[option.path] for option in of_profile], show_progress="hidden")
    return form


def fill(
    profile: str = DEFAULT_PROFILE,
    generator: str | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    n: int | None = None,
    seed: int | None = None,
    folder: Path | None = None,
) -> list[Any]:
    """Values for ``Form.filled``: the profile's, except for what is given.

    ``generator``: the only one to use; all of them where the profile has none of that name. ``temperature`` and
    ``top_p`` are of the questions.
    """
    found = load_profile(profile, folder)
    given = {"generator.temperature": temperature, "generator.top_p": top_p, "solver.n": n, "seed": seed}
    if any(one.name == generator for one in found.generators):
        given["generator.share"] = f"{generator} 1"  # type: ignore[assignment]
    values = [given[o.path] if given.get(o.path) is not None else _shown(o, found) for o in OPTIONS]
    return [profile, *values]


def read(
    profile: str, target: str, number: float | None, name: str, *values: Any, folder: Path | None = None
) -> tuple[RunConfig, str]:
    """The form's config, and the run's name. InputError names the field by its label."""
    try:
        return _config(load_profile(profile or "", folder), target, number, values), name.strip()
    except InputError as error:
        labels = {"questions": "Target", "accepted": "Target"} | {option.path: option.label for option in OPTIONS}
        field = f"{labels[error.field]} ({error.field})" if error.field in labels else error.field
        raise InputError(field, error.value, error.problem, error.remedy) from error


def cost_limit(given: str | None) -> float | None:
    """The maximum cost (USD) that is entered for a run to be resumed; None for an empty field, and for one that was
    never shown. InputError unless it is a number."""
    (option,) = [one for one in OPTIONS if one.path == "max_cost"]
    value = _read(option, (given or "").strip().removeprefix("$"))
    return None if value is None else float(value)


def _config(profile: Profile, target: str, number: float | None, values: Sequence[Any]) -> RunConfig:
    wanted = "questions" if target == BY_QUESTIONS else "accepted"
    if number is None:
        raise InputError(wanted, "", "is empty", "enter a number")
    run: dict[str, Any] = {wanted: int(number)}
    for option, given in zip(OPTIONS, values, strict=True):
        if option.role is None:
            if (value := _read(option, given)) is not None:
                run[option.name] = value
        elif given != _shown(option, profile):
            profile = _changed(profile, option, given)
    for file in run.get("benchmarks", ()):
        if not Path(file).is_file():
            raise InputError("benchmarks", file, "is not a file on the server", "correct the path, or remove it")
    return validate(RunConfig, {**run, "profile": profile})


def _component(option: Option, profile: Profile) -> Any:
    properties: dict[str, Any] = {"label": option.label, "info": option.help, "min_width": 200}
    value = _shown(option, profile)
    if typing.get_origin(option.hint) is typing.Literal:
        return gr.Dropdown(list(typing.get_args(option.hint)), value=value, **properties)
    if option.hint is bool:
        return gr.Checkbox(value, **properties)
    if option.path != "generator.share" and option.hint in (int, float) and not option.optional:
        return gr.Number(value, precision=0 if option.hint is int else None, **properties)
    # A number that may be left out is typed as text: Gradio's number shows an empty one as 0.
    return gr.Textbox(value, lines=2 if option.hint == tuple[str, ...] else 1, **properties)


def _shown(option: Option, profile: Profile) -> Any:
    """The option's value in a config of this profile, as its component shows it."""
    if option.path == "generator.share":
        return ", ".join(f"{one.name} {one.share:g}" for one in profile.generators)
    if option.role is not None:
        role = profile.generators[0] if option.role == "generator" else getattr(profile, option.role)
        return getattr(role, option.name)
    value = next(f.default for f in fields(RunConfig) if f.name == option.name)
    if value is MISSING or value is None:
        return None
    if option.hint == tuple[str, ...]:
        return "\n".join(value)
    return f"{value[0]:g} to {value[1]:g}" if isinstance(value, tuple) else value


def _read(option: Option, given: Any) -> Any:
    """A typed value as the config has it; None for an empty field, which leaves the default."""
    if given is None or given == "":
        return None
    if option.hint == tuple[str, ...]:
        return tuple(line.strip() for line in str(given).splitlines() if line.strip())
    if option.hint == tuple[float, float]:
        ends = re.split(r"\s*(?:to|,)\s*|\s+", str(given).strip())
        try:
            least, greatest = map(float, ends)
        except ValueError:
            raise InputError(option.path, given, "is not two numbers", "write it as 0.3 to 0.8") from None
        return least, greatest
    if option.hint in (int, float):
        try:
            return option.hint(given)
        except ValueError:
            kind = "whole number" if option.hint is int else "number"
            raise InputError(option.path, given, f"is not a {kind}", "correct it, or leave it empty") from None
    return given


def _changed(profile: Profile, option: Option, given: Any) -> Profile:
    if option.path == "generator.share":
        return replace(profile, generators=_shared(profile, str(given)))
    value = _read(option, given)
    if value is None:
        raise InputError(option.path, "", "is empty", "enter a number")
    if option.role == "generator":
        return replace(profile, generators=tuple(one.replaced(**{option.name: value}) for one in profile.generators))
    role: Role = getattr(profile, str(option.role))
    return replace(profile, **{role.role: role.replaced(**{option.name: value})})  # type: ignore[arg-type]


def _shared(profile: Profile, given: str) -> tuple[Role, ...]:
    """The generators that ``qgen-a 0.7, qgen-b 0.3`` names, with these shares."""
    known = {one.name: one for one in profile.generators}
    found: dict[str, Role] = {}
    for part in filter(None, (part.strip() for part in given.split(","))):
        name, _, share = part.rpartition(" ")
        if name.strip() not in known or not re.fullmatch(r"\d*\.?\d+", share):
            remedy = "write it as " + ", ".join(f"{one.name} {one.share:g}" for one in profile.generators)
            raise InputError("generator.share", part, "is not a generator of the profile and its share", remedy)
        found[name.strip()] = known[name.strip()].replaced(share=float(share))
    if not found:
        raise InputError("generator.share", given, "names no generator", "keep at least one")
    return tuple(found.values())
