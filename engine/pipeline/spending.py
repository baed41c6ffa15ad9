"""What a run's models with a price cost: added up for the store with every flush of rows, and held to a limit.

A request in flight counts as what the requests of its model have cost so far on average; before the first of them has
ended, as the most that one may cost. So a run stops close to its limit, and what is in flight is paid and stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.config.profiles import Role
from engine.models.account import Account
from engine.models.base import Billed
from store.database.run_queries import StageSpend
from store.records import Record, Spend


@dataclass(slots=True, eq=False)
class StageAccount(Account):
    """An account at one stage. ``new``: (requests, tokens read and written) since the last rows."""

    stage: str = ""
    in_flight: int = 0
    new: tuple[int, int, int] = (0, 0, 0)


class Spending:
    """``limit``: USD that the run may cost in all; None for no limit. ``earlier``: what it has cost before."""

    def __init__(self, run_id: str, limit: float | None = None, earlier: Sequence[StageSpend] = ()) -> None:
        self.limit, self._run_id = limit, run_id
        self._earlier = {one.stage: one for one in earlier}
        self._accounts: list[StageAccount] = []
        self._spent = sum(one.cost_usd for one in earlier)
        self._refused = False

    @property
    def spent(self) -> float | None:
        """USD that the run has cost; None where no model has a price."""
        return self._spent if self._accounts or self._earlier else None

    @property
    def exhausted(self) -> bool:
        """Whether the limit refuses every further request and nothing is in flight that would change that."""
        return self._refused and not self.in_flight

    @property
    def in_flight(self) -> int:
        """Requests that are in flight and will cost something."""
        return sum(account.in_flight for account in self._accounts)

    @property
    def sentence(self) -> str:
        """Why the run stopped, without a full stop."""
        left = "the next request may cost more than is left"
        return f"The run stopped at --max-cost {self.limit:g}: it has cost ${self._spent:.4f}, and {left}"

    def account(self, stage: str, role: Role) -> StageAccount | None:
        """A model's account; None where it has no price."""
        if not role.priced:
            return None
        account = StageAccount(role, stage=stage)
        if (before := self._earlier.get(stage)) is not None:
            account.requests, account.cost = before.requests, before.cost_usd
        self._accounts.append(account)
        return account

    def allows(self, account: StageAccount | None) -> bool:
        """Whether another request may be sent."""
        if account is None or self.limit is None:
            return True
        if not account.requests and not account.in_flight and self._spent < self.limit:
            return True  # the first one shows what they cost
        due = sum(one.in_flight * one.expected for one in self._accounts if one.in_flight)
        if self._spent + due + account.expected <= self.limit:
            return True
        self._refused = True
        return False

    def sent(self, account: StageAccount | None) -> None:
        """Note a request that is in flight from now on."""
        if account is not None:
            account.in_flight += 1

    def charge(self, account: StageAccount | None, billed: Billed) -> None:
        """Note the end of a request, with the tokens of all its tries."""
        if account is None:
            return
        account.in_flight -= 1
        self._refused = False
        if billed == (0, 0):
            return
        self._spent += account.add(billed)
        requests, read, written = account.new
        account.new = requests + 1, read + billed[0], written + billed[1]

    def rows(self) -> list[Record]:
        """What was spent since the last rows, to be stored together with what it was spent on."""
        rows: list[Record] = []
        for account in self._accounts:
            if account.new[0]:
                role = account.role
                rows.append(Spend(self._run_id, account.stage, role.name, *account.new, role.cost(*account.new[1:])))
                account.new = (0, 0, 0)
        return rows
