"""The solution stage: n sampled solutions, at least one of which must state a final answer (right or wrong)."""

from collections.abc import Sequence

from engine.models.base import Completion
from engine.text.answers import extract
from engine.text.reasoning import split_reasoning
from store.records import Solution, Verdict, solution_id

STAGE = "solution"


def solution(question_id: str, sample: int, text: Completion, solver: str, seed: int) -> Solution:
    """One sample, its reasoning apart, and the final answer that its response states. ``text`` ended by itself or at
    its token limit. The tokens of the reasoning are its share of the characters where the model does not count them.
    """
    reasoning, response = (text.reasoning, text.text) if text.reasoning else split_reasoning(text.text)
    tokens = text.reasoning_tokens
    if reasoning is not None and tokens is None:
        tokens = round(text.tokens * len(reasoning) / max(len(reasoning) + len(response), 1))
    return Solution(
        solution_id(question_id, sample),
        question_id,
        sample,
        response,
        extract(response),
        solver,
        seed,
        text.tokens,
        text.seconds,
        "length" if text.finish_reason == "length" else "stop",
        reasoning=reasoning,
        reasoning_tokens=tokens,
    )


def judge(question_id: str, solver: str, solutions: Sequence[Solution]) -> Verdict:
    """Score: the share of samples that state an answer. Reason ``no_answer`` where none does.

    Tokens and seconds are stored with the solutions only, so that sums over both count them once.
    """
    share = sum(s.answer is not None for s in solutions) / len(solutions)
    reason = None if share else "no_answer"
    return Verdict(question_id, STAGE, solver, reason is None, share, reason)
