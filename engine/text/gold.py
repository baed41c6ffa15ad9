"""A stated final answer against the gold answer of its question."""

from __future__ import annotations

from engine.text.answer_pool import AnswerPool
from engine.text.equality import Equality, compare


def against_gold(
    answer: str | None, gold: str | None, pool: AnswerPool | None, *, cut: bool = False
) -> Equality | None:
    """How the answer compares with the gold one; None without a gold answer.

    A response that states no answer is undecided, unless it was cut off before it could. Without a pool, what needs
    Math-Verify is undecided.
    """
    if gold is None:
        return None
    if answer is None:
        return "different" if cut else "undecided"
    return compare(answer, gold) if pool is None else pool.compare(answer, gold)
