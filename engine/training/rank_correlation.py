"""Spearman's rank correlation, and the most that any score can reach on values with ties."""

from collections import Counter
from collections.abc import Sequence


def spearman(a: Sequence[float], b: Sequence[float]) -> float | None:
    """None for fewer than three pairs, and where one side is constant."""
    from scipy.stats import spearmanr

    if len(a) < 3 or len(set(a)) < 2 or len(set(b)) < 2:
        return None
    return round(float(spearmanr(a, b).statistic), 4)


def spearman_attainable(values: Sequence[float]) -> float | None:
    """What a score without ties reaches at most: sqrt(1 - sum(t^3 - t) / (n^3 - n)), t the size of each group of equal
    values among all n.

    Fail rates of a few rollouts have many ties (most questions fail none), which a perfect predictor of the true rates
    can't order: measured rates alone say how far below 1 its correlation lies.
    """
    n = len(values)
    if n < 3:
        return None
    tied = sum(t**3 - t for t in Counter(values).values())
    return float(round((1 - tied / (n**3 - n)) ** 0.5, 4))
