"""Intervals of measured shares."""

from __future__ import annotations

import math

Z95 = 1.96


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of the share hits / n; (0, 1) where nothing was counted."""
    if not n:
        return 0.0, 1.0
    share, spread = hits / n, Z95 * Z95 / n
    middle, half = share + spread / 2, Z95 * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))
