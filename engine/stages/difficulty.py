"""The difficulty stage: keeps questions whose predicted fail rate in [0, 1] lies in a band.

The paper drops easy questions of one generator only, so each generator may have its own band.
"""

from scipy.special import expit

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
    """Reasons ``too_easy``, ``too_hard``. A question outside the scorer's domain (``raw`` None) is kept without a
    score, with reason ``outside_domain``.

    ``activation``: ``sigmoid`` where ``raw`` is a logit, ``identity`` where it is a fail rate (then clipped).
    """
    if raw is None:
        return Verdict(question_id, STAGE, scorer, True, None, "outside_domain", None, tokens, seconds)
    score = float(expit(raw)) if activation == "sigmoid" else min(1.0, max(0.0, raw))
    reason = "too_easy" if score < band[0] else "too_hard" if score > band[1] else None
    return Verdict(question_id, STAGE, scorer, reason is None, score, reason, None, tokens, seconds)
