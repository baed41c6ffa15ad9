"""The plan of an export: a format, a filter and options that are validated together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.exports.rl_trainers import TRAINERS
from store.errors import InputError
from store.export import formats
from store.export.formats import REASONING, Format, Reasoning
from store.filters.filter import Filter

MOST_VALIDATION = 0.9
LICENSE = "other"
"""The card's default: the licence depends on those of the models."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``full``: all columns. ``validation``: the share of rows, in whole clusters of duplicates, for a validation file.
    ``same_answers``: ``dpo`` pairs may have equal answers. ``license``: for the card of ``hf``. ``reasoning``: where
    reasoning goes, empty for the format's default. ``all_samples``: a row per sample.
    ``trainer``: of ``rl``. ``uncheckable``: ``rl`` keeps prompts whose answers no rule can check.

    InputError for options that don't fit the format.
    """

    format: str
    filter: Filter = field(default_factory=Filter)
    full: bool = False
    validation: float = 0.0
    same_answers: bool = False
    license: str = LICENSE
    reasoning: str = ""
    all_samples: bool = False
    trainer: str = ""
    uncheckable: bool = False

    def __post_init__(self) -> None:
        form = formats.format_named(self.format)
        if self.full and not form.full and self.format != "hf":
            supported = ", ".join(name for name, one in formats.FORMATS.items() if one.full)
            raise InputError("--full", self.format, "has fixed columns", f"leave it out, or choose from {supported}")
        if not 0.0 <= self.validation <= MOST_VALIDATION:
            remedy = f"give a share from 0 to {MOST_VALIDATION}, such as 0.05"
            raise InputError("--validation", self.validation, "is not a share", remedy)
        if self.validation and form.view == "items":
            raise InputError("--validation", self.validation, f"does not apply to {self.format}", "leave it out")
        if self.same_answers and self.format != "dpo":
            raise InputError("--same-answers", self.format, "has no pairs of answers", "leave it out, or choose dpo")
        if self.license != LICENSE and self.format != "hf":
            raise InputError(
                "--license", self.license, f"does not apply to {self.format}", "leave it out, or choose hf"
            )
        if not re.fullmatch(r"[a-z0-9][a-z0-9.\-]{1,40}", self.license):
            raise InputError(
                "--license", self.license, "is not a licence id", "use one of the hub's, such as apache-2.0"
            )

        self._check_responses(form)
        self._check_trainer()

    def _check_responses(self, form: Format) -> None:
        if self.reasoning not in ("", *REASONING):
            raise InputError("--reasoning", self.reasoning, "is not known", f"choose from {', '.join(REASONING)}")
        if self.reasoning and form.view != "pairs":
            raise InputError("--reasoning", self.reasoning, f"does not apply to {self.format}", "leave it out")
        if self.reasoning == "field" and not form.has_reasoning_field:
            problem = f"does not apply to {self.format}, whose rows have no field for it"
            raise InputError("--reasoning", self.reasoning, problem, "choose inline or none")
        if self.all_samples and not form.has_samples:
            supported = ", ".join(name for name, one in formats.FORMATS.items() if one.has_samples)
            problem = "has no row for each sample"
            raise InputError("--all-samples", self.format, problem, f"leave it out, or choose from {supported}")

    def _check_trainer(self) -> None:
        known = f"choose from {', '.join(TRAINERS)}"
        if self.format == "rl" and self.trainer not in TRAINERS:
            problem = "is not known" if self.trainer else "is missing"
            raise InputError("--trainer", self.trainer, problem, known)
        for flag, value in (("--trainer", self.trainer), ("--uncheckable", self.uncheckable)):
            if value and self.format != "rl":
                raise InputError(flag, value, f"does not apply to {self.format}", "leave it out, or choose rl")

    @property
    def form(self) -> Format:
        return formats.format_named(self.format)

    @property
    def columns(self) -> tuple[str, ...]:
        return formats.columns(self.form, self.full, self.place_of_reasoning, self.all_samples)

    @property
    def place_of_reasoning(self) -> Reasoning:
        """As chosen; by default in a field where a row has all columns, else before the response."""
        if self.reasoning in REASONING:
            return self.reasoning
        return "field" if self.format == "hf" or (self.full and self.form.full) else "inline"

    @property
    def checkable(self) -> bool:
        """Whether rows that no rule can check are left out; a filter by checkability decides itself."""
        return self.format == "rl" and not self.uncheckable and not getattr(self.filter, "checkability", ())

    @property
    def ending(self) -> str:
        return TRAINERS[self.trainer].ending if self.format == "rl" else self.form.ending

    @property
    def files(self) -> dict[str, str]:
        """Split -> its file, relative to the folder."""
        splits = [self.format if self.form.view == "items" else "train", *(["validation"] if self.validation else [])]
        if self.format == "hf":
            return {split: f"data/{split}-00000-of-00001.parquet" for split in splits}
        return {split: f"{split}.{self.ending}" for split in splits}

    def options(self) -> dict[str, Any]:
        """The options that differ from their defaults."""
        return {name: getattr(self, name) for name in _OPTIONS if getattr(self, name) != getattr(_DEFAULT, name)}


def plan_from_json(content: Any) -> Plan:
    """A plan from parsed JSON, ``{"format", "filter", "options": {...}}``. InputError where it is invalid."""
    if not isinstance(content, Mapping) or not isinstance(content.get("format"), str):
        raise InputError("export", type(content).__name__, "names no format", 'write {"format": "jsonl", "filter": {}}')
    options = content.get("options") or {}
    if not isinstance(options, Mapping):
        raise InputError("options", options, "is not an object", 'write e.g. {"full": true}')
    for name, value in options.items():
        kind = _OPTIONS.get(name)
        if kind is None:
            raise InputError("options", name, "is not an option", f"the options are {', '.join(_OPTIONS)}")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise InputError(f"options.{name}", value, "has the wrong type", "leave it out, or correct it")
    return Plan(content["format"], Filter.from_json(content.get("filter") or {}), **options)


_DEFAULT = Plan("jsonl")
_OPTIONS: dict[str, Any] = {
    "full": bool,
    "validation": (int, float),
    "same_answers": bool,
    "license": str,
    "reasoning": str,
    "all_samples": bool,
    "trainer": str,
    "uncheckable": bool,
}
