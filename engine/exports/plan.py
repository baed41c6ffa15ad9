"""What an export is asked to be: a format, a filter and options, checked when they are put together. Knows no rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from store.errors import InputError
from store.export import formats
from store.export.formats import Format
from store.filters.filter import Filter

MOST_VALIDATION = 0.9
LICENSE = "other"
"""What the card says where nobody has chosen: the models' makers have a say in it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``full``: all columns. ``validation``: this share of the rows, by clusters of duplicates, goes to a file of its
    own. ``same_answers``: of ``dpo`` keep pairs with one final answer too. ``license``: for the card of ``hf``.

    InputError for what does not go together.
    """

    format: str
    filter: Filter = field(default_factory=Filter)
    full: bool = False
    validation: float = 0.0
    same_answers: bool = False
    license: str = LICENSE

    def __post_init__(self) -> None:
        form = formats.of(self.format)
        if self.full and not form.full and self.format != "hf":
            able = ", ".join(name for name, one in formats.FORMATS.items() if one.full)
            raise InputError("--full", self.format, "has columns of its own", f"leave it out, or choose from {able}")
        if not 0.0 <= self.validation <= MOST_VALIDATION:
            remedy = f"give a share from 0 to {MOST_VALIDATION}, such as 0.05"
            raise InputError("--validation", self.validation, "is not a share", remedy)
        if self.validation and form.view == "items":
            raise InputError("--validation", self.validation, f"is not for {self.format}", "leave it out")
        if self.same_answers and self.format != "dpo":
            raise InputError("--same-answers", self.format, "has no pairs of answers", "leave it out, or choose dpo")
        if self.license != LICENSE and self.format != "hf":
            raise InputError("--license", self.license, f"has no place in {self.format}", "leave it out, or choose hf")
        if not re.fullmatch(r"[a-z0-9][a-z0-9.\-]{1,40}", self.license):
            raise InputError(
                "--license", self.license, "is not a licence's name", "write it as the hub does: apache-2.0"
            )

    @property
    def form(self) -> Format:
        return formats.of(self.format)

    @property
    def columns(self) -> tuple[str, ...]:
        return self.form.full if self.full and self.form.full else self.form.columns

    @property
    def files(self) -> dict[str, str]:
        """Split -> its file, relative to the folder."""
        splits = [self.format if self.form.view == "items" else "train", *(["validation"] if self.validation else [])]
        if self.format == "hf":
            return {split: f"data/{split}-00000-of-00001.parquet" for split in splits}
        return {split: f"{split}.{self.form.ending}" for split in splits}

    def options(self) -> dict[str, Any]:
        """The options that differ from their defaults."""
        given = {
            "full": self.full,
            "validation": self.validation,
            "same_answers": self.same_answers,
            "license": self.license,
        }
        return {name: value for name, value in given.items() if value != getattr(_PLAIN, name)}


def of(asked: Any) -> Plan:
    """A plan from parsed JSON, ``{"format", "filter", "options": {...}}``. InputError names what is wrong."""
    if not isinstance(asked, Mapping) or not isinstance(asked.get("format"), str):
        raise InputError("export", type(asked).__name__, "names no format", 'write {"format": "jsonl", "filter": {}}')
    options = asked.get("options") or {}
    if not isinstance(options, Mapping):
        raise InputError("options", options, "is not an object", 'write e.g. {"full": true}')
    for name, value in options.items():
        kind = _KINDS.get(name)
        if kind is None:
            raise InputError("options", name, "is not an option", f"the options are {', '.join(_KINDS)}")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise InputError(f"options.{name}", value, "is of the wrong kind", "leave it out, or correct it")
    return Plan(asked["format"], Filter.from_json(asked.get("filter") or {}), **options)


_PLAIN = Plan("jsonl")
_KINDS: dict[str, Any] = {"full": bool, "validation": (int, float), "same_answers": bool, "license": str}
