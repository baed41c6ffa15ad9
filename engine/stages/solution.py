"""The solution stage: n sampled solutions, at least one of which must state a final answer (right or wrong)."""

from collections.abc import Sequence

from engine.models.base import Completion
from engine.text.answers import extract
from store.records import Solution, Verdict, solution_id

STAGE = "solution"


def solution(question_id: str, sample: int, text: Completion, solver: str, seed: int) -> Solution:
    """One sample and the final answer that it states. ``text`` ended by itself or at its token limit."""
    return Solution(
        solution_id(question_id, sample),
        question_id,
        sample,
        text.text,
        extract(text.text),
        solver,
        seed,
        text.tokens,
        text.seconds,
        "length" if text.finish_reason == "length" else "stop",
    )


def judge(question_id: str, solver: str, solutions: Sequence[Solution]) -> Verdict:
    """Score: the share of samples that state an answer. Reason ``no_answer`` where none does.

    Tokens and seconds are stored with the solutions only, so that sums over both count them once.
    """
    share = sum(s.answer is not None for s in solutions) / len(solutions)
    reason = None if share else "no_answer"
    return Verdict(question_id, STAGE, solver, reason is None, share, reason)
