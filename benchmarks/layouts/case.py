"""A layout with a few rows and what is right of them, and the texts that layouts share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Q1, Q2 = "A tray has 5 rows of 6 buns. How many buns is that?", "What is the remainder of 50 divided by 8?"
S1, S2 = "Five times six is \\boxed{30}.", "50 = 6 * 8 + 2, so \\boxed{2}."
BAD = "Five plus six is \\boxed{11}."
L1 = "There are 5 rows with 6 buns each, so the tray holds 5 times 6 buns.\n\nThe answer is \\boxed{30}."
L2 = "Divide: 50 = 6 * 8 + 2, and 2 is smaller than 8, so this is the remainder.\n\nThe answer is \\boxed{2}."
"""Solutions that are long enough to be told from an answer by nothing but their text."""
ASKED = ((Q1, S1, "hm", "30"), (Q2, S2, "so", "2"))
LONG = ((Q1, L1, "hm, so", "30"), (Q2, L2, "so, hm", "2"))
"""Question, solution, thoughts and gold answer."""


@dataclass(frozen=True, slots=True)
class Right:
    """What is right of one question. ``more``: further stored fields (``reasoning``, ``finish``, ``rates`` ...), each
    whole; ``extra`` names columns that must be there unchanged."""

    query: str
    responses: Sequence[str] = ()
    gold: str | None = None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """Rows of a layout; a text is a whole file, of JSON where ``suffix`` says nothing else."""

    name: str
    rows: list[dict[str, Any]] | str
    right: list[Right]
    suffix: str = "json"


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str | None, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def human(text: str) -> dict[str, Any]:
    return {"from": "human", "value": text}


def gpt(text: str) -> dict[str, Any]:
    return {"from": "gpt", "value": text}


def think(thought: str, text: str) -> str:
    return f"<think>\n{thought}\n</think>\n\n{text}"


GOLD = [Right(Q1, gold="30"), Right(Q2, gold="2")]
PAIRS = [Right(Q1, [S1]), Right(Q2, [S2])]
BOTH = [Right(Q1, [S1], "30", {"correct": ["same"]}), Right(Q2, [S2], "2", {"correct": ["same"]})]
THOUGHT = [Right(q, [s], None, {"reasoning": [t]}) for q, s, t, _ in ASKED]
THOUGHT_BOTH = [Right(q, [s], gold, {"reasoning": [t], "correct": ["same"]}) for q, s, t, gold in ASKED]


def two(*names: str, first: Sequence[Any], second: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(zip(names, first, strict=True)), dict(zip(names, second, strict=True))]
