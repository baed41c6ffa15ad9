"""The difficulty stage: a predicted fail rate in [0, 1], and the band of fail rates that is kept.

The paper drops overly simple questions of one generator only: a band may be a generator's own.
"""

from __future__ import annotations

from engine.text.sigmoid import sigmoid
from store.records import Verdict

STAGE = "difficulty"


def judge(
    question_id: str,
    scorer: str,
    raw: float | None,
    activation: str,
    band: tuple[float, float],
    tokens: int,
    seconds: float,
) -> Verdict:
    """Reasons ``too_easy``, ``too_hard``. Outside the scorer's domain the question is kept, with the remark
    ``outside_domain`` and no score: an unknown difficulty is no reason to drop.

    ``activation``: ``sigmoid`` where ``raw`` is a logit, ``identity`` where it is a fail rate already (then clipped).
    """
    if raw is None:
        return Verdict(question_id, STAGE, scorer, True, None, "outside_domain", None, tokens, seconds)
    score = sigmoid(raw) if activation == "sigmoid" else min(1.0, max(0.0, raw))
    reason = "too_easy" if score < band[0] else "too_hard" if score > band[1] else None
    return Verdict(question_id, STAGE, scorer, reason is None, score, reason, None, tokens, seconds)
