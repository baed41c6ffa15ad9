"""The solvability stage: a judge decides whether a question is a complete and consistent mathematics problem.

A judge either writes, and its CONCLUSION is parsed, or scores, and its raw score is a logit.
"""

from scipy.special import expit

from engine.config.prompts import parse_verdict
from engine.models.base import Completion
from store.records import Verdict

STAGE = "solvability"


def from_text(question_id: str, judge: str, answer: Completion) -> Verdict:
    """Reasons ``not_solvable``, and ``no_verdict`` where the judge wrote no conclusion; ``raw`` is its text."""
    solvable = parse_verdict(answer.text)
    reason = "no_verdict" if solvable is None else None if solvable else "not_solvable"
    score = None if solvable is None else float(solvable)
    return Verdict(question_id, STAGE, judge, reason is None, score, reason, answer.text, answer.tokens, answer.seconds)


def from_score(
    question_id: str, judge: str, logit: float | None, threshold: float, tokens: int, seconds: float
) -> Verdict:
    """Kept where P(solvable) = sigmoid(logit) >= threshold; ``no_verdict`` outside the judge's domain."""
    score = None if logit is None else float(expit(logit))
    reason = "no_verdict" if score is None else None if score >= threshold else "not_solvable"
    return Verdict(question_id, STAGE, judge, reason is None, score, reason, None, tokens, seconds)
