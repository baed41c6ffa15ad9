"""Time sharing of one GPU: the models of one phase are resident, requests to the others wait for their phase.

A phase keeps the GPU while it has work. It yields when it is idle, when another phase's queue is past the watermark and
it has run so long that switching takes less than ``SWITCHING`` of the time, or when a live user waits for another
phase. From then on none of its calls starts. Each of its models goes to sleep (vLLM) or is closed as soon as its own
calls have ended, and models of the next phase that have work come as soon as the memory that is free holds them: of one
that sleeps the weights come first, the cache follows. ``placement`` decides which models form a phase.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol

from engine.models.base import LIVE

SWITCHING = 0.05
"""Share of the time that switches between phases may take while all phases have work."""
_LONGEST_SWITCH = 30.0
"""Seconds that count as one switch at most: a first load takes longer, and comes once."""
State = Literal["away", "prepared", "awake"]
"""``away``: asleep, closed or not loaded yet. ``prepared``: its weights are there, its cache is not."""


class Sharer(Protocol):
    """What the GPU needs of a model. ``weights``: bytes of them; ``memory``: bytes of all that it takes while awake;
    ``window``: rows that may wait or be in work; ``in_flight``: rows in work, which the GPU counts."""

    phase: Phase
    weights: int
    memory: int
    window: int
    in_flight: int
    state: State

    @property
    def can_prepare(self) -> bool:
        """Whether its weights can come before its cache."""

    def prepare(self) -> None:
        """Have the weights come back, without the cache."""

    def wake(self) -> None:
        """Become resident."""

    def sleep(self) -> None:
        """Free the GPU."""


@dataclass(slots=True, eq=False)
class Call:
    """A queued call: its model, its rows, its priority, how it starts, and what its caller gets if it never starts."""

    model: Sharer
    rows: int
    priority: int
    start: Callable[[], None]
    abandon: Callable[[], None]


@dataclass(slots=True, eq=False)
class Phase:
    """``live``: rows of live users in flight."""

    models: list[Sharer] = field(default_factory=list)
    queue: deque[Call] = field(default_factory=deque)
    live: int = 0

    @property
    def fill(self) -> float:
        """Queued rows, relative to what may wait."""
        return sum(call.rows for call in self.queue) / max(1, sum(model.window for model in self.models))

    @property
    def live_user_waits(self) -> bool:
        return any(call.priority <= LIVE for call in self.queue)

    @property
    def idle(self) -> bool:
        return not self.queue and not any(model.in_flight for model in self.models)


class SharedGpu:
    """One GPU and its phases. Safe from any thread; a thread of this object switches between the phases.

    ``memory``: bytes for the models that are awake. ``clock`` gives seconds.
    """

    def __init__(self, phases: int, memory: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._phases = [Phase() for _ in range(phases)]
        self._memory, self._clock = memory, clock
        self._resident: Phase | None = None
        self._since = self._moving = 0.0
        """When the resident phase began, and seconds that its models and those before them took to come and go."""
        self._changed = threading.Condition()
        self.history: list[int] = []
        """The number of each phase that became resident, in order."""
        self._thread = threading.Thread(target=self._run, name="phases", daemon=True)

    def join(self, phase: int, model: Sharer) -> Phase:
        with self._changed:
            self._phases[phase].models.append(model)
            if not self._thread.is_alive():
                self._thread.start()
            return self._phases[phase]

    def leave(self, model: Sharer) -> None:
        """Remove a model that has withdrawn its queued calls. The thread ends with the last model."""
        with self._changed:
            if model in model.phase.models:
                model.phase.models.remove(model)
            self._changed.notify_all()

    def enqueue(self, call: Call) -> None:
        with self._changed:
            call.model.phase.queue.append(call)
            self._changed.notify_all()

    def withdraw(self, model: Sharer, calls: Sequence[Call]) -> list[Call]:
        """Take these calls out of the queue; returns the ones that were still queued; they never start."""
        with self._changed:
            queue = model.phase.queue
            withdrawn = [call for call in calls if call in queue]
            for call in withdrawn:
                queue.remove(call)
            return withdrawn

    def done(self, model: Sharer, rows: int, priority: int) -> None:
        with self._changed:
            model.in_flight -= rows
            model.phase.live -= rows if priority <= LIVE else 0
            self._changed.notify_all()

    # --- the thread that switches phases -----------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                while any(phase.models for phase in self._phases) and (step := self._step()) is None:
                    self._changed.wait()
                if not any(phase.models for phase in self._phases):
                    return
            assert step is not None
            step()

    def _step(self) -> Callable[[], None] | None:
        """What to do now; None while there is nothing to do but wait."""
        self._choose_phase()
        leaving = [model for phase in self._phases if phase is not self._resident for model in phase.models
                   if model.state != "away"]  # fmt: skip
        for model in leaving:
            if not model.in_flight:
                return partial(self._move, model.sleep)
        if self._resident is None:
            return None
        if calls := self._startable(self._resident):
            return partial(_start, calls)
        prepared = [model for model in self._resident.models if model.state == "prepared"]
        for model in dict.fromkeys([*prepared, *(call.model for call in self._resident.queue)]):
            if not leaving or model.memory - (model.weights if model.state == "prepared" else 0) <= self._free():
                return partial(self._move, model.wake)
            if model.state == "away" and model.can_prepare and model.weights <= self._free():
                return partial(self._move, model.prepare)
        return None

    def _choose_phase(self) -> None:
        """Let the phase that should be resident now be so."""
        resident = self._resident
        others = [phase for phase in self._phases if phase.queue and phase is not resident]
        if resident is not None and any(model.state == "prepared" for model in resident.models):
            return  # what has begun to come must come whole, before it can go
        if not others or (resident is not None and not resident.idle and not self._should_yield(resident, others)):
            return
        self._resident = max(others, key=lambda phase: (phase.live_user_waits, phase.fill))
        self.history.append(self._phases.index(self._resident))
        self._since, self._moving = self._clock(), 0.0

    def _should_yield(self, resident: Phase, others: Sequence[Phase]) -> bool:
        if any(phase.live_user_waits for phase in others) and not (resident.live_user_waits or resident.live):
            return True
        long_enough = self._clock() - self._since >= min(self._moving, _LONGEST_SWITCH) / SWITCHING
        return long_enough and any(phase.fill >= 0.5 for phase in others)

    def _startable(self, resident: Phase) -> list[Call]:
        """The queued calls of models that are awake; from now on they are in flight."""
        calls = [call for call in resident.queue if call.model.state == "awake"]
        if calls:
            resident.queue = deque(call for call in resident.queue if call.model.state != "awake")
        for call in calls:
            call.model.in_flight += call.rows
            resident.live += call.rows if call.priority <= LIVE else 0
        return calls

    def _free(self) -> int:
        """Bytes that no model takes."""
        models = [model for phase in self._phases for model in phase.models]
        taken = sum(model.memory if model.state == "awake" else model.weights for model in models
                    if model.state != "away")  # fmt: skip
        return self._memory - taken

    def _move(self, move: Callable[[], None]) -> None:
        """Have a model come or go, and count the time that it takes."""
        begun = self._clock()
        move()
        self._moving += self._clock() - begun


def _start(calls: Sequence[Call]) -> None:
    for call in calls:
        call.start()
