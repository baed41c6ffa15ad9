"""What a paid rewriter costs, by the rows of its file, and how many requests a limit allows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.config.profiles import Role
from engine.models.base import Billed

_PROMPT = 1_000
"""Tokens of the longest prompt that is expected."""


class RewriteCosts:
    """``limit``: USD that all rewrites of this name may cost; None for no limit. ``tried``: the rows so far."""

    def __init__(self, role: Role, limit: float | None, tried: Iterable[Mapping[str, Any]] = ()) -> None:
        costs = [float(row["cost_usd"]) for row in tried if row.get("cost_usd")]
        self._role, self.limit, self.spent, self._requests = role, limit, sum(costs), len(costs)
        self.reached = False

    def add(self, billed: Billed) -> float:
        """Note a request that has ended; returns what it cost."""
        cost = self._role.cost(*billed)
        self.spent += cost
        self._requests += cost > 0
        return cost

    def affordable(self) -> int:
        """How many requests may be in flight at once: each counts as much as those before it on average, before the
        first has ended as much as one may cost at most, when one is allowed in any case."""
        if self.limit is None:
            return 1 << 30
        expected = self.spent / self._requests if self._requests else self._role.cost(_PROMPT, self._role.max_tokens)
        count = int((self.limit - self.spent) / expected) if expected else 1 << 30
        if not self._requests and self.spent < self.limit:
            count = max(count, 1)
        self.reached = count < 1
        return max(count, 0)
