"""A check's row: what is expected, what was measured, and a sentence where it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from engine.models.device import first_line

Outcome = Literal["pass", "fail", "measured"]
"""``measured``: a figure without a goal, or one that says nothing of random weights."""


@dataclass(frozen=True, slots=True)
class Row:
    """``part``: tokenizers, reward, judge, placement or speed."""

    part: str
    name: str
    expected: str
    measured: str
    outcome: Outcome
    sentence: str = ""


def compared(part: str, name: str, expected: str, measured: str, good: bool, sentence: str) -> Row:
    """A row that passes or fails; the sentence is kept where it fails."""
    return Row(part, name, expected, measured, "pass" if good else "fail", "" if good else sentence)


def rows_of(part: str, name: str, check: Callable[[], Iterator[Row]]) -> Iterator[Row]:
    """The check's rows; one more, which fails, where it raises: one check stops no other."""
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001 - whatever a model on a new machine raises is a finding
        yield Row(part, name, "it runs", "it failed", "fail", f"{first_line(error)}.")


def markdown(rows: list[Row], machine: str) -> str:
    """The table to paste, with a line on the machine above and the sentences of failures below."""
    lines = [machine, "", "| part | check | expected | measured | |", "|---|---|---|---|---|"]
    for row in rows:
        cells = (row.part, row.name, row.expected, row.measured, row.outcome)
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    failed = [f"- {row.part}, {row.name}: {row.sentence}" for row in rows if row.outcome == "fail"]
    return "\n".join([*lines, "", *(["Failed:", *failed] if failed else ["Nothing failed."])])
