"""The solvability stage: a judge says whether a question is a complete and consistent mathematics problem.

Two kinds of judge: one that writes, whose CONCLUSION is parsed, and one that scores, whose raw score is a logit.
Nothing here knows which model judges.
"""

from __future__ import annotations

from engine.config.prompts import parse_verdict
from engine.models.base import Completion
from engine.text.sigmoid import sigmoid
from store.records import Verdict

STAGE = "solvability"


def from_text(question_id: str, judge: str, answer: Completion) -> Verdict:
    """Reasons ``not_solvable``, and ``no_verdict`` where the judge came to no conclusion; raw is what it wrote."""
    solvable = parse_verdict(answer.text)
    reason = "no_verdict" if solvable is None else None if solvable else "not_solvable"
    score = None if solvable is None else float(solvable)
    return Verdict(question_id, STAGE, judge, reason is None, score, reason, answer.text, answer.tokens, answer.seconds)


def from_score(
    question_id: str, judge: str, logit: float | None, threshold: float, tokens: int, seconds: float
) -> Verdict:
    """Kept from P(solvable) = sigmoid(logit) >= threshold on; ``no_verdict`` outside the judge's domain."""
    score = None if logit is None else sigmoid(logit)
    reason = "no_verdict" if score is None else None if score >= threshold else "not_solvable"
    return Verdict(question_id, STAGE, judge, reason is None, score, reason, None, tokens, seconds)
