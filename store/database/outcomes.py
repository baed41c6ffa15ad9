"""How far questions have come: their outcome at each stage, which of them are pairs, and their funnel.

The views (``views.py``) define the same in SQL. What is in memory is judged here; a property test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from store.records import STAGES

Truth = TypeVar("Truth", bool, NDArray[np.bool_])


@dataclass(frozen=True, slots=True)
class StageOutcome:
    """The verdicts of a question as bits: bit k of ``seen`` and ``kept`` is stage k of STAGES."""

    kept: int
    seen: int

    @classmethod
    def of(cls, verdicts: Mapping[str, bool]) -> StageOutcome:
        """From ``{stage: kept}``."""
        bits = {1 << STAGES.index(stage): kept for stage, kept in verdicts.items()}
        return cls(sum(bit for bit, kept in bits.items() if kept), sum(bits))

    @property
    def drop_stage(self) -> str | None:
        """The first stage that dropped the question."""
        return next((stage for stage in STAGES if self.kept_at(stage) is False), None)

    @property
    def passed(self) -> bool:
        """Whether every verdict kept the question, the last stage's too."""
        return self.kept == self.seen and self.kept_at(STAGES[-1]) is True

    def kept_at(self, stage: str) -> bool | None:
        """Whether this stage kept the question; None without a verdict there."""
        bit = 1 << STAGES.index(stage)
        return bool(self.kept & bit) if self.seen & bit else None


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """One stage: ``entered`` = ``kept`` + ``dropped``; ``pending``: kept before, without a verdict here."""

    stage: str
    entered: int
    kept: int
    dropped: int
    pending: int


def is_pair(passed: Truth, accepted: Truth, has_solution: Truth) -> Truth:
    """Whether a question, or each of an array, is a pair: it passed every stage or a reviewer accepted it, and it has
    a chosen solution.
    """
    return (passed | accepted) & has_solution


def funnel(outcomes: Sequence[StageOutcome], counts: Sequence[int]) -> list[FunnelRow]:
    """The stages in order, ``generated`` first; ``counts``: questions with each outcome."""
    counted = list(zip(outcomes, counts, strict=False))
    total = sum(counts)
    rows = [FunnelRow("generated", total, total, 0, 0)]
    for position, stage in enumerate(STAGES):
        before = STAGES[position - 1] if position else None
        kept = sum(count for outcome, count in counted if outcome.kept_at(stage) is True)
        dropped = sum(count for outcome, count in counted if outcome.kept_at(stage) is False)
        pending = sum(
            count
            for outcome, count in counted
            if outcome.kept_at(stage) is None and (before is None or outcome.kept_at(before) is True)
        )
        rows.append(FunnelRow(stage, kept + dropped, kept, dropped, pending))
    return rows
