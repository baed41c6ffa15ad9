"""A logit as a probability, without overflow at either end."""

from __future__ import annotations

import math


def sigmoid(logit: float) -> float:
    """1 / (1 + e^-logit)."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    small = math.exp(logit)
    return small / (1.0 + small)
