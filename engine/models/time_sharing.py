"""Models that take turns on one card: those of one group are on it, the others' work waits for theirs.

A group keeps the card while it has work; it gives way once it has nothing to do, once another group's queue has grown
past the watermark and this one has had its fill, or once a live user waits for another. What leaves goes to sleep where
it can (vLLM), else it is closed and loaded again later. Knows nothing of sizes: who is grouped with whom is given.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.models.base import BATCH, LIVE, Completion, Failure, Request, Scored
from engine.models.device import sentence
from store.errors import BackendError, ScaleQuestError

FILL = 8
"""Full batches that a group works off, and that another has waiting, before the card changes hands."""


@dataclass(slots=True, eq=False)
class _Call:
    """Work that waits: how much, how urgent, how it begins, and how it ends where it never does."""

    rows: int
    priority: int
    begin: Callable[[], None]
    give_up: Callable[[], None]


@dataclass(slots=True, eq=False)
class _Group:
    """``fed``: rows since it came onto the card. ``live``: live rows in flight."""

    members: list[_Member] = field(default_factory=list)
    waiting: deque[_Call] = field(default_factory=deque)
    in_flight: int = 0
    live: int = 0
    fed: int = 0

    @property
    def queued(self) -> int:
        return sum(call.rows for call in self.waiting)

    @property
    def wants_live(self) -> bool:
        return any(call.priority <= LIVE for call in self.waiting)


class Card:
    """One device and its groups. Safe from any thread; a thread of its own changes who is on it."""

    def __init__(self, groups: int) -> None:
        self._groups = [_Group() for _ in range(groups)]
        self._here: _Group | None = None
        self._news = threading.Condition()
        self._open = 0
        self.turns: list[int] = []
        """Which group came onto the card, in order."""
        self._thread = threading.Thread(target=self._run, name="phases", daemon=True)

    def join(self, group: int, member: _Member) -> None:
        with self._news:
            self._groups[group].members.append(member)
            self._open += 1
            if self._open == 1 and not self._thread.is_alive():
                self._thread.start()

    def leave(self, member: _Member) -> None:
        """Its waiting work has been taken back by the member; the card's thread ends with the last one."""
        with self._news:
            for group in self._groups:
                if member in group.members:
                    group.members.remove(member)
                    self._open -= 1
            self._news.notify_all()

    def ask(self, member: _Member, call: _Call) -> None:
        with self._news:
            self._group_of(member).waiting.append(call)
            self._news.notify_all()

    def take_back(self, member: _Member, calls: Sequence[_Call]) -> list[_Call]:
        """Those of the calls that have not begun; they never will."""
        with self._news:
            group = self._group_of(member)
            found = [call for call in calls if call in group.waiting]
            for call in found:
                group.waiting.remove(call)
            return found

    def done(self, member: _Member, rows: int, priority: int) -> None:
        with self._news:
            group = self._group_of(member)  # a member leaves after its last result
            group.in_flight -= rows
            group.live -= rows if priority <= LIVE else 0
            self._news.notify_all()

    def _group_of(self, member: _Member) -> _Group:
        return next(group for group in self._groups if member in group.members)

    # --- the card's thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._news:
                while self._open and not self._due():
                    self._news.wait()
                if not self._open:
                    return
                following = self._next()
                here = self._here
            if following is not None and following is not here:
                self._change(here, following)
            with self._news:
                begun = self._feed()
            for call in begun:
                call.begin()

    def _due(self) -> bool:
        """Whether there is something to do: calls to begin here, or another group's turn."""
        here = self._here
        if here is not None and here.waiting and not self._gives_way(here):
            return True
        return self._next() is not None and (here is None or not here.in_flight)

    def _next(self) -> _Group | None:
        """Who is to be on the card now; None where nobody waits."""
        here = self._here
        if here is not None and (here.waiting or here.in_flight) and not self._gives_way(here):
            return here
        others = [group for group in self._groups if group.waiting and group is not here]
        if not others:
            return here if here is not None and here.waiting else None
        return max(others, key=lambda group: (group.wants_live, group.queued))

    def _gives_way(self, here: _Group) -> bool:
        others = [group for group in self._groups if group is not here]
        if any(group.wants_live for group in others) and not (here.wants_live or here.live):
            return True
        full = any(group.queued >= sum(m.batch for m in group.members) * FILL // 2 for group in others if group.waiting)
        return full and here.fed >= sum(m.batch for m in here.members) * FILL

    def _change(self, here: _Group | None, following: _Group) -> None:
        if here is not None:
            for member in here.members:
                member.sleep()
        self._here = following
        following.fed = 0
        self.turns.append(self._groups.index(following))
        for member in list(following.members):
            member.wake()

    def _feed(self) -> list[_Call]:
        here = self._here
        if here is None or self._gives_way(here):
            return []
        begun = list(here.waiting)
        here.waiting.clear()
        rows = sum(call.rows for call in begun)
        here.in_flight += rows
        here.fed += rows
        here.live += sum(call.rows for call in begun if call.priority <= LIVE)
        return begun


class _Member:
    """One model of a card: on it, asleep, or not opened yet. ``batch``: rows that it works on at once."""

    def __init__(self, name: str, batch: int, card: Card, group: int, open: Callable[[], Any]) -> None:
        self.name, self.batch = name, batch
        self.window = batch * FILL
        self.card, self._open = card, open
        self._calls: dict[str, _Call] = {}
        """Those that have not begun, by request."""
        self._model: Any = None
        self._broken: ScaleQuestError | None = None
        self._asleep = self._closed = False
        self._books = threading.Lock()
        card.join(group, self)

    def wake(self) -> None:
        """Come onto the card: opened at the first time, and each time where the model cannot sleep."""
        if self._model is not None:
            self._model.wake()
        elif self._broken is None:
            try:
                model = self._open()
            except Exception as error:  # noqa: BLE001 - a model that cannot be loaded leaves nobody waiting
                known = isinstance(error, ScaleQuestError)
                self._broken = error if known else BackendError(sentence(self.name, error))  # type: ignore[assignment]
                return
            with self._books:
                if not self._closed:
                    self._model = model
                    return
            model.close()
        self._asleep = False

    def sleep(self) -> None:
        if self._model is None:
            return
        if hasattr(self._model, "sleep"):
            self._model.sleep()
            self._asleep = True
        else:
            self._model.close()
            self._model = None

    def close(self) -> None:
        """Free the model; what has not begun is given up, what is in flight ends as the model ends it."""
        with self._books:
            if self._closed:
                return
            self._closed = True
        self._give_up(list(self._calls))
        if self._model is not None:
            self._model.close()
        self.card.leave(self)

    def _ask(self, request_id: str, call: _Call) -> None:
        self._calls[request_id] = call
        if self._closed:
            self._calls.pop(request_id).give_up()
        else:
            self.card.ask(self, call)

    def _give_up(self, request_ids: Sequence[str]) -> None:
        calls = {key: call for key in request_ids if (call := self._calls.get(key)) is not None}
        back = self.card.take_back(self, list(calls.values()))
        for key, call in calls.items():
            if call in back:
                self._calls.pop(key, None)
                call.give_up()


class PhasedText(_Member):
    """A ``TextModel`` that is on its card in turns."""

    def submit(
        self,
        requests: Sequence[Request],
        on_done: Callable[[Completion | Failure], None],
        on_text: Callable[[str, str], None] | None = None,
    ) -> None:
        for request in requests:
            self._submit_one(request, on_done, on_text)

    def _submit_one(self, request: Request, on_done: Any, on_text: Any) -> None:
        key = request.request_id

        def finish(result: Completion | Failure) -> None:
            self.card.done(self, 1, request.priority)
            on_done(result)

        def begin() -> None:
            self._calls.pop(key, None)
            if self._broken is not None:
                finish(Failure(key, self._broken, fatal=True))
            else:
                self._model.submit([request], finish, on_text)

        def give_up() -> None:
            on_done(Completion(key, "", 0, 0, 0.0, "cancelled"))

        self._ask(key, _Call(1, request.priority, begin, give_up))

    def cancel(self, request_ids: Sequence[str]) -> None:
        self._give_up(request_ids)
        if (model := self._model) is not None and not self._asleep:
            model.cancel(request_ids)


class PhasedScore(_Member):
    """A ``ScoreModel`` that is on its card in turns."""

    def submit(
        self,
        request_id: str,
        rows: Sequence[tuple[str, str | None]],
        on_done: Callable[[Scored | Failure], None],
    ) -> None:
        def finish(result: Scored | Failure) -> None:
            self.card.done(self, len(rows), BATCH)
            on_done(result)

        def begin() -> None:
            self._calls.pop(request_id, None)
            if self._broken is not None:
                finish(Failure(request_id, self._broken, fatal=True))
            else:
                self._model.submit(request_id, rows, finish)

        def give_up() -> None:
            on_done(Failure(request_id, BackendError(f"The scorer '{self.name}' was closed."), fatal=False))

        self._ask(request_id, _Call(len(rows), BATCH, begin, give_up))
