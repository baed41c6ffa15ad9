"""A layout with a few rows and what is right of them, and the texts that layouts share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Q1, Q2 = "A tray has 5 rows of 6 buns. How many buns is that?", "What is the remainder of 50 divided by 8?"
S1, S2 = "Five times six is \\boxed{30}.", "50 = 6 * 8 + 2, so \\boxed{2}."
BAD = "Five plus six is \\boxed{11}."


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
    """Rows of a layout; a text is a whole file of JSON."""

    name: str
    rows: list[dict[str, Any]] | str
    right: list[Right]


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str | None, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def think(thought: str, text: str) -> str:
    return f"<think>\n{thought}\n</think>\n\n{text}"


GOLD = [Right(Q1, gold="30"), Right(Q2, gold="2")]
PAIRS = [Right(Q1, [S1]), Right(Q2, [S2])]
BOTH = [Right(Q1, [S1], "30", {"correct": ["same"]}), Right(Q2, [S2], "2", {"correct": ["same"]})]


def two(*names: str, first: Sequence[Any], second: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(zip(names, first, strict=True)), dict(zip(names, second, strict=True))]
