"""What one model with a price has cost, and what its next request is expected to cost."""

from dataclasses import dataclass

from engine.config.profiles import Role
from engine.models.base import Billed

_PROMPT = 1_000
"""Tokens of the longest prompt that is expected."""


@dataclass(slots=True, eq=False)
class Account:
    """``requests``: those that have cost something; ``cost``: USD of all of them."""

    role: Role
    requests: int = 0
    cost: float = 0.0

    @property
    def expected(self) -> float:
        """USD: what requests have cost so far on average; before the first of them has ended, the most that one may."""
        if self.requests:
            return self.cost / self.requests
        return self.role.cost(_PROMPT, max(self.role.max_tokens, self.role.retry_tokens) if self.role.writes else 0)

    def add(self, billed: Billed) -> float:
        """Note the end of a request, with the tokens of all its tries; returns its cost."""
        cost = self.role.cost(*billed)
        self.cost += cost
        self.requests += cost > 0
        return cost
