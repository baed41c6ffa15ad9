"""The solution stage: n sampled solutions, at least one of which must state a final answer (right or wrong).

A solver of long chains of thought may also leave out samples that were cut off before they ended, and samples that
repeat themselves (``Role.keep_cut``, ``Role.max_repetition``), as ScaleDiff (arXiv 2509.21070) filters by rules.
"""

from collections.abc import Sequence
from dataclasses import replace

from engine.config.profiles import Role
from engine.models.base import Completion
from engine.text import repetition
from engine.text.answers import AnswerPool, against_gold, extract
from engine.text.reasoning import split_reasoning
from store.errors import InputError
from store.records import Solution, Verdict, solution_id

STAGE = "solution"
NO_ANSWER, CUT_OFF, REPETITION = "no_answer", "cut_off", "repetition"


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


def compared(made: Solution, gold: str | None, pool: AnswerPool) -> Solution:
    """The solution with how its final answer compares with the gold one; cut off before an answer is ``different``."""
    return replace(made, correct=against_gold(made.answer, gold, pool, cut=made.finish_reason == "length"))


def check_rollouts(solver: Role, n: int) -> None:
    """InputError unless ``n`` samples of this solver measure how often it is right."""
    if n < 1:
        raise InputError("--n", n, "is below 1", "use 1 or more")
    if n > 1 and solver.temperature == 0.0:
        problem = f"would ask {solver.model} at temperature 0 for the same answer each time"
        raise InputError("--n", n, problem, "use 1, or a profile whose solver samples")


def faults(solutions: Sequence[Solution], keep_cut: bool, max_repetition: float | None) -> list[str | None]:
    """Why each sample can't become a response: ``cut_off``, ``repetition``, ``no_answer``; None where it can."""
    return [_fault(sample, keep_cut, max_repetition) for sample in solutions]


def left_out(solutions: Sequence[Solution], keep_cut: bool, max_repetition: float | None) -> set[int]:
    """The positions of samples with a fault."""
    return {i for i, fault in enumerate(faults(solutions, keep_cut, max_repetition)) if fault is not None}


def _fault(sample: Solution, keep_cut: bool, max_repetition: float | None) -> str | None:
    if not keep_cut and sample.finish_reason == "length":
        return CUT_OFF
    if max_repetition is not None and repetition.of_solution(sample.reasoning, sample.text) > max_repetition:
        return REPETITION
    return NO_ANSWER if sample.answer is None else None


def judge(question_id: str, solver: str, faults: Sequence[str | None]) -> Verdict:
    """Score: the share of samples without a fault. Without any such, the reason is the most frequent fault, and of
    equally frequent ones that of the lowest sample.

    Tokens and seconds are stored with the solutions only, so that sums over both count them once.
    """
    share = sum(fault is None for fault in faults) / len(faults)
    reason = None if share else max(faults, key=faults.count)
    return Verdict(question_id, STAGE, solver, reason is None, share, reason)
