"""Backends without a model, for the pipeline alone: they answer at once, from the seed, and fail on order.

They keep the contract of ``engine.models.base``: answers come by callback, from a thread of their own, in any order.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from engine.models.base import Completion, Failure, Logprobs, OnCompletion, OnScored, OnText, Request, Row, Scored
from store.errors import BackendError, ItemError

Faults = Callable[[str], Failure | None]


def question(seed: int) -> str:
    """A question of its own for every seed; one in ten repeats another."""
    rng = random.Random(seed)
    a, b = rng.randint(2, 999), rng.randint(2, 999)
    things = rng.choice(["apples", "marbles", "coins", "stamps", "shells", "books", "cards", "pens"])
    name = rng.choice(["Ann", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana"])
    if rng.random() < 0.1:
        return "If there are 3 red balls and 4 blue balls in the box, how many balls are there?"
    return f"{name} has {a} {things} and buys {b} more of the {things}. How many {things} does {name} have now?"


class _Worker:
    """A thread that answers in shuffled order, so that nothing may depend on the order."""

    def __init__(self, name: str, window: int, faults: Faults | None, delay: float) -> None:
        self.name, self.window = name, window
        self.calls = 0
        self._faults, self._delay = faults, delay
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._rng = random.Random()
        self._stop = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            jobs = [job]
            while not self._queue.empty() and (more := self._queue.get()) is not None:
                jobs.append(more)
            self._rng.shuffle(jobs)
            for answer in jobs:
                if self._delay:
                    self._stop.wait(self._delay)
                answer()

    def _fault(self, request_id: str) -> Failure | None:
        self.calls += 1
        return self._faults(request_id) if self._faults else None

    def close(self) -> None:
        self._queue.put(None)


class InstantText(_Worker):
    """Writes questions (``kind`` question), solutions (solution) or verdicts (judge) from the seed."""

    def __init__(self, kind: str, window: int = 16, faults: Faults | None = None, delay: float = 0.0) -> None:
        super().__init__(f"instant-{kind}", window, faults, delay)
        self.kind = kind
        self._cancelled: set[str] = set()

    def submit(self, requests: Sequence[Request], on_done: OnCompletion, on_text: OnText | None = None) -> None:
        for request in requests:
            self._queue.put(lambda r=request: on_done(self._answer(r)))  # type: ignore[misc]

    def _answer(self, request: Request) -> Completion | Failure:
        fault = self._fault(request.request_id)
        if fault is not None:
            return fault
        if request.request_id in self._cancelled:
            return Completion(request.request_id, "", 0, 5, 0.0, "cancelled")
        text = self._text(request)
        tokens = len(text.split())
        cut = tokens > request.sampling.max_tokens
        if cut:
            text = " ".join(text.split()[: request.sampling.max_tokens])
        least = -random.Random(request.seed).random()
        return Completion(
            request.request_id,
            text,
            min(tokens, request.sampling.max_tokens),
            5,
            0.001,
            "length" if cut else "stop",
            logprobs=Logprobs(least / 9, least) if request.logprobs else None,
        )

    def _text(self, request: Request) -> str:
        rng = random.Random(request.seed)
        if self.kind == "question":
            return question(request.seed)
        if self.kind == "judge":
            return "Yes, it says so. Verdict: " + ("solvable" if rng.random() < 0.8 else "not solvable")
        return f"We add them up. The answer is \\boxed{{{rng.choice([7, 7, 7, 8, 9])}}}."

    def cancel(self, request_ids: Sequence[str]) -> None:
        self._cancelled.update(request_ids)


class InstantScore(_Worker):
    """Scores rows by their text alone, the same in every process."""

    def __init__(self, name: str, window: int = 16, faults: Faults | None = None, delay: float = 0.0) -> None:
        super().__init__(name, window, faults, delay)

    def submit(self, request_id: str, rows: Sequence[Row], on_done: OnScored) -> None:
        self._queue.put(lambda: on_done(self._answer(request_id, rows)))

    def _answer(self, request_id: str, rows: Sequence[tuple[str, str | None]]) -> Scored | Failure:
        fault = self._fault(request_id)
        if fault is not None:
            return fault
        scores = tuple(random.Random(f"{self.name}{row}").uniform(-2.0, 3.0) for row in rows)
        return Scored(request_id, scores, len(rows), 0.001)


def item_fault(*marks: str) -> Faults:
    """Fails the calls whose id holds one of ``marks``, each by itself."""

    def fault(request_id: str) -> Failure | None:
        if any(mark in request_id for mark in marks):
            return Failure(request_id, ItemError("the prompt is too long for the model"), fatal=False)
        return None

    return fault


def dies_after(calls: int) -> Faults:
    """The backend is gone after so many calls."""
    left = [calls]

    def fault(request_id: str) -> Failure | None:
        left[0] -= 1
        return Failure(request_id, BackendError("The server went away."), fatal=True) if left[0] < 0 else None

    return fault
