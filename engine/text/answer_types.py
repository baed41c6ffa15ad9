"""What a final answer can be; ``answer_structure`` reads them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Number:
    """``places``: written decimals. ``unit``: its canonical name, "%" or "base 8"; empty without one."""

    text: str
    value: Fraction
    unit: str = ""
    places: int = 0


@dataclass(frozen=True, slots=True)
class Words:
    text: str


@dataclass(frozen=True, slots=True)
class Formula:
    """One expression; the text has no unit."""

    text: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Prose:
    """What nothing here understands as a whole."""

    text: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """``brackets``: "()", "[]", "{}", "[)", "(]" (intervals and ordered, but for "{}") or "" for a list."""

    text: str
    brackets: str
    items: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Union:
    text: str
    items: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    text: str
    rows: tuple[tuple[Answer, ...], ...]


@dataclass(frozen=True, slots=True)
class Named:
    """``x = value``, ``x \\in value``; an inequality is a named interval."""

    text: str
    name: str
    value: Answer


@dataclass(frozen=True, slots=True)
class Relation:
    """Any other equation or inequality of formulas: ``left operator right``."""

    text: str
    operator: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Choice:
    """``(A) 12``: a letter with what it stands for."""

    text: str
    letter: str
    value: Answer


Answer = Number | Words | Formula | Prose | Sequence | Union | Matrix | Named | Relation | Choice
