"""The pipeline's inputs and outputs: tools, audience, counts, outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from engine.models.base import OnText
from engine.stages.contamination import Benchmark
from engine.stages.duplicate import Index
from store.database.run_queries import StageSpend
from store.records import STAGES, Record

Status = Literal["done", "cancelled", "failed", "interrupted"]
Put = Callable[[list[Record]], None]


class Grouper(Protocol):
    """Groups equivalent answers, possibly slowly (``engine.text.answers.AnswerPool``)."""

    def group(self, answers: Sequence[str | None]) -> list[int | None]: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """Judges without a model. ``topics`` classifies texts; ``others`` indexes other runs' questions. ``place``: of the
    next question that the run judges (``store.records.QuestionSignature``). ``earlier_spend``: what the run has cost
    before."""

    topics: Callable[[list[str]], list[str]]
    topic_model: str
    grouper: Grouper
    benchmark: Benchmark
    index: Index
    others: Index | None = None
    place: int = 0
    earlier_spend: Sequence[StageSpend] = ()


@dataclass(frozen=True, slots=True)
class Audience:
    """Callbacks of a live run: all rows as they are written and, with ``on_text``, all text as it appears.

    ``pool`` groups the answers and outlives the run. Callbacks come from the run's threads and must only pass data on.
    The request id of ``on_text`` is ``question_id/purpose/sample``, with ``+`` for a retry.
    """

    on_rows: Put
    on_text: OnText | None
    pool: Grouper


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. ``message``: a sentence for the user unless it is simply done."""

    status: Status
    message: str | None
    seconds: float
    first_pair: float | None


@dataclass(slots=True)
class Counts:
    """The run's counts, earlier processes included; ``failed``, ``tokens``, ``late`` and ``*_here`` count this process
    alone. ``held``: questions that wait for an earlier one, to be judged as duplicates in order; ``late``: questions
    that the others did not wait for any longer."""

    kept: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("generated", *STAGES), 0))
    dropped: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))
    decided: int = 0
    failed: int = 0
    tokens: int = 0
    decided_here: int = 0
    held: int = 0
    late: int = 0
