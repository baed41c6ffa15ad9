"""What a paid rewriter costs, by the rows of its file, and how many requests a limit allows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.config.profiles import Role
from engine.models.account import Account
from engine.models.base import Billed


class RewriteCosts:
    """``limit``: USD that all rewrites of this name may cost; None for no limit. ``tried``: the rows so far."""

    def __init__(self, role: Role, limit: float | None, tried: Iterable[Mapping[str, Any]] = ()) -> None:
        costs = [float(row["cost_usd"]) for row in tried if row.get("cost_usd")]
        self.limit, self._account = limit, Account(role, len(costs), sum(costs))
        self.reached = False

    @property
    def spent(self) -> float:
        return self._account.cost

    def add(self, billed: Billed) -> float:
        """Note a request that has ended; returns what it cost."""
        return self._account.add(billed)

    def affordable(self) -> int:
        """How many requests may be in flight at once, each at its expected cost; the first is allowed in any case."""
        if self.limit is None:
            return 1 << 30
        expected = self._account.expected
        count = int((self.limit - self.spent) / expected) if expected else 1 << 30
        if not self._account.requests and self.spent < self.limit:
            count = max(count, 1)
        self.reached = count < 1
        return max(count, 0)
