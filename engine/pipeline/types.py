"""What goes into a pipeline and what comes out: live models, tools, what is stored already, counts, the outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from engine.stages.contamination import Benchmark
from engine.stages.duplicate import Index
from store.records import STAGES, Record

Status = Literal["done", "cancelled", "failed", "interrupted"]
Put = Callable[[list[Record]], None]
OnText = Callable[[str, str], None]
"""Told (request id, new text) as a model writes; the id is ``question_id/purpose/sample``, and a ``+`` at a retry."""


class Grouper(Protocol):
    """Groups equivalent answers, slowly if need be (``engine.text.answers.AnswerPool``)."""

    def group(self, answers: Sequence[str | None]) -> list[int | None]: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What judges without a model. ``topics`` names the topics of texts; ``others`` knows other runs' questions."""

    topics: Callable[[list[str]], list[str]]
    topic_model: str
    grouper: Grouper
    benchmark: Benchmark
    index: Index
    others: Index | None = None


@dataclass(frozen=True, slots=True)
class Audience:
    """Who watches a live run: told all rows as they are put, and all text as it appears where ``on_text`` is not None.

    ``pool`` groups the answers and outlives the run. The callbacks come from the run's threads and must only hand on.
    """

    on_rows: Put
    on_text: OnText | None
    pool: Grouper


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. ``message``: the sentence for the user where it is not plainly done."""

    status: Status
    message: str | None
    seconds: float
    first_pair: float | None


@dataclass(slots=True)
class Counts:
    """What the run has reached, earlier processes included; ``failed``, ``tokens``, ``*_here`` are this process's."""

    kept: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("generated", *STAGES), 0))
    dropped: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))
    decided: int = 0
    failed: int = 0
    tokens: int = 0
    decided_here: int = 0
