"""The solvability stage: a judge decides whether a question is a complete and consistent mathematics problem.

A judge either writes, and its CONCLUSION is parsed, or scores, and its raw score is a logit. A judge that wrote no
conclusion is asked once more, at a temperature at which it may write something else (``SECOND_TEMPERATURE``).
"""

from scipy.special import expit

from engine.models.base import Completion
from engine.text.verdict import parse_verdict
from store.records import Verdict

STAGE = "solvability"
NO_VERDICT, NO_JUDGE = "no_verdict", "no_judge"
SECOND_TEMPERATURE = 0.7


def concluded(answer: Completion) -> bool | None:
    """What the judge concluded: True for solvable, False for not solvable, None where it wrote no conclusion."""
    return parse_verdict(answer.text, ended=answer.finish_reason == "stop")


def unjudged(question_id: str) -> Verdict:
    """Kept with the reason ``no_judge``, where the profile has none."""
    return Verdict(question_id, STAGE, "none", True, None, NO_JUDGE)


def from_text(question_id: str, judge: str, answer: Completion, first: Completion | None = None) -> Verdict:
    """Reasons ``not_solvable``, and ``no_verdict`` where the judge wrote no conclusion; ``raw`` is its text.

    ``first``: an earlier reply without a conclusion, whose tokens and seconds count too.
    """
    solvable = concluded(answer)
    reason = NO_VERDICT if solvable is None else None if solvable else "not_solvable"
    score = None if solvable is None else float(solvable)
    tokens, seconds = answer.tokens, answer.seconds
    if first is not None:
        tokens, seconds = tokens + first.tokens, seconds + first.seconds
    return Verdict(question_id, STAGE, judge, reason is None, score, reason, answer.text, tokens, seconds)


def from_score(
    question_id: str, judge: str, logit: float | None, threshold: float, tokens: int, seconds: float
) -> Verdict:
    """Kept where P(solvable) = sigmoid(logit) >= threshold; ``no_verdict`` outside the judge's domain."""
    score = None if logit is None else float(expit(logit))
    reason = NO_VERDICT if score is None else None if score >= threshold else "not_solvable"
    return Verdict(question_id, STAGE, judge, reason is None, score, reason, None, tokens, seconds)
